// Package wellknown serves what anybody may know and keep for a while: the server's metadata, its key set and the status lists.
package wellknown

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/cors"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/status"
)

// Documents serves them.
type Documents struct {
	Issuer     string
	GrantTypes []domain.GrantType // that the token endpoint knows
	JWKSMaxAge time.Duration
	Keys       *keys.Keys
	Statuses   *status.Publisher
	Cache      *cache.Cache
	Log        *slog.Logger
	Now        func() time.Time
}

// Mount adds the documents to a mux.
func (d *Documents) Mount(mux *http.ServeMux) {
	handlers := map[string]http.HandlerFunc{
		"/.well-known/jwks.json":                  d.jwks,
		"/.well-known/openid-configuration":       d.openidConfiguration,
		"/.well-known/oauth-authorization-server": d.serverMetadata,
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

// wireError is an error as it leaves the server.
type wireError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

// fail answers that a document cannot be had, and logs why, but for a caller who closed the connection.
func (d *Documents) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, e := http.StatusInternalServerError, wireError{"server_error", "The server failed; the failure is in its log."}
	if errors.Is(err, domain.ErrUnavailable) || errors.Is(err, domain.ErrStale) || errors.Is(err, context.Canceled) ||
		errors.Is(err, context.DeadlineExceeded) {
		status, e = http.StatusServiceUnavailable, wireError{"temporarily_unavailable", "The server cannot answer at the moment; try again."}
		w.Header().Set("Retry-After", "1")
	}
	if !errors.Is(r.Context().Err(), context.Canceled) {
		d.Log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "error", err)
	}
	writeJSON(w, status, e)
}

// writeJSON answers with JSON that no cache keeps, unless the answer says otherwise.
func writeJSON(w http.ResponseWriter, status int, body any) {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err) // our own types
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	if status != http.StatusOK || h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(encoded) //nolint:errcheck // the caller is gone
}
