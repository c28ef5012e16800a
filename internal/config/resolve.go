package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// resolve fills in what is empty and follows from other settings.
func (c *Config) resolve() {
	if c.Issuer == "" {
		c.Issuer = localIssuer(c.Listen)
	}
	if c.Database == "" {
		c.Database = DatabaseURL("sqlite:" + filepath.Join(c.DataDir, "signet.db"))
	}
	if c.MasterKeyFile == "" && c.MasterKey == "" && !c.Database.Postgres() {
		c.MasterKeyFile = filepath.Join(c.DataDir, "master.key")
	}
}

// localIssuer is how a browser on the same machine reaches the listener. Empty if listen is no host:port.
func localIssuer(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return ""
	}
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// validate checks resolved settings. The error names every one that is wrong.
func (c *Config) validate() error {
	var problems []string
	check := func(key string, err error) {
		if err != nil {
			problems = append(problems, key+": "+err.Error())
		}
	}
	check("listen", checkListen(c.Listen))
	check("issuer", checkIssuer(c.Issuer))
	check("data_dir", checkSet(c.DataDir))
	check("database", checkDatabase(c.Database))
	check("master_key_file", c.checkMasterKey())
	check("database_pool.max_connections", between(c.DatabasePool.MaxConnections, 2, 1000))
	check("database_timeout", between(c.DatabaseTimeout, 100*time.Millisecond, time.Minute))
	check("tokens.access_ttl", between(c.Tokens.AccessTTL, 30*time.Second, 24*time.Hour))
	check("tokens.id_ttl", between(c.Tokens.IDTTL, 30*time.Second, 24*time.Hour))
	check("tokens.code_ttl", between(c.Tokens.CodeTTL, time.Second, 10*time.Minute))
	check("tokens.refresh_idle_ttl", between(c.Tokens.RefreshIdleTTL, time.Minute, c.Tokens.RefreshAbsoluteTTL))
	check("tokens.status_ttl", between(c.Tokens.StatusTTL, time.Second, time.Hour))
	check("sessions.idle", between(c.Sessions.Idle, time.Minute, c.Sessions.Lifetime))
	check("keys.jwks_max_age", between(c.Keys.JWKSMaxAge, time.Second, time.Hour))
	check("keys.rotate_every", between(c.Keys.RotateEvery, time.Hour, 10*365*24*time.Hour))
	check("log.format", oneOf(c.Log.Format, "text", "json"))
	check("snapshot_size", between(c.SnapshotSize, 100, 10_000_000))
	return join(problems)
}

func checkSet(text string) error {
	if text == "" {
		return errors.New("must not be empty")
	}
	return nil
}

func between[T cmp.Ordered](v, low, high T) error {
	if v < low || v > high {
		return fmt.Errorf("%v is not between %v and %v", v, low, high)
	}
	return nil
}

func oneOf(text string, choices ...string) error {
	if !slices.Contains(choices, text) {
		return fmt.Errorf("%q is none of %s", text, strings.Join(choices, ", "))
	}
	return nil
}

func checkListen(listen string) error {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("%q is not host:port such as 127.0.0.1:8080", listen)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("%q has no port between 1 and 65535", listen)
	}
	return nil
}

// checkIssuer holds the issuer to RFC 8414 §2, without a path, and lets it be plain http on this machine alone.
func checkIssuer(issuer string) error {
	u, err := url.Parse(issuer)
	switch {
	case issuer == "": // listen is wrong, and said so
		return nil
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%q is not a URL such as https://login.example.com", issuer)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fmt.Errorf("%q must be https, as only a loopback host may be http: set the URL that clients use", issuer)
	case u.User != nil:
		return errors.New("must not contain a user or password")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(issuer, "#"):
		return fmt.Errorf("%q must have no query or fragment", issuer)
	case u.Path == "/":
		return fmt.Errorf("%q must not end in a slash", issuer)
	case u.Path != "":
		return fmt.Errorf("%q must have no path: give Signet a host name or a port of its own, such as https://login.example.com", issuer)
	}
	return nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// checkDatabase never repeats the URL: it may hold a password.
func checkDatabase(database DatabaseURL) error {
	path, sqlite := strings.CutPrefix(string(database), "sqlite:")
	switch {
	case sqlite && path == "":
		return errors.New("sqlite: needs a path, as in sqlite:/var/lib/signet/signet.db")
	case sqlite:
		return nil
	case !database.Postgres():
		return errors.New("must be postgres://user:password@host/name or sqlite:PATH")
	}
	if u, err := url.Parse(string(database)); err != nil || u.Host == "" && !u.Query().Has("host") {
		return errors.New("is not a well-formed URL; percent-encode special characters of the password")
	}
	return nil
}

func (c *Config) checkMasterKey() error {
	switch {
	case c.MasterKey != "" && c.MasterKeyFile != "":
		return fmt.Errorf("is set, and %s as well: give the master key once", envMasterKey)
	case c.MasterKey == "" && c.MasterKeyFile == "":
		return fmt.Errorf("with Postgres all replicas need the same master key: set this, or %s", envMasterKey)
	}
	return nil
}
