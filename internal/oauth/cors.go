package oauth

import (
	"net/http"
	"regexp"
	"strings"
)

// crossOrigin lists what scripts of other origins may ask, and by which methods. Never the authorization endpoint, which goes by
// cookies, nor introspection, which needs a secret.
var crossOrigin = map[string]string{
	"/oauth2/token":                           "POST",
	"/oauth2/revoke":                          "POST",
	"/revoke":                                 "POST",
	"/oauth2/userinfo":                        "GET, POST",
	"/.well-known/jwks.json":                  "GET",
	"/.well-known/openid-configuration":       "GET",
	"/.well-known/oauth-authorization-server": "GET",
	"/statuslists":                            "GET",
	"/statuslists/{id}":                       "GET",
}

// allowAnyOrigin lets scripts of any origin read the answer; it never goes with cookies.
func allowAnyOrigin(w http.ResponseWriter) {
	w.Header().Set("Access-Control-Allow-Origin", "*")
}

// preflight answers a browser that asks before a request from another origin (Fetch Standard §4.8). It allows the headers that the
// browser asks for: libraries and tracing add their own.
func preflight(methods string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		allowAnyOrigin(w)
		h := w.Header()
		h.Set("Access-Control-Allow-Methods", methods)
		h.Set("Access-Control-Allow-Headers", allowedHeaders(r.Header.Values("Access-Control-Request-Headers")))
		h.Set("Access-Control-Max-Age", "600")
		h.Set("Vary", "Access-Control-Request-Headers")
		w.WriteHeader(http.StatusNoContent)
	}
}

// Bounds of the header names that a preflight repeats.
const (
	maxHeaders     = 32
	maxHeaderBytes = 64
)

var headerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// allowedHeaders names the usual headers, and those that were asked for and are plain names.
func allowedHeaders(asked []string) string {
	allowed := []string{"Authorization", "Content-Type"}
	for name := range strings.SplitSeq(strings.Join(asked, ","), ",") {
		name = strings.Trim(name, " \t")
		usual := strings.EqualFold(name, "Authorization") || strings.EqualFold(name, "Content-Type")
		if len(allowed) < maxHeaders && len(name) <= maxHeaderBytes && headerName.MatchString(name) && !usual {
			allowed = append(allowed, name)
		}
	}
	return strings.Join(allowed, ", ")
}

// onlyGetAndPost answers any other method.
func onlyGetAndPost(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Allow", "GET, POST")
	w.WriteHeader(http.StatusMethodNotAllowed)
}
