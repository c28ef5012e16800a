package wellknown

import (
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/cors"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/keys"
)

// jwks serves the key set (RFC 7517 §5), without a key that any replica revoked before the request: the cache asks the database for
// changes after the request came, once for all requests that wait. If the database does not answer, it is the last one known: its age
// is the time since the database was last asked for changes (RFC 9111 §5.1).
func (d *Documents) jwks() http.HandlerFunc {
	same := http.Header{ // in every answer, whose values net/http does not change
		"Content-Type":  {"application/jwk-set+json"},
		"Cache-Control": {fmt.Sprintf("public, max-age=%d", int(d.JWKSMaxAge.Seconds()))},
	}
	return func(w http.ResponseWriter, r *http.Request) {
		_ = d.Cache.Refresh(r.Context()) // a failure shows as the age
		age := max(0, d.Now().Sub(d.Cache.AsOf()))
		if age > keys.MaxStale*d.JWKSMaxAge {
			d.fail(w, r, fmt.Errorf("%w: the JWKS was last up to date %v ago", domain.ErrUnavailable, age.Round(time.Second)))
			return
		}
		body, etag, err := d.Keys.JWKS(r.Context())
		if err != nil {
			d.fail(w, r, err)
			return
		}
		cors.AllowAnyOrigin(w)
		h := w.Header()
		maps.Copy(h, same)
		h.Set("Age", strconv.Itoa(int(age.Seconds())))
		h.Set("ETag", etag)
		holds := httpjson.NoneMatch(r, etag)
		d.Fetches.Record(r, etag, holds)
		if holds {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.Write(body) //nolint:errcheck // the caller is gone
	}
}
