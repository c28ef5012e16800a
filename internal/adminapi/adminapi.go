// Package adminapi is the JSON API by which programs manage Signet, under /api/v1. Its callers present an access token of
// Signet's own, for the audience urn:signet:admin; each operation asks for one permission.
package adminapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/revocation"
)

const (
	root    = "/api/v1"
	maxBody = 64 << 10 // bytes
	bearer  = "bearer" // the security scheme
)

// Config is what the API is made of.
type Config struct {
	Issuer     string
	Bearer     *authn.Bearer
	Names      index.Resolver
	Index      *index.Index
	Revocation *revocation.Service
	Keys       *keys.Keys
	Log        *slog.Logger
	Now        func() time.Time
}

type surface struct {
	Config
	api huma.API
}

// Mount adds the API to a mux, its description at /api/v1/openapi.json (OpenAPI 3.1) included.
func Mount(mux *http.ServeMux, c Config) {
	config := huma.DefaultConfig("Signet", "1")
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = root+"/openapi", "", ""
	config.CreateHooks = nil // no links to schemas in answers
	config.RejectUnknownQueryParameters = true
	config.Servers = []*huma.Server{{URL: c.Issuer}}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{bearer: {
		Type: "oauth2", Description: "An access token for the resource " + domain.AdminAudience + ".",
		Flows: &huma.OAuthFlows{ClientCredentials: &huma.OAuthFlow{TokenURL: c.Issuer + "/oauth2/token", Scopes: map[string]string{
			domain.PermissionTokensRead:   "List issued tokens",
			domain.PermissionTokensRevoke: "Revoke, suspend and resume tokens",
			domain.PermissionKeysRevoke:   "Revoke signing keys",
		}}},
	}}
	s := &surface{Config: c, api: humago.New(mux, config)}
	s.api.UseMiddleware(s.authorize)

	register(s, http.MethodGet, "/tokens", domain.PermissionTokensRead, "List issued tokens, the newest first", s.listTokens)
	register(s, http.MethodGet, "/tokens/{jti}", domain.PermissionTokensRead, "Show a token of the index", s.findToken)
	register(s, http.MethodPost, "/tokens/{jti}/revoke", domain.PermissionTokensRevoke, "Revoke a token", s.revokeToken)
	register(s, http.MethodPost, "/tokens/{jti}/suspend", domain.PermissionTokensRevoke, "Suspend a token", s.suspendToken)
	register(s, http.MethodPost, "/tokens/{jti}/resume", domain.PermissionTokensRevoke, "Resume a suspended token", s.resumeToken)
	register(s, http.MethodPost, "/revocations", domain.PermissionTokensRevoke, "Revoke many tokens at once", s.createRevocation)
	register(s, http.MethodGet, "/revocations/{id}", domain.PermissionTokensRead, "Show how far a revocation has come", s.findRevocation)
	register(s, http.MethodPost, "/keys/{kid}/revoke", domain.PermissionKeysRevoke, "Revoke a signing key and all that it signed", s.revokeKey)

	mux.HandleFunc(root+"/", s.notFound)
}

// register mounts an operation that needs a permission. What the handler fails with is told as RFC 9457 wants it.
func register[In, Out any](
	s *surface, method, path, permission, summary string, handler func(ctx context.Context, in *In) (*Out, error),
) {
	operation := huma.Operation{
		OperationID: huma.GenerateOperationID(method, path, new(Out)),
		Method:      method, Path: root + path, Summary: summary,
		Security:     []map[string][]string{{bearer: {permission}}},
		MaxBodyBytes: maxBody,
		Errors: []int{
			http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusServiceUnavailable,
		},
	}
	huma.Register(s.api, operation, func(ctx context.Context, in *In) (*Out, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, s.problem(ctx, operation.Path, err)
		}
		return out, nil
	})
}

// authorize lets a request pass whose access token is live, for this API, and has the operation's permission (RFC 6750).
// The caller is the actor of what the operation records.
func (s *surface) authorize(ctx huma.Context, next func(huma.Context)) {
	ctx.SetHeader("Cache-Control", "no-store")
	ctx.SetHeader("X-Content-Type-Options", "nosniff")
	r, _ := humago.Unwrap(ctx)
	caller, err := s.Bearer.Authenticate(r)
	switch {
	case errors.Is(err, authn.ErrNoToken):
		s.challenge(ctx, http.StatusUnauthorized, "", "Send an access token for "+domain.AdminAudience+" as Authorization: Bearer.")
		return
	case errors.Is(err, authn.ErrInvalidToken):
		s.challenge(ctx, http.StatusUnauthorized, `, error="invalid_token"`, "The access token is not valid here.")
		return
	case err != nil:
		s.refuse(ctx, s.problem(ctx.Context(), r.URL.Path, err))
		return
	}
	permission := ctx.Operation().Security[0][bearer][0]
	if !caller.May(permission) {
		s.challenge(ctx, http.StatusForbidden, `, error="insufficient_scope", scope="`+permission+`"`,
			"The access token lacks the scope "+permission+".")
		return
	}
	next(huma.WithContext(ctx, event.WithActor(ctx.Context(), caller.Actor())))
}
