// Package config holds Signet's settings: what there is to set, the defaults, and how they are read.
// config/signet.yaml explains each of them to those who run Signet.
package config

import (
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Config is every setting. Load returns it resolved: nothing that has a default is empty.
type Config struct {
	Listen           string           `koanf:"listen"` // host:port
	TLS              TLS              `koanf:"tls"`
	ExtAuthzListen   string           `koanf:"ext_authz_listen"` // host:port, where Envoy asks; empty: nowhere
	Drain            time.Duration    `koanf:"drain"`            // between SIGTERM and the end, while /readyz says so
	Issuer           string           `koanf:"issuer"`           // the "iss" of tokens and the base of all URLs (RFC 8414 §2)
	DataDir          string           `koanf:"data_dir"`         // where the SQLite database and its master key are
	Database         DatabaseURL      `koanf:"database"`         // postgres://… or sqlite:PATH
	DatabasePool     DatabasePool     `koanf:"database_pool"`
	DatabaseTimeout  time.Duration    `koanf:"database_timeout"` // of one statement or transaction on behalf of a request
	MasterKey        Secret           `koanf:"-"`                // only from SIGNET_MASTER_KEY; empty: read MasterKeyFile
	MasterKeyFile    string           `koanf:"master_key_file"`
	MasterKeyCommand []string         `koanf:"master_key_command"` // a program and its arguments, which write the master key
	MakeMasterKey    bool             `koanf:"-"`                  // MasterKeyFile was not set, and is made with the SQLite database beside it
	Tokens           Tokens           `koanf:"tokens"`
	Devices          Devices          `koanf:"devices"`
	Sessions         Sessions         `koanf:"sessions"`
	Passwords        Passwords        `koanf:"passwords"`
	Keys             Keys             `koanf:"keys"`
	Audit            Audit            `koanf:"audit"`
	Events           Events           `koanf:"events"`
	Log              Log              `koanf:"log"`
	Metrics          Metrics          `koanf:"metrics"`
	Tracing          Tracing          `koanf:"tracing"`
	TrustedProxies   []netip.Prefix   `koanf:"trusted_proxies"` // whose X-Forwarded-For or Forwarded counts
	CacheSize        int              `koanf:"cache_size"`      // objects that the cache holds
	AdminAPI         AdminAPI         `koanf:"admin_api"`
	Limits           Limits           `koanf:"limits"`
	SelfRegistration SelfRegistration `koanf:"self_registration"`
	File             string           `koanf:"-"` // that was read; empty: none
	Origins          Origins          `koanf:"-"`
}

// Origins say where settings come from that are set: FromFlag, FromEnvironment or FromFile, by their keys.
type Origins map[string]string

// TLS says how the server speaks HTTPS itself: by files, by ACME or for development. None: a proxy before it does.
type TLS struct {
	CertFile     string `koanf:"cert_file"`     // PEM, the certificate and those that it rests on
	KeyFile      string `koanf:"key_file"`      // PEM
	RedirectFrom string `koanf:"redirect_from"` // host:port, where plain HTTP is answered with the https address; empty: nowhere
	ACME         ACME   `koanf:"acme"`
	Dev          bool   `koanf:"dev"` // by an authority of this installation's own
}

// On reports whether the server speaks HTTPS itself.
func (t TLS) On() bool { return t.CertFile != "" || t.ACME.AgreeTerms || t.Dev }

// ACME says how certificates are obtained from an authority (RFC 8555).
type ACME struct {
	AgreeTerms bool     `koanf:"agree_terms"`  // to the authority's; certificates are obtained then
	Directory  string   `koanf:"directory"`    // https URL
	Email      string   `koanf:"email"`        // of the account; may be empty
	Domains    []string `koanf:"domains"`      // hosts; the issuer's is one
	RootFile   string   `koanf:"root_file"`    // PEM, which the directory's own certificate rests on; empty: the system's
	EABKeyID   string   `koanf:"eab_key_id"`   // of an account with the authority, to which that of ACME is bound (RFC 8555 §7.3.4); empty: none
	EABKeyFile string   `koanf:"eab_key_file"` // its MAC key, base64url
}

// DatabasePool bounds the connections to the database.
type DatabasePool struct {
	MaxConnections int `koanf:"max_connections"`
}

// Tokens are the lifetimes of what Signet issues, and its size.
type Tokens struct {
	MaxSize            int           `koanf:"max_size"`             // of access tokens, in bytes
	AccessTTL          time.Duration `koanf:"access_ttl"`           // of access tokens, where their API sets none
	IDTTL              time.Duration `koanf:"id_ttl"`               // of ID tokens
	CodeTTL            time.Duration `koanf:"code_ttl"`             // of authorization codes
	RefreshIdleTTL     time.Duration `koanf:"refresh_idle_ttl"`     // of a refresh token that is not used
	RefreshOverlap     time.Duration `koanf:"refresh_overlap"`      // in which a used refresh token gives its unused successor again
	RefreshAbsoluteTTL time.Duration `koanf:"refresh_absolute_ttl"` // of a grant, however often it is refreshed
	StatusTTL          time.Duration `koanf:"status_ttl"`           // for how long a service may use a status list
}

// Devices say how devices without a browser wait for their user (RFC 8628).
type Devices struct {
	CodeTTL  time.Duration `koanf:"code_ttl"` // of a request that nobody answers
	Interval time.Duration `koanf:"interval"` // between two polls
}

// Sessions are the lifetimes of a browser's sign-in.
type Sessions struct {
	Idle     time.Duration `koanf:"idle"`
	Lifetime time.Duration `koanf:"lifetime"`
}

// Passwords are the rules for new passwords.
type Passwords struct {
	MinLength int           `koanf:"min_length"` // characters
	LinkTTL   time.Duration `koanf:"link_ttl"`   // of a link with which a user sets a password
}

// AdminAPI bounds what programs ask for that manage Signet.
type AdminAPI struct {
	RequestsPerSecond int `koanf:"requests_per_second"` // of each caller at each server; 0: no limit
}

// Limits bound what one client, user or address asks of a server in a second, for long; ten times as many at once. 0: no limit.
type Limits struct {
	RequestsPerClient     int `koanf:"requests_per_client"`
	RequestsPerUser       int `koanf:"requests_per_user"`
	PagesPerAddress       int `koanf:"pages_per_address"`
	FailuresPerAddress    int `koanf:"failures_per_address"`
	Connections           int `koanf:"connections"`             // at the same time
	ConnectionsPerAddress int `koanf:"connections_per_address"` // at the same time
}

// SelfRegistration says which clients may register themselves, and what they may ask for.
type SelfRegistration struct {
	MetadataDocuments string        `koanf:"metadata_documents"` // nobody, listed or anybody
	MetadataHosts     []string      `koanf:"metadata_hosts"`     // the listed ones
	MetadataPrivate   bool          `koanf:"metadata_private"`   // documents may be at private addresses
	Endpoint          string        `koanf:"endpoint"`           // nobody, invited or anybody
	Permissions       []string      `koanf:"permissions"`        // AUDIENCE or AUDIENCE#permission
	MaxClients        int           `koanf:"max_clients"`        // at the same time
	UnusedTTL         time.Duration `koanf:"unused_ttl"`         // after which a client is deleted
}

// Ceiling is what Permissions name, by API.
func (s SelfRegistration) Ceiling() (apis []domain.ClientAPI) {
	for _, named := range s.Permissions {
		audience, permission, one := strings.Cut(named, "#")
		i := slices.IndexFunc(apis, func(a domain.ClientAPI) bool { return a.Audience == audience })
		switch {
		case i < 0 && one:
			apis = append(apis, domain.ClientAPI{Audience: audience, Permissions: []string{permission}})
		case i < 0:
			apis = append(apis, domain.ClientAPI{Audience: audience})
		case one:
			apis[i].Permissions = append(apis[i].Permissions, permission)
		}
	}
	return apis
}

// Audit says how long the audit log is kept.
type Audit struct {
	Retention time.Duration `koanf:"retention"` // 0: for ever
}

// Events says how long security events are kept for their receivers.
type Events struct {
	Retention time.Duration `koanf:"retention"`
}

// Keys say how signing keys are published and changed.
type Keys struct {
	JWKSMaxAge  time.Duration `koanf:"jwks_max_age"` // for how long others may cache the JWKS
	RotateEvery time.Duration `koanf:"rotate_every"`
}

// Metrics says where metrics are read.
type Metrics struct {
	Listen string `koanf:"listen"` // host:port; empty: nowhere
}

// Tracing says where traces are sent, and of which requests.
type Tracing struct {
	Endpoint string  `koanf:"endpoint"` // http or https URL of a collector; empty: nowhere
	Sample   float64 `koanf:"sample"`   // a share, from 0 to 1
}

// Log says what is logged, and how.
type Log struct {
	Level  slog.Level `koanf:"level"`
	Format string     `koanf:"format"` // text or json
}

// letsEncrypt is the authority that most use.
const letsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"

// Default returns the settings of an installation that sets nothing, before empty ones are filled in from others.
func Default() Config {
	return Config{
		Listen:          "127.0.0.1:8080",
		TLS:             TLS{ACME: ACME{Directory: letsEncrypt}},
		Drain:           5 * time.Second,
		DataDir:         "./signet-data",
		DatabasePool:    DatabasePool{MaxConnections: 16},
		DatabaseTimeout: 1500 * time.Millisecond,
		Tokens: Tokens{
			MaxSize:            16 << 10,
			AccessTTL:          10 * time.Minute,
			IDTTL:              10 * time.Minute,
			CodeTTL:            time.Minute,
			RefreshIdleTTL:     14 * 24 * time.Hour,
			RefreshOverlap:     10 * time.Second,
			RefreshAbsoluteTTL: 90 * 24 * time.Hour,
			StatusTTL:          10 * time.Second,
		},
		Devices:          Devices{CodeTTL: 10 * time.Minute, Interval: 5 * time.Second},
		Sessions:         Sessions{Idle: 12 * time.Hour, Lifetime: 7 * 24 * time.Hour},
		Passwords:        Passwords{MinLength: 10, LinkTTL: 24 * time.Hour},
		Keys:             Keys{JWKSMaxAge: time.Minute, RotateEvery: 30 * 24 * time.Hour},
		Audit:            Audit{Retention: 400 * 24 * time.Hour},
		Events:           Events{Retention: 30 * 24 * time.Hour},
		Log:              Log{Level: slog.LevelInfo, Format: "text"},
		Tracing:          Tracing{Sample: 0.01},
		CacheSize:        20000,
		AdminAPI:         AdminAPI{RequestsPerSecond: 100},
		Limits:           Limits{RequestsPerUser: 100, PagesPerAddress: 100, FailuresPerAddress: 20, Connections: 10_000, ConnectionsPerAddress: 2000},
		SelfRegistration: SelfRegistration{MetadataDocuments: "nobody", Endpoint: "nobody", MaxClients: 10_000, UnusedTTL: 90 * 24 * time.Hour},
	}
}
