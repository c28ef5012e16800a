package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/outbound"
)

// resolve fills in what is empty and follows from other settings.
func (c *Config) resolve() {
	if c.Issuer == "" {
		c.Issuer = localIssuer(c.Listen, c.TLS.On())
	}
	if host := hostOf(c.Issuer); c.TLS.ACME.AgreeTerms && len(c.TLS.ACME.Domains) == 0 && host != "" {
		c.TLS.ACME.Domains = []string{host}
	}
	if c.Database == "" {
		c.Database = databaseIn(c.DataDir)
	}
	if c.MasterKeyFile == "" && c.MasterKey == "" && len(c.MasterKeyCommand) == 0 && !c.Database.Postgres() {
		c.MasterKeyFile, c.MakeMasterKey = filepath.Join(c.DataDir, "master.key"), true
	}
}

// databaseIn is the database of an installation that names none.
func databaseIn(dataDir string) DatabaseURL {
	return DatabaseURL("sqlite:" + filepath.Join(dataDir, "signet.db"))
}

// validate checks resolved settings. The error names every one that is wrong.
func (c *Config) validate() error {
	var problems []string
	check := func(key string, err error) {
		if err != nil {
			problems = append(problems, key+": "+err.Error())
		}
	}
	check("listen", cmp.Or(checkListen(c.Listen), c.checkExposure(c.Listen)))
	if c.ExtAuthzListen != "" {
		check("ext_authz_listen", cmp.Or(checkListen(c.ExtAuthzListen), c.checkExposure(c.ExtAuthzListen)))
	}
	c.TLS.validate(c.Issuer, check)
	check("issuer", checkIssuer(c.Issuer))
	check("data_dir", cmp.Or(checkSet(c.DataDir), checkPath(c.DataDir)))
	if c.Database != databaseIn(c.DataDir) { // which data_dir answers for
		check("database", checkDatabase(c.Database))
	}
	check("master_key_file", c.checkMasterKey())
	check("database_pool.max_connections", between(c.DatabasePool.MaxConnections, 2, 1000))
	check("drain", between(c.Drain, 0, time.Minute))
	check("database_timeout", between(c.DatabaseTimeout, 100*time.Millisecond, time.Minute))
	check("tokens.max_size", between(c.Tokens.MaxSize, 2<<10, domain.MaxTokenSize))
	check("tokens.access_ttl", between(c.Tokens.AccessTTL, 30*time.Second, 24*time.Hour))
	check("tokens.id_ttl", between(c.Tokens.IDTTL, 30*time.Second, 24*time.Hour))
	check("tokens.code_ttl", between(c.Tokens.CodeTTL, time.Second, 10*time.Minute))
	check("tokens.refresh_overlap", between(c.Tokens.RefreshOverlap, 0, domain.MaxRefreshOverlap))
	check("tokens.refresh_idle_ttl", between(c.Tokens.RefreshIdleTTL, time.Minute, c.Tokens.RefreshAbsoluteTTL))
	check("tokens.status_ttl", between(c.Tokens.StatusTTL, time.Second, time.Hour))
	check("devices.code_ttl", between(c.Devices.CodeTTL, time.Minute, 30*time.Minute))
	check("devices.interval", between(c.Devices.Interval, time.Second, time.Minute))
	check("sessions.idle", between(c.Sessions.Idle, time.Minute, c.Sessions.Lifetime))
	check("passwords.min_length", between(c.Passwords.MinLength, 8, 128))
	check("passwords.link_ttl", between(c.Passwords.LinkTTL, time.Minute, 30*24*time.Hour))
	check("keys.jwks_max_age", between(c.Keys.JWKSMaxAge, time.Second, time.Hour))
	check("events.retention", between(c.Events.Retention, 24*time.Hour, 365*24*time.Hour))
	if c.Audit.Retention != 0 {
		check("audit.retention", between(c.Audit.Retention, 30*24*time.Hour, 100*365*24*time.Hour))
	}
	check("keys.rotate_every", between(c.Keys.RotateEvery, time.Hour, 10*365*24*time.Hour))
	if c.Metrics.Listen != "" {
		check("metrics.listen", checkListen(c.Metrics.Listen))
	}
	c.checkDistinct(check)
	check("trusted_proxies", checkProxies(c.TrustedProxies))
	if c.Tracing.Endpoint != "" {
		check("tracing.endpoint", checkCollector(c.Tracing.Endpoint))
	}
	check("tracing.sample", between(c.Tracing.Sample, 0, 1))
	check("log.format", oneOf(c.Log.Format, "text", "json"))
	check("admin_api.requests_per_second", between(c.AdminAPI.RequestsPerSecond, 0, 100_000))
	c.Limits.validate(check)
	check("cache_size", between(c.CacheSize, 100, 10_000_000))
	c.SelfRegistration.validate(check)
	return join(problems)
}

