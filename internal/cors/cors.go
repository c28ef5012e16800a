// Package cors says what scripts of other origins may read (Fetch Standard §3.3).
package cors

import (
	"net/http"
	"regexp"
	"strings"
)

// AllowAnyOrigin lets scripts of any origin read the answer, and why it was refused; it never goes with cookies.
func AllowAnyOrigin(w http.ResponseWriter) {
	h := w.Header()
	h["Access-Control-Allow-Origin"], h["Access-Control-Expose-Headers"] = anyOrigin, exposed
}

// The values of headers that are the same in every answer; net/http does not change them.
var (
	anyOrigin = []string{"*"}
	exposed   = []string{"WWW-Authenticate, DPoP-Nonce, Retry-After"}
)

// Mount answers the preflights of paths, each with the methods that scripts may use there.
func Mount(mux *http.ServeMux, paths map[string]string) {
	for path, methods := range paths {
		mux.HandleFunc("OPTIONS "+path, preflight(methods))
	}
}

// preflight answers a browser that asks before a request from another origin (Fetch Standard §4.8). It allows the headers that the
// browser asks for: libraries and tracing add their own.
func preflight(methods string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		AllowAnyOrigin(w)
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
