package page

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// What the cookie holds.
const (
	valueToken   = "token"    // of the browser session
	valueCSRF    = "csrf"     // the secret that form tokens are made from
	valueOldCSRF = "csrf-old" // that of before the last sign-in
	valueBrowser = "browser"  // the secret that interactions are bound to
)

func (p *Pages) prepareCookies(hashKey, blockKey []byte) error {
	if len(hashKey) < 32 {
		return fmt.Errorf("a cookie hash key of %d bytes: %w", len(hashKey), domain.ErrInvalid)
	}
	switch len(blockKey) {
	case 16, 24, 32:
	default:
		return fmt.Errorf("a cookie block key of %d bytes: %w", len(blockKey), domain.ErrInvalid)
	}
	path := p.base
	switch {
	case path == "" && p.https:
		p.cookie = "__Host-signet" // the browser accepts it from this host alone, not from a subdomain
	case p.https:
		p.cookie = "__Secure-signet" // __Host- has no path
	default:
		p.cookie = "signet"
	}
	if path == "" {
		path = "/"
	}
	p.cookies = sessions.NewCookieStore(hashKey, blockKey)
	p.cookies.MaxAge(0) // until the browser closes; the stored session has its own limits
	p.cookies.Options = &sessions.Options{
		Path:     path,
		HttpOnly: true,
		Secure:   p.https,
		SameSite: http.SameSiteLaxMode,
	}
	p.trusted = securecookie.New(hashKey, blockKey).
		SetSerializer(securecookie.JSONEncoder{}).
		MaxAge(0). // expiry is inside, by the clock that is passed in
		MaxLength(maxTrustedLength)
	return nil
}

// cookieSession is the content of the request's cookie. It is empty if the seal is invalid.
func (p *Pages) cookieSession(r *http.Request) *sessions.Session {
	cookie, _ := p.cookies.Get(r, p.cookie)
	return cookie
}

// Session returns the browser session of whoever is signed in. ErrNotFound if there is no session or the user is disabled,
// ErrUnavailable if the database does not answer.
func (p *Pages) Session(r *http.Request) (domain.Session, error) {
	session, _, err := p.SignedIn(r)
	return session, err
}

// SignedIn returns who is signed in, and the browser session. Errors as Session's.
func (p *Pages) SignedIn(r *http.Request) (domain.Session, domain.User, error) {
	session, err := p.find(r)
	if err != nil {
		return domain.Session{}, domain.User{}, err
	}
	user, err := p.directory.FindUserByID(r.Context(), session.UserID)
	if err != nil {
		return domain.Session{}, domain.User{}, fmt.Errorf("find the user of session %d: %w", session.ID, err)
	}
	if !user.DisabledAt.IsZero() {
		return domain.Session{}, domain.User{}, fmt.Errorf("user %q is disabled: %w", user.Username, domain.ErrNotFound)
	}
	return session, user, nil
}

// SessionToken is the token in the request's cookie, of a session that may be over; empty if there is none.
func (p *Pages) SessionToken(r *http.Request) string {
	token, _ := p.cookieSession(r).Values[valueToken].(string)
	return token
}

// find returns the live session that the cookie names.
func (p *Pages) find(r *http.Request) (domain.Session, error) {
	token := p.SessionToken(r)
	if token == "" {
		return domain.Session{}, fmt.Errorf("no session token: %w", domain.ErrNotFound)
	}
	return p.sessions.Find(r.Context(), token)
}

// SignIn sets the cookie to the new token of a session, with a new CSRF secret, so that tokens from before the sign-in are invalid, but at
// the sign-in itself.
func (p *Pages) SignIn(w http.ResponseWriter, r *http.Request, token string) error {
	cookie := p.cookieSession(r)
	values := map[any]any{valueToken: token, valueCSRF: newSecret()}
	for kept, from := range map[string]string{valueOldCSRF: valueCSRF, valueBrowser: valueBrowser} {
		if secret, ok := cookie.Values[from]; ok {
			values[kept] = secret
		}
	}
	cookie.Values = values
	if err := cookie.Save(r, w); err != nil {
		return fmt.Errorf("save the cookie: %w", err)
	}
	return nil
}

// SignOut ends the browser's session and deletes its cookie. If the database does not answer, both stay. The addresses are where the
// browser has to tell applications of it, for SignedOut.
func (p *Pages) SignOut(w http.ResponseWriter, r *http.Request) (addresses []string, err error) {
	if addresses, err = p.endSession(r); err != nil {
		return nil, err
	}
	cookie := p.cookieSession(r)
	cookie.Values = nil
	cookie.Options.MaxAge = -1
	if err := cookie.Save(r, w); err != nil {
		return nil, fmt.Errorf("drop the cookie: %w", err)
	}
	return addresses, nil
}

// endSession ends the session that the cookie names, if any, whether or not its user may still sign in.
func (p *Pages) endSession(r *http.Request) (addresses []string, err error) {
	session, err := p.find(r)
	var user domain.User
	if err == nil {
		user, err = p.directory.FindUserByID(r.Context(), session.UserID)
	}
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, err
	}
	logouts, err := p.sessions.Frontchannel(r.Context(), session)
	if err != nil {
		return nil, err
	}
	for _, l := range logouts {
		addresses = append(addresses, p.frontchannelAddress(l, session.SID))
	}
	return addresses, p.sessions.End(event.WithActor(r.Context(), event.User(user.Username)), session)
}
