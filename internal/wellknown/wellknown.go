// Package wellknown serves what anybody may know and keep for a while: the server's metadata, its key set and the status lists.
package wellknown

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/cors"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/statistics"
	"github.com/signet-auth/signet/internal/status"
)

// Documents serves them.
type Documents struct {
	Issuer            string
	GrantTypes        []domain.GrantType // that the token endpoint knows
	ResponseModes     []string           // of the authorization endpoint
	JWKSMaxAge        time.Duration
	Registration      bool     // clients may register themselves at the registration endpoint,
	MetadataDocuments bool     // and by a metadata document
	AdminScopes       []string // the permissions of the admin API
	StreamScopes      []string // those with which services manage their stream of security events
	Keys              *keys.Keys
	Statuses          *status.Publisher
	Fetches           *statistics.Fetches // of the key set; nil: they are not noted
	Cache             *cache.Cache
	Log               *slog.Logger
	Now               func() time.Time
}

// Mount adds the documents to a mux.
func (d *Documents) Mount(mux *http.ServeMux) {
	handlers := map[string]http.HandlerFunc{
		"/.well-known/jwks.json":                  d.jwks(),
		"/.well-known/openid-configuration":       d.openidConfiguration,
		"/.well-known/oauth-authorization-server": d.serverMetadata,
		"/.well-known/ssf-configuration":          d.transmitterConfiguration,
		resourcePath + domain.StreamsPath:         d.protectedResource(d.Issuer+domain.StreamsPath, "Signet: security events", d.StreamScopes),
		resourcePath:                              d.protectedResource(d.Issuer, "Signet: userinfo", domain.IdentityScopes),
		resourcePath + domain.AdminPath:           d.protectedResource(d.Issuer+domain.AdminPath, "Signet: administration", d.AdminScopes),
		"/statuslists":                            d.statusLists,
		"/statuslists/{id}":                       d.statusList,
	}
	crossOrigin := map[string]string{}
	for path, handler := range handlers {
		mux.HandleFunc("GET "+path, handler)
		crossOrigin[path] = "GET"
	}
	cors.Mount(mux, crossOrigin)
}

// fail answers that a document cannot be had, and logs why, but for a caller who closed the connection.
func (d *Documents) fail(w http.ResponseWriter, r *http.Request, err error) {
	cors.AllowAnyOrigin(w)
	answer := httpjson.ServerError
	if domain.IsTemporary(err) {
		answer = httpjson.Unavailable
	}
	if !errors.Is(r.Context().Err(), context.Canceled) {
		d.Log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
	}
	httpjson.WriteError(w, answer)
}
