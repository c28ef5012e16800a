package config

import (
	"log/slog"
	"net/url"
	"strings"
)

const redacted = "[redacted]"

// Secret is text that no log, error or listing shows. Convert it to string to use it.
type Secret string

// String hides the secret, and says whether there is one.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString hides the secret from %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText hides the secret from encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue hides the secret from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// DatabaseURL says which database to use: postgres://… or sqlite:PATH. Printed, it hides the password;
// convert it to string to connect.
type DatabaseURL string

// Postgres says whether the database is a Postgres; otherwise it is SQLite.
func (d DatabaseURL) Postgres() bool {
	return strings.HasPrefix(string(d), "postgres://") || strings.HasPrefix(string(d), "postgresql://")
}

// SQLite returns the path of a SQLite database; not ok for another one.
func (d DatabaseURL) SQLite() (path string, ok bool) { return strings.CutPrefix(string(d), "sqlite:") }

// ambiguous says whether readers of a Postgres URL would disagree on what is its password: some end that at the first @, others at the
// last, or before / ? and #.
func (d DatabaseURL) ambiguous() bool {
	_, rest, _ := strings.Cut(string(d), "://")
	user, after, has := strings.Cut(rest, "@")
	return strings.Contains(rest, "#") || has && (strings.ContainsAny(user, "/?") || strings.Contains(after, "@"))
}

// String is the URL without a password.
func (d DatabaseURL) String() string {
	if !d.Postgres() {
		return string(d)
	}
	u, err := url.Parse(string(d))
	if err != nil || d.ambiguous() {
		return redacted
	}
	if _, has := u.User.Password(); has {
		u.User = url.User(u.User.Username())
	}
	// Postgres takes the password as a parameter, too.
	query := u.Query()
	for _, name := range []string{"password", "sslpassword"} {
		query.Del(name)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// GoString hides the password from %#v.
func (d DatabaseURL) GoString() string { return d.String() }

// MarshalText hides the password from encoders.
func (d DatabaseURL) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// LogValue hides the password from slog.
func (d DatabaseURL) LogValue() slog.Value { return slog.StringValue(d.String()) }
