package pdp

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/httpjson"
)

// bundleMaxAge is for how long a service decides by a policy before it asks whether there is another one, in seconds.
const bundleMaxAge = 5

const bundleMedia = "application/policy+jwt"

// Clients authenticates clients. The errors of authn.Clients.AuthenticateConfidential.
type Clients interface {
	AuthenticateConfidential(r *http.Request, form url.Values) (*domain.Client, authn.Caller, error)
}

// bundle serves the policy of an API, signed, to clients that serve the API.
func (s *surface) bundle(w http.ResponseWriter, r *http.Request) {
	echoRequestID(w, r)
	audiences, err := url.ParseQuery(r.URL.RawQuery)
	if named := audiences["audience"]; err != nil || len(named) != 1 || named[0] == "" {
		s.fail(w, r, malformed("Name the API with the parameter 'audience', once."))
		return
	}
	audience := audiences.Get("audience")
	if err := s.Cache.Refresh(r.Context()); err != nil {
		s.fail(w, r, err)
		return
	}
	client, _, err := s.Clients.AuthenticateConfidential(r, url.Values{})
	switch {
	case errors.Is(err, authn.ErrInvalidClient), errors.Is(err, authn.ErrSeveralMethods):
		w.Header().Set("WWW-Authenticate", `Basic realm="signet"`)
		s.fail(w, r, &refusal{http.StatusUnauthorized, "Authenticate with client_id and secret, as Authorization: Basic."})
		return
	case err != nil:
		s.fail(w, r, err)
		return
	case !slices.Contains(client.Serves, audience):
		s.fail(w, r, &refusal{http.StatusForbidden, "You do not serve this API."})
		return
	}
	found, err := s.Policies.Bundle(r.Context(), audience)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", fmt.Sprintf("private, max-age=%d", bundleMaxAge))
	h.Set("Vary", "Authorization")
	h.Set("ETag", found.ETag)
	if httpjson.NoneMatch(r, found.ETag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	signed, err := found.Sign(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	h.Set("Content-Type", bundleMedia)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(signed)))
	w.Write(signed) //nolint:errcheck,gosec // the caller is gone; what we signed is no page
}
