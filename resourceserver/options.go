package resourceserver

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"time"
)

const (
	defaultLeeway   = 10 * time.Second
	maxLeeway       = 2 * time.Minute
	defaultMaxStale = time.Hour
	minMaxStale     = time.Minute // room for a fetch that has to be made again
	maxMaxStale     = 24 * time.Hour
	defaultCache    = 32 << 20
)

// Option changes how a Verifier works. [New] says which values are refused.
type Option func(*settings)

type settings struct {
	client        *http.Client
	log           *slog.Logger
	userAgent     string
	leeway        time.Duration
	maxStale      time.Duration
	plainHTTP     bool
	unknownStatus bool
	listHosts     []string
	cacheSize     int
	name          string
	scopes        []string
	polls         *receiverCredentials
	pushes        *receiverCredentials
	policy        *receiverCredentials
	policyHolder  PolicyHolder
	decryption    []DecryptionKey
	decrypts      bool
	signedTokens  bool
}

// receiverCredentials are a receiver's client_id, and its client secret for polls or the bearer token of pushes.
type receiverCredentials struct{ clientID, secret string }

// WithHTTPClient makes the Verifier use the transport of a client, which may have a proxy or certificate authorities of its own. Redirects are
// never followed.
func WithHTTPClient(client *http.Client) Option { return func(s *settings) { s.client = client } }

// WithLogger logs when the issuer cannot be reached, and when it can again. Without it nothing is logged. No token is ever logged.
func WithLogger(log *slog.Logger) Option { return func(s *settings) { s.log = log } }

// WithUserAgent is the User-Agent of requests to the issuer, which tells verifiers apart by it. Otherwise it has the audience and the
// name of the machine.
func WithUserAgent(userAgent string) Option { return func(s *settings) { s.userAgent = userAgent } }

// WithLeeway is by how much clocks may differ, at most two minutes; otherwise ten seconds. A token counts for as much longer.
func WithLeeway(leeway time.Duration) Option { return func(s *settings) { s.leeway = leeway } }

// WithMaxStale is for how long keys count that the issuer has not confirmed, because it is down: a minute to a day, otherwise an hour. A key
// that was revoked meanwhile counts for as long.
func WithMaxStale(age time.Duration) Option { return func(s *settings) { s.maxStale = age } }

// WithPlainHTTP allows an issuer that is at http:// beyond this machine: whoever is on the way to it decides which tokens are accepted.
func WithPlainHTTP() Option { return func(s *settings) { s.plainHTTP = true } }

// WithListHosts allows status lists at other hosts than the issuer's, each written as in a URL, with its port if it has one.
func WithListHosts(hosts ...string) Option {
	return func(s *settings) { s.listHosts = append(s.listHosts, hosts...) }
}

// WithUnknownStatus accepts tokens whose status cannot be told: their list has expired and cannot be fetched, or has no such entry. Then a
// token that was revoked may be accepted until it expires.
func WithUnknownStatus() Option { return func(s *settings) { s.unknownStatus = true } }

// WithCache is how many bytes verified tokens may take in memory, about; otherwise 32 MiB. 0: none are kept.
func WithCache(bytes int) Option { return func(s *settings) { s.cacheSize = bytes } }

// WithName is what people call the service, for its metadata (RFC 9728 §2).
func WithName(name string) Option { return func(s *settings) { s.name = name } }

// WithScopes are the permissions that the service knows, for its metadata (RFC 9728 §2).
func WithScopes(scopes ...string) Option {
	return func(s *settings) { s.scopes = append(s.scopes, scopes...) }
}

// WithEvents polls the issuer for security events (RFC 8936), as a client that serves the audience and is registered to poll. What they
// revoke is refused at once. Each process needs a client of its own: an event that one has acknowledged reaches no other.
func WithEvents(clientID, clientSecret string) Option {
	return func(s *settings) { s.polls = &receiverCredentials{clientID, clientSecret} }
}

// WithPushedEvents takes security events that the issuer pushes (RFC 8935) to [Verifier.EventHandler] for a client that serves the audience.
// They come with the bearer token that was registered with the push endpoint. An event reaches one process: where there are several, let
// each poll, or have an endpoint and a client of its own.
func WithPushedEvents(clientID, bearer string) Option {
	return func(s *settings) { s.pushes = &receiverCredentials{clientID, bearer} }
}

// scopeRule is a scope-token (RFC 6749 §3.3).
var scopeRule = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]+$`)

func (s *settings) check() error {
	switch {
	case s.leeway < 0 || s.leeway > maxLeeway:
		return fmt.Errorf("the leeway must be 0 to %v", maxLeeway)
	case s.maxStale < minMaxStale || s.maxStale > maxMaxStale:
		return fmt.Errorf("the largest age of keys must be %v to %v", minMaxStale, maxMaxStale)
	case s.cacheSize < 0:
		return errors.New("the size of the cache must not be negative")
	case slices.ContainsFunc(s.scopes, func(scope string) bool { return !scopeRule.MatchString(scope) }):
		return errors.New("a scope must be printable ASCII without spaces, quotes and backslashes (RFC 6749 §3.3)")
	}
	if s.polls != nil && s.pushes != nil {
		return errors.New("security events come by poll or by push, not both")
	}
	if s.signedTokens && !s.decrypts {
		return errors.New("signed tokens are accepted anyway where there are no keys to decrypt with")
	}
	if s.policy != nil && (s.policy.clientID == "" || s.policy.secret == "" || s.policyHolder == nil) {
		return errors.New("the policy needs a client_id, its secret, and a holder")
	}
	for _, r := range []*receiverCredentials{s.polls, s.pushes} {
		if r != nil && (r.clientID == "" || r.secret == "") {
			return errors.New("security events need a client_id, and its secret or bearer token")
		}
	}
	return nil
}

func hashOf(secret string) [sha256.Size]byte { return sha256.Sum256([]byte(secret)) }
