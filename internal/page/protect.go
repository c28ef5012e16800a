package page

import (
	"errors"
	"mime"
	"net/http"
)

// maxBody is the largest form, in bytes.
const maxBody = 64 << 10

// Protect wraps pages: it sets the security headers, bounds forms, and refuses a POST that did not come from a form
// of Signet. Handlers find the form parsed.
func (p *Pages) Protect(next http.Handler) http.Handler { return p.ProtectUpTo(maxBody, next) }

// ProtectUpTo is Protect of pages whose forms may have so many bytes.
func (p *Pages) ProtectUpTo(limit int64, next http.Handler) http.Handler {
	return p.protect(limit, next, func(w http.ResponseWriter, r *http.Request) {
		if p.checkCSRF(r) != csrfValid {
			p.RefuseForm(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// ProtectSignIn is Protect for the sign-in: a form that was open when somebody signed in on this browser, or was sent twice, is one of
// Signet's too. One that is older still goes to stale, which must change nothing.
func (p *Pages) ProtectSignIn(next, stale http.Handler) http.Handler {
	return p.protect(maxBody, next, func(w http.ResponseWriter, r *http.Request) {
		switch p.checkCSRF(r) {
		case csrfValid, csrfBefore:
			next.ServeHTTP(w, r)
		case csrfStale:
			stale.ServeHTTP(w, r)
		default:
			p.RefuseForm(w, r)
		}
	})
}

// protect lets next answer a GET, and form a readable form of a limited size from Signet's origin.
func (p *Pages) protect(limit int64, next http.Handler, form http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.secure(w)
		switch {
		case r.Method == http.MethodGet || r.Method == http.MethodHead:
			next.ServeHTTP(w, r)
		case p.admit(w, r, limit):
			form(w, r)
		}
	})
}

// RefuseForm answers that the form is too old, or that the browser has no cookie.
func (p *Pages) RefuseForm(w http.ResponseWriter, r *http.Request) {
	p.Error(w, r, http.StatusForbidden, "Please try once more",
		"This page was open for too long, or your browser does not keep cookies. Go back, reload the page and try again.")
}

// admit checks all of a form but its token, or answers with the reason.
func (p *Pages) admit(w http.ResponseWriter, r *http.Request, limit int64) bool {
	if err := p.origins.Check(r); err != nil {
		p.Error(w, r, http.StatusForbidden, "Not from here", "This form was sent by another site, so Signet did not accept it.")
		return false
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		p.Error(w, r, http.StatusUnsupportedMediaType, "Not a form", "Signet takes only plain forms here.")
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, limit)
	if err := r.ParseForm(); err != nil {
		if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
			p.Error(w, r, http.StatusRequestEntityTooLarge, "Too much", "This form is larger than Signet accepts.")
		} else {
			p.Error(w, r, http.StatusBadRequest, "Not readable", "This form did not arrive whole. Please go back and try again.")
		}
		return false
	}
	return true
}

// secure sets the headers of every page.
func (p *Pages) secure(w http.ResponseWriter) {
	h := w.Header()
	if h.Get("Content-Security-Policy") == "" { // AllowRedirect may have set it
		h.Set("Content-Security-Policy", policy+"; form-action 'self'")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	// Not no-referrer: under it browsers send "Origin: null" with Signet's forms too, and the check above needs the origin.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
}

const policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"base-uri 'none'; frame-ancestors 'none'"

// AllowFetch lets the scripts of this answer ask Signet itself.
func (p *Pages) AllowFetch(w http.ResponseWriter) {
	w.Header().Set("Content-Security-Policy", policy+"; form-action 'self'; connect-src 'self'")
}

// AllowRedirect lifts form-action for this answer, whose forms redirect to a client: browsers apply it to all redirects after a POST (CSP
// Level 3 §6.4.1), those of the client too. The forms have fixed actions and CSRF tokens, and all text is escaped. The page keeps its
// opener, as an application may have opened it in a popup that reports back.
func (p *Pages) AllowRedirect(w http.ResponseWriter) {
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("Cross-Origin-Opener-Policy", "unsafe-none")
}