func (l Limits) validate(check func(key string, err error)) {
	for key, perSecond := range map[string]int{
		"requests_per_client": l.RequestsPerClient, "requests_per_user": l.RequestsPerUser,
		"pages_per_address": l.PagesPerAddress, "failures_per_address": l.FailuresPerAddress,
	} {
		check("limits."+key, between(perSecond, 0, 1_000_000))
	}
	check("limits.connections", between(l.Connections, 0, 1_000_000))
	check("limits.connections_per_address", between(l.ConnectionsPerAddress, 0, 1_000_000))
}

func (s SelfRegistration) validate(check func(key string, err error)) {
	const section = "self_registration."
	check(section+"metadata_documents", oneOf(s.MetadataDocuments, "nobody", "listed", "anybody"))
	if listed := s.MetadataDocuments == "listed"; listed != (len(s.MetadataHosts) > 0) {
		check(section+"metadata_hosts", errors.New("belongs with metadata_documents: listed, and that needs it"))
	}
	for _, host := range s.MetadataHosts {
		if !hostPattern.MatchString(host) {
			check(section+"metadata_hosts", fmt.Errorf("%q is not a host such as app.example, or *.apps.example for those below it", host))
		}
	}
	check(section+"endpoint", oneOf(s.Endpoint, "nobody", "invited", "anybody"))
	for _, named := range s.Permissions {
		audience, permission, one := strings.Cut(named, "#")
		switch whole := slices.Contains(s.Permissions, audience); {
		case audience == "" || one && permission == "":
			check(section+"permissions", fmt.Errorf("%q is neither the audience of an API nor AUDIENCE#permission", named))
		case one && whole:
			check(section+"permissions", fmt.Errorf("%q is a part of %q, which is listed too: keep one of them", named, audience))
		case !one && audience == domain.AdminAudience:
			check(section+"permissions", fmt.Errorf("%q would give all of Signet to such clients: name its permissions one by one", named))
		}
	}
	check(section+"max_clients", between(s.MaxClients, 1, 1_000_000))
	check(section+"unused_ttl", between(s.UnusedTTL, 48*time.Hour, 10*365*24*time.Hour))
}

var hostPattern = regexp.MustCompile(`^(\*\.)?[a-z0-9]([a-z0-9.-]*[a-z0-9])?$`)

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

// checkDistinct refuses two listeners that cannot be at once.
func (c *Config) checkDistinct(check func(key string, err error)) {
	listeners := []struct{ key, at string }{
		{"listen", c.Listen}, {"ext_authz_listen", c.ExtAuthzListen}, {"metrics.listen", c.Metrics.Listen}, {"tls.redirect_from", c.TLS.RedirectFrom},
	}
	for i, one := range listeners {
		for _, before := range listeners[:i] {
			if collide(before.at, one.at) {
				check(one.key, fmt.Errorf("%q is taken by %s, %q: give it a port of its own", one.at, before.key, before.at))
			}
		}
	}
}

// collide says whether one of two addresses is a part of the other.
func collide(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB {
		return false
	}
	return strings.EqualFold(hostA, hostB) || covers(hostA, hostB) || covers(hostB, hostA)
}

// covers says whether a host is a wildcard that another one falls under; 0.0.0.0 has no address of IPv6.
func covers(wildcard, host string) bool {
	all, err := netip.ParseAddr(wildcard)
	if wildcard != "" && (err != nil || !all.IsUnspecified()) {
		return false
	}
	at, err := netip.ParseAddr(host)
	return !all.Is4() || err != nil || at.Unmap().Is4()
}

func checkProxies(proxies []netip.Prefix) error {
	for _, p := range proxies {
		if p.Bits() == 0 {
			return fmt.Errorf("%v is everybody, who could then choose the address by which they are limited and logged: name the addresses of the proxies alone", p)
		}
	}
	return nil
}

// checkCollector never repeats the URL: it may hold a secret by mistake.
func checkCollector(endpoint string) error {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return errors.New("is not a URL such as http://127.0.0.1:4318")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || strings.Contains(endpoint, "#"):
		return errors.New("must have no user, no password, no query and no fragment: a collector that wants a secret gets it by OTEL_EXPORTER_OTLP_HEADERS")
	}
	return nil
}

