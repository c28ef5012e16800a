package resourceserver

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Middleware makes a handler of one that it protects.
type Middleware func(http.Handler) http.Handler

// Require lets requests through whose access token has all of the permissions; any token that is valid, if none are named. [FromContext] has its
// claims. The token comes in the header, "Authorization: Bearer …" (RFC 6750 §2.1).
//
// Others are answered 401 without a token, or with one that is not valid; 403 without a permission; 503 when it cannot be judged. The
// challenge says which permissions it takes, and where the metadata of the service is.
func (v *Verifier) Require(permissions ...string) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r, ok := v.authenticate(w, r, permissions); ok {
				next.ServeHTTP(w, r)
			}
		})
	}
}

// RequireSignIn lets requests through whose user signed in no longer ago than maxAge, 0: at any time, and by one of the Authentication Context
// Class References, if some are named. Others are answered 401, with what the client has to ask the user for (RFC 9470 §3). It goes inside of
// or around Require, and accepts any token that is valid otherwise.
func (v *Verifier) RequireSignIn(maxAge time.Duration, acrValues ...string) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r, ok := v.authenticate(w, r, nil)
			if !ok {
				return
			}
			claims, _ := FromContext(r.Context())
			recent := maxAge == 0 || time.Since(claims.AuthTime) <= maxAge+v.leeway
			if !claims.AuthTime.IsZero() && recent && (len(acrValues) == 0 || slices.Contains(acrValues, claims.ACR)) {
				next.ServeHTTP(w, r)
				return
			}
			c := challenge{status: http.StatusUnauthorized, code: "insufficient_user_authentication", description: "A newer or stronger sign-in is needed."}
			if len(acrValues) > 0 {
				c.add("acr_values", strings.Join(acrValues, " "))
			}
			if maxAge > 0 {
				c.add("max_age", strconv.FormatInt(int64(maxAge/time.Second), 10))
			}
			v.refuse(w, c)
		})
	}
}

type contextKey struct{}

// FromContext returns the claims of the access token that a request came with. false if no middleware has verified one.
func FromContext(ctx context.Context) (*Claims, bool) {
	claims, ok := ctx.Value(contextKey{}).(*Claims)
	return claims, ok
}

// NewContext returns a context from which [FromContext] returns the claims, for handlers' tests and other transports than net/http.
func NewContext(ctx context.Context, claims *Claims) context.Context {
	return context.WithValue(ctx, contextKey{}, claims)
}

// authenticate verifies the token of a request, and returns the request with its claims. If it is refused that is answered.
func (v *Verifier) authenticate(w http.ResponseWriter, r *http.Request, permissions []string) (*http.Request, bool) {
	token, err := bearer(r)
	var claims *Claims
	if err == nil {
		claims, err = v.Verify(r.Context(), token)
	}
	if err == nil && !claims.Has(permissions...) {
		err = errInsufficientScope
	}
	if err != nil {
		v.refuse(w, challengeOf(err, permissions))
		return nil, false
	}
	return r.WithContext(NewContext(r.Context(), claims)), true
}

var (
	errNoToken           = errors.New("the request has no access token")
	errTwoTokens         = errors.New("the request has more than one Authorization header")
	errInsufficientScope = errors.New("the access token lacks a permission")
)

// bearer returns the token of a request.
func bearer(r *http.Request) (string, error) {
	values := r.Header["Authorization"]
	if len(values) > 1 {
		return "", errTwoTokens
	}
	if len(values) == 0 {
		return "", errNoToken
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.Trim(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", errNoToken
	}
	return token, nil
}

// challenge is what a refused request is answered with (RFC 6750 §3).
type challenge struct {
	status      int
	code        string // empty: the request had no token, and is told no error (§3.1)
	description string
	parameters  []string
}

func (c *challenge) add(name, value string) {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value)
	c.parameters = append(c.parameters, name+`="`+quoted+`"`)
}

// challengeOf says how a request is answered that fails. It says no more of a token that is not valid than its sender knows.
func challengeOf(err error, permissions []string) challenge {
	c := challenge{status: http.StatusUnauthorized, code: "invalid_token", description: "The access token is not valid."}
	switch {
	case errors.Is(err, errNoToken):
		c.code, c.description = "", "Send an access token."
	case errors.Is(err, errTwoTokens):
		c.status, c.code, c.description = http.StatusBadRequest, "invalid_request", "Send one Authorization header."
	case errors.Is(err, errInsufficientScope):
		c.status, c.code, c.description = http.StatusForbidden, "insufficient_scope", "The access token lacks a permission."
	case errors.Is(err, ErrExpired):
		c.description = "The access token has expired."
	case errors.Is(err, ErrBound):
		c.description = "The access token is bound to a key and was sent without a proof."
	case errors.Is(err, ErrRevoked):
		c.description = "The access token was revoked."
	case !errors.Is(err, ErrInvalidToken):
		c.status, c.code, c.description = http.StatusServiceUnavailable, "temporarily_unavailable", "Access tokens cannot be judged at the moment; try again."
	}
	if len(permissions) > 0 && (c.code == "" || c.code == "insufficient_scope") {
		c.add("scope", strings.Join(permissions, " "))
	}
	return c
}

// refuse answers with a challenge.
func (v *Verifier) refuse(w http.ResponseWriter, c challenge) {
	h := w.Header()
	if c.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	} else {
		h.Set("WWW-Authenticate", v.header(c))
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "application/json")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(c.status)
	body := map[string]string{"error_description": c.description}
	if c.code != "" {
		body["error"] = c.code
	}
	_ = json.NewEncoder(w).Encode(body) // the caller is gone
}

// header is the WWW-Authenticate of a challenge.
func (v *Verifier) header(c challenge) string {
	all := challenge{}
	if c.code != "" {
		all.add("error", c.code)
		all.add("error_description", c.description)
	}
	all.parameters = append(all.parameters, c.parameters...)
	if v.metadataURL != "" {
		all.add("resource_metadata", v.metadataURL)
	}
	return strings.TrimSpace("Bearer " + strings.Join(all.parameters, ", "))
}
