package server

import (
	"net/http"
	"net/url"
	"strings"
)

// under serves a handler under the path of the issuer, such as /auth, whether or not a proxy strips it: config ensures that no path of the
// handler begins so. A Location that is a path gets it too. Documents below /.well-known are also at /.well-known/NAME/auth (RFC 8414 §3.1,
// RFC 9728 §3.1).
func under(issuer string, next http.Handler) http.Handler {
	u, err := url.Parse(issuer)
	if err != nil || u.Path == "" {
		return next
	}
	base := u.Path
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		below := *r
		below.URL = new(url.URL)
		*below.URL = *r.URL
		path, ok := withoutBase(r.URL.Path, base)
		raw, rawOK := withoutBase(r.URL.RawPath, base)
		if ok && (rawOK || r.URL.RawPath == "") { // not where the base itself is escaped
			below.URL.Path, below.URL.RawPath = path, raw
		}
		defer func() { r.Pattern = below.Pattern }() // also of a handler that panics
		next.ServeHTTP(&underWriter{w, base}, &below)
	})
}

// withoutBase is a path without the base at its beginning, or after /.well-known/NAME. ok is false if it has none.
func withoutBase(path, base string) (rest string, ok bool) {
	if rest, ok = cutSegments(path, base); ok {
		if rest == "" {
			rest = "/"
		}
		return rest, true
	}
	document, ok := strings.CutPrefix(path, "/.well-known/")
	if !ok {
		return "", false
	}
	name, inserted, ok := strings.Cut(document, "/")
	if !ok {
		return "", false
	}
	rest, ok = cutSegments("/"+inserted, base)
	return "/.well-known/" + name + rest, ok
}

// cutSegments cuts whole segments from the beginning of a path.
func cutSegments(path, base string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(path, base)
	return rest, ok && (rest == "" || rest[0] == '/')
}

// underWriter puts a Location that is a path under a base.
type underWriter struct {
	http.ResponseWriter
	base string
}

func (u *underWriter) WriteHeader(status int) {
	if to := u.Header().Get("Location"); strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//") {
		if _, ok := cutSegments(to, u.base); !ok {
			u.Header().Set("Location", u.base+to)
		}
	}
	u.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find the writer below.
func (u *underWriter) Unwrap() http.ResponseWriter { return u.ResponseWriter }
