// Package oauth is Signet's OAuth 2.0 and OpenID Connect surface. fosite runs the grants; what it leaves to others, or gets
// wrong, is ours: client authentication, PKCE, targets, errors, introspection and revocation.
package oauth

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/ory/fosite"
	foauth "github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/token/hmac"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/cors"
	"github.com/signet-auth/signet/internal/device"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/interaction"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/limits"
	"github.com/signet-auth/signet/internal/page"
	"github.com/signet-auth/signet/internal/registration"
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/session"
	"github.com/signet-auth/signet/internal/statistics"
	"github.com/signet-auth/signet/internal/token"
)

// Config is what a Provider is made of.
type Config struct {
	Issuer             string
	Secret             []byte // 32 bytes; authenticates codes and refresh tokens
	AccessTTL          time.Duration
	IDTTL              time.Duration
	CodeTTL            time.Duration
	RefreshIdleTTL     time.Duration
	RefreshOverlap     time.Duration // in which a used refresh token gives its unused successor again
	RefreshAbsoluteTTL time.Duration

	Transactions  Transactions
	Grants        Grants
	Credentials   Credentials
	Clients       *authn.Clients
	Bearer        *authn.Bearer
	Keys          *keys.Keys
	Minter        *token.Minter
	Index         *index.Index
	Introspection *introspection.Service
	Revocation    *revocation.Service
	Registry      *registry.Registry
	Registrations *registration.Service
	Directory     *directory.Directory
	Sessions      *session.Sessions
	Devices       *device.Service
	Recorder      *event.Recorder
	Pages         *page.Pages
	Sealer        *interaction.Sealer
	Cache         *cache.Cache
	Counters      *statistics.Counters // nil: nothing is counted
	Limits        *limits.Limits       // nil: there are none
	Log           *slog.Logger
	Now           func() time.Time
}

// Provider serves the endpoints.
type Provider struct {
	Config
	fosite   fosite.OAuth2Provider
	strategy *strategy
	repeats  *event.Bounded
}

// settings are fosite's, where it asks for more than a fixed value.
type settings struct{ *fosite.Config }

// GetRefreshTokenScopes implements fosite.RefreshTokenScopesProvider: a grant gets refresh tokens by offline_access, or as its client is
// registered.
func (settings) GetRefreshTokenScopes(ctx context.Context) []string {
	if sess := sessionOf(ctx); sess.client.SessionRefreshTokens && sess.grant.EndsWithSession {
		return nil
	}
	return []string{domain.ScopeOfflineAccess}
}

const (
	repeatsAtOnce = 20
	repeatsEvery  = time.Second
)

// New wires fosite.
func New(c Config) *Provider {
	p := &Provider{Config: c, repeats: event.NewBounded(c.Recorder, repeatsAtOnce, repeatsEvery)}
	settings := settings{&fosite.Config{
		AccessTokenLifespan:           c.AccessTTL,
		RefreshTokenLifespan:          c.RefreshIdleTTL,
		AuthorizeCodeLifespan:         c.CodeTTL,
		IDTokenLifespan:               c.IDTTL,
		IDTokenIssuer:                 c.Issuer,
		GlobalSecret:                  c.Secret,
		SanitationWhiteList:           []string{"redirect_uri", "scope", "nonce", "code_challenge"},
		OmitRedirectScopeParam:        true,
		DisableRefreshTokenValidation: true,
		ClientAuthenticationStrategy:  p.authenticate,
		RedirectSecureChecker:         fosite.IsRedirectURISecure,
		// Scopes and audiences are judged by target, which knows the APIs; roles by token.Mint.
		ScopeStrategy:            func([]string, string) bool { return true },
		AudienceMatchingStrategy: func([]string, []string) error { return nil },
		// Never used, and preset because fosite's lazy defaults race.
		ClientSecretsHasher: disabled{},
		JWKSFetcherStrategy: disabled{},
		HTTPClient:          &retryablehttp.Client{},
	}}
	hmacStrategy := foauth.NewHMACSHAStrategyUnPrefixed(&hmac.HMACStrategy{Config: settings}, settings)
	p.strategy = &strategy{HMACSHAStrategyUnPrefixed: hmacStrategy, provider: p}
	p.Clients.IssuedToken = p.issuedToken
	store := &storage{provider: p}

	made := parts{provider: p, strategy: p.strategy, storage: store, settings: settings}
	settings.AuthorizeEndpointHandlers = fosite.AuthorizeEndpointHandlers{made.codeHandler(), made.openidHandler()}
	settings.TokenEndpointHandlers = fosite.TokenEndpointHandlers{&requestValidator{provider: p}}
	for _, g := range grants {
		settings.TokenEndpointHandlers = append(settings.TokenEndpointHandlers, g.endpointHandlers(made)...)
	}
	p.fosite = fosite.NewOAuth2Provider(store, settings)
	return p
}

// Mount adds the endpoints to a mux.
func (p *Provider) Mount(mux *http.ServeMux) {
	mux.HandleFunc("GET /oauth2/authorize", p.authorize)
	mux.HandleFunc("POST /oauth2/authorize", p.authorize)
	mux.HandleFunc("HEAD /oauth2/authorize", onlyGetAndPost) // GET would take it, and make a code
	mux.Handle("GET /oauth2/logout", p.Pages.Protect(http.HandlerFunc(p.logout)))
	mux.HandleFunc("POST /oauth2/logout", p.postLogout)
	mux.HandleFunc("HEAD /oauth2/logout", onlyGetAndPost)
	mux.Handle("POST /oauth2/logout/confirm", p.Pages.Protect(http.HandlerFunc(p.confirmLogout)))
	mux.HandleFunc("POST /oauth2/token", p.token)
	mux.HandleFunc("POST /oauth2/device", p.device)
	mux.HandleFunc("POST /oauth2/introspect", p.introspect)
	mux.HandleFunc("POST /introspect", p.introspect)
	mux.HandleFunc("POST /oauth2/revoke", p.revoke)
	mux.HandleFunc("POST /revoke", p.revoke)
	mux.HandleFunc("GET /oauth2/userinfo", p.userinfo)
	mux.HandleFunc("POST /oauth2/userinfo", p.userinfo)
	p.mountRegistration(mux)
	cors.Mount(mux, crossOrigin)
}

// crossOrigin lists the endpoints that scripts of other origins may call, and by which methods: never the authorization endpoint, which
// uses cookies, nor introspection, which needs a secret.
var crossOrigin = map[string]string{
	"/oauth2/token":    "POST",
	"/oauth2/device":   "POST",
	"/oauth2/revoke":   "POST",
	"/revoke":          "POST",
	"/oauth2/userinfo": "GET, POST",
}

// onlyGetAndPost answers any other method.
func onlyGetAndPost(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", "GET, POST")
	w.WriteHeader(http.StatusMethodNotAllowed)
}

// disabled replaces what fosite would fetch or hash by itself.
type disabled struct{}

var errUnsupported = errors.New("not supported")
