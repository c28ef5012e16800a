package forwardauth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// scopes are what an application learns of who is signed in.
var scopes = []string{domain.ScopeOpenID, domain.ScopeProfile, domain.ScopeEmail, domain.ScopeRoles, domain.ScopeGroups}

// signIn sends a browser to sign in, from the application's host.
func (s *Surface) signIn(w http.ResponseWriter, r *http.Request) {
	s.answerBrowser(w, r, func(values url.Values) error {
		app, err := s.application(r.Context(), values.Get("client"), hostOf(r))
		if err != nil {
			return err
		}
		t := ticket{
			Client: app.client.ClientID, Host: hostOf(r), To: local(values.Get("to")), Verifier: rand.Text() + rand.Text(),
			Browser: hashBrowser(app.cookies.browser(w, r)), Until: s.Now().Add(ticketLife),
		}
		sum := sha256.Sum256([]byte(t.Verifier))
		to := s.Issuer + "/oauth2/authorize?" + url.Values{
			"client_id": {t.Client}, "redirect_uri": {app.callback}, "response_type": {"code"}, "scope": {strings.Join(scopes, " ")}, "resource": {s.Issuer},
			"state": {s.sealer.seal(sealedTicket, t)}, "code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
		}.Encode()
		http.Redirect(w, r, to, http.StatusSeeOther)
		return nil
	})
}

// callback takes the code that a browser brings, and gives it the cookie by which its requests pass.
func (s *Surface) callback(w http.ResponseWriter, r *http.Request) {
	s.answerBrowser(w, r, func(values url.Values) error {
		t, ok := s.sealer.openTicket(values.Get("state"), hostOf(r), s.Now())
		if !ok {
			return errNoTicket
		}
		app, err := s.application(r.Context(), t.Client, t.Host)
		if err != nil {
			return err
		}
		switch {
		case !t.began(app.cookies.value(r.Header, cookieBrowser)): // or somebody else would be signed in here
			return errNoTicket
		case values.Get("error") != "":
			return denied("You are not signed in: the sign-in was not allowed, or did not work. Go back to the application to try again.")
		}
		grant, err := s.Codes.Redeem(r.Context(), t.Client, app.callback, values.Get("code"), t.Verifier)
		if errors.Is(err, domain.ErrInvalid) {
			return errNoTicket
		} else if err != nil {
			return err
		}
		app.cookies.set(w, cookieSignIn, s.sealer.seal(sealedSignIn, signIn{Host: t.Host, Grant: grant.ID, Session: grant.SID}))
		http.Redirect(w, r, app.origin+t.To, http.StatusSeeOther)
		return nil
	})
}

var errNoTicket = denied("This sign-in was begun in another browser, or is too old, or your browser keeps no cookies. Go back to the application to try again.")

// answerBrowser answers on the application's host.
func (s *Surface) answerBrowser(w http.ResponseWriter, r *http.Request, answer func(url.Values) error) {
	ofApplication(w.Header())
	err := s.Cache.Refresh(r.Context())
	var values url.Values
	if err == nil {
		values, err = once(r.URL.RawQuery)
	}
	if err == nil {
		err = answer(values)
	}
	if err != nil {
		s.failed(r.Context(), err).write(w)
	}
}

// once reads parameters, none of which may be given twice.
func once(query string) (url.Values, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, denied("The query cannot be read.")
	}
	for _, given := range values {
		if len(given) > 1 {
			return nil, denied("A parameter is given twice.")
		}
	}
	return values, nil
}

// hostOf is the host of the application that a browser asks for.
func hostOf(r *http.Request) string {
	host := r.Host
	if said := r.Header.Values("X-Forwarded-Host"); fromProxy(r) && len(said) == 1 {
		host = said[0]
	}
	return strings.ToLower(host)
}
