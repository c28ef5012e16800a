// Package forwardauth answers proxies that ask whether a request may pass, before they pass it on: nginx, Traefik and Caddy at /forward-auth,
// Envoy by gRPC. A request passes by its access token, or by its browser's sign-in at the application behind the proxy.
//
// A proxy does not authenticate: it learns only what the token or cookie in the request gives its holder anyway. What it says of the
// request counts if it is a trusted proxy.
package forwardauth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/policy"
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/token"
)

// Config is what the surface is made of.
type Config struct {
	Issuer    string
	Key       []byte // seals cookies; 32 bytes
	Bearer    *authn.Bearer
	Codes     Codes
	Grants    Grants
	Sessions  Sessions
	Registry  *registry.Registry
	Directory *directory.Directory
	Policies  *policy.Service
	Minter    *token.Minter
	Cache     *cache.Cache
	Log       *slog.Logger
	Now       func() time.Time
}

// Codes takes the authorization codes of browsers.
type Codes interface {
	// Redeem returns the grant that a code is for. ErrInvalid if the code is not good; any other error means that this is not known.
	Redeem(ctx context.Context, clientID, redirectURI, code, verifier string) (domain.Grant, error)
}

// Surface answers proxies.
type Surface struct {
	Config
	sealer *sealer
}

// New makes the surface.
func New(c Config) (*Surface, error) {
	sealer, err := newSealer(c.Key)
	if err != nil {
		return nil, err
	}
	return &Surface{c, sealer}, nil
}

// Mount adds the endpoint to a mux, and the pages on the hosts of applications.
func (s *Surface) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /forward-auth", s.check)
	mux.HandleFunc("GET "+signInPath, s.signIn)
	mux.HandleFunc("GET "+callbackPath, s.callback)
	mux.HandleFunc("HEAD "+callbackPath, onlyGet) // GET would take it, and use the code up
	mux.HandleFunc(ownPaths, notFound)
}

// notFound answers on the application's host what is not there.
func notFound(w http.ResponseWriter, r *http.Request) {
	ofApplication(w.Header())
	http.NotFound(w, r)
}

// onlyGet answers any other method.
func onlyGet(w http.ResponseWriter, _ *http.Request) {
	ofApplication(w.Header())
	w.Header().Set("Allow", "GET")
	w.WriteHeader(http.StatusMethodNotAllowed)
}

type proxyKey struct{}

// FromProxy marks the context of a connection from a trusted proxy.
func FromProxy(ctx context.Context) context.Context {
	return context.WithValue(ctx, proxyKey{}, true)
}

func fromProxy(r *http.Request) bool { return r.Context().Value(proxyKey{}) != nil }

// refusal is an answer that is no judgement of who asks: a status, and a sentence for those who run the proxy.
type refusal struct {
	status int
	text   string
}

func (e *refusal) Error() string { return e.text }

// check answers a proxy.
func (s *Surface) check(w http.ResponseWriter, r *http.Request) {
	asked, err := readHTTP(r)
	var a answer
	if err == nil {
		a, err = s.judge(r.Context(), asked)
	}
	if err != nil {
		a = s.failed(r.Context(), err)
	}
	switch forNginx := r.Header.Get("X-Original-Uri") != ""; {
	case a.signIn != "" && !forNginx: // which does not hand redirects on
		a.status = http.StatusFound
	case a.status == http.StatusTooManyRequests && forNginx: // which takes it for a failure
		a.status = http.StatusForbidden
	}
	a.write(w)
}

// failed is the answer where there is no judgement.
func (s *Surface) failed(ctx context.Context, err error) answer {
	if refused, ok := errors.AsType[*refusal](err); ok {
		return answer{status: refused.status, text: refused.text}
	}
	if wait, ok := errors.AsType[*domain.WaitError](err); ok {
		return answer{status: http.StatusTooManyRequests, retryAfter: wait.Seconds(), text: httpjson.TooManyRequests}
	}
	if !errors.Is(ctx.Err(), context.Canceled) {
		s.Log.ErrorContext(ctx, "a proxy's question is not answered", "error", err)
	}
	if domain.IsTemporary(err) {
		return answer{status: http.StatusServiceUnavailable, retryAfter: 1, text: httpjson.Unavailable.Description}
	}
	return answer{status: http.StatusInternalServerError, text: httpjson.ServerError.Description}
}

// answer is what a proxy gets.
type answer struct {
	status    int
	who       identity // of a request that may pass
	challenge string   // WWW-Authenticate (RFC 6750 §3), empty: none
	signIn    string   // where a browser can sign in, empty: nowhere
	text      string   // for whoever is refused

	retryAfter int // seconds; 0: nothing is said of it
}

func (a answer) write(w http.ResponseWriter) {
	h := w.Header()
	ofApplication(h)
	if a.status == http.StatusOK {
		a.who.write(h)
		w.WriteHeader(http.StatusOK)
		return
	}
	a.writeRefusal(h)
	http.Error(w, a.text, a.status)
}

// ofApplication sets what goes with every answer. It may be one of the application's host, for which HSTS (RFC 6797) is not Signet's to say.
func ofApplication(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Del("Strict-Transport-Security")
}

// writeRefusal writes the headers of an answer that lets no request pass.
func (a answer) writeRefusal(h http.Header) {
	if a.signIn != "" {
		h.Set("Location", a.signIn)
	}
	if a.challenge != "" {
		h.Set("WWW-Authenticate", a.challenge)
	}
	if a.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(a.retryAfter))
	}
}