// checkExposure refuses plain HTTP that other machines reach: passwords, secrets and tokens would go in clear.
func (c *Config) checkExposure(listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil || c.TLS.On() || len(c.TrustedProxies) > 0 || outbound.IsLoopback(strings.ToLower(host)) {
		return nil
	}
	return fmt.Errorf("%q can be reached from other machines, without HTTPS: set tls.cert_file and tls.key_file or tls.acme, or name in trusted_proxies "+
		"the proxy before it that speaks HTTPS, or listen on 127.0.0.1", listen)
}

// checkDatabase never repeats the URL: it may hold a password.
func checkDatabase(database DatabaseURL) error {
	if path, sqlite := database.SQLite(); sqlite {
		return checkSQLite(path)
	}
	if !database.Postgres() {
		return errors.New("must be postgres://user:password@host/name or sqlite:PATH")
	}
	if strings.TrimSpace(string(database)) != string(database) {
		return errors.New("must not end in a blank")
	}
	if database.ambiguous() {
		return errors.New("has a # or an @ where none belongs: percent-encode special characters of the user and the password (# is %23, @ is %40, / is %2F, ? is %3F)")
	}
	if u, err := url.Parse(string(database)); err != nil || u.Host == "" && !u.Query().Has("host") {
		return errors.New("is not a well-formed URL; percent-encode special characters of the password")
	}
	return nil
}

// checkSQLite refuses what other programs write for a SQLite database and what would be a file of an odd name here.
func checkSQLite(path string) error {
	_, query, _ := strings.Cut(path, "?")
	switch {
	case strings.TrimSpace(path) == "":
		return errors.New("sqlite: needs a path, as in sqlite:/var/lib/signet/signet.db")
	case strings.TrimSpace(path) != path:
		return fmt.Errorf("%q begins or ends with a blank: write sqlite:%s", "sqlite:"+path, strings.TrimSpace(path))
	case strings.HasPrefix(path, ":"):
		return fmt.Errorf("sqlite:%s would be forgotten when Signet ends: name a file, as in sqlite:/var/lib/signet/signet.db", path)
	case strings.HasPrefix(path, "//"):
		return fmt.Errorf("sqlite:%s is a URL: write the path alone, as in sqlite:/%s", path, strings.TrimLeft(path, "/"))
	case strings.HasPrefix(strings.ToLower(path), "file:"):
		return errors.New("sqlite: takes a path, not a file: URL, as in sqlite:/var/lib/signet/signet.db")
	case strings.Contains(query, "="):
		return errors.New("sqlite: takes a path without parameters, as in sqlite:/var/lib/signet/signet.db")
	case strings.HasSuffix(path, "/"):
		return fmt.Errorf("sqlite:%s is a folder: name a file in it, as in sqlite:%ssignet.db", path, path)
	case percentEncoded.MatchString(path):
		return fmt.Errorf("sqlite:%s is a path and no URL, in which nothing is percent-encoded: write the character itself for %s",
			path, percentEncoded.FindString(path))
	}
	return checkPath(path)
}

var (
	percentEncoded = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	shellVariable  = regexp.MustCompile(`\$[A-Za-z_{(]\w*|%[A-Za-z_]\w*%`)
)

// checkPath refuses a path that only a shell expands, or that has a blank at an end, which nobody sees.
func checkPath(path string) error {
	if strings.TrimSpace(path) != path {
		return fmt.Errorf("%q begins or ends with a blank: write %q", path, strings.TrimSpace(path))
	}
	if variable := shellVariable.FindString(path); variable != "" {
		return fmt.Errorf("%q has %s, which means a variable to a shell alone: write the whole path, such as /var/lib/signet", path, variable)
	}
	if strings.HasPrefix(path, "~") {
		return fmt.Errorf("%q begins with ~, which means a home directory to a shell alone: write the whole path (or ./~ for a file of that name)", path)
	}
	if strings.Contains(path, "\x00") {
		return fmt.Errorf("%q is not a path", path)
	}
	return nil
}

func (c *Config) checkMasterKey() error {
	command := len(c.MasterKeyCommand) > 0
	switch {
	case c.MasterKey != "" && c.MasterKeyFile != "":
		return fmt.Errorf("is set, and %s as well: give the master key once", envMasterKey)
	case command && c.MasterKeyFile != "":
		return errors.New("is set, and master_key_command as well: give the master key once")
	case command && c.MasterKey != "":
		return fmt.Errorf("%s is set, and master_key_command as well: give the master key once", envMasterKey)
	case c.MasterKey == "" && c.MasterKeyFile == "" && !command:
		return fmt.Errorf("with Postgres all replicas need the same master key: set this, %s or master_key_command", envMasterKey)
	}
	return checkPath(c.MasterKeyFile)
}
