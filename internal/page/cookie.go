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
	valueToken = "token" // of the browser session
	valueCSRF  = "csrf"  // the secret that form tokens are made from
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
	p.cookie = "signet"
	if p.https {
		p.cookie = "__Host-signet" // bound to this host by the browser, no subdomain can plant it
	}
	p.cookies = sessions.NewCookieStore(hashKey, blockKey)
	p.cookies.MaxAge(0) // gone with the browser; the stored session has limits of its own
	p.cookies.Options = &sessions.Options{
		Path:     "/",
		HttpOnly: true,
		Secure:   p.https,
		SameSite: http.SameSiteLaxMode,
	}
	sealer := func(maxLength int) *securecookie.SecureCookie {
		return securecookie.New(hashKey, blockKey).
			SetSerializer(securecookie.JSONEncoder{}).
			MaxAge(0). // expiry is inside, by the clock that is passed in
			MaxLength(maxLength)
	}
	p.flows = sealer(maxFlowLength)
	p.devices = sealer(maxDeviceLength)
	return nil
}

// jar is the request's cookie. One that was not sealed by us counts as none.
func (p *Pages) jar(r *http.Request) *sessions.Session {
	jar, _ := p.cookies.Get(r, p.cookie)
	return jar
}

// Session returns the browser session of whoever is signed in. ErrNotFound if nobody is or the user is disabled,
// ErrUnavailable if the database cannot tell.
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

// find returns the live session that the cookie names.
func (p *Pages) find(r *http.Request) (domain.Session, error) {
	token, ok := p.jar(r).Values[valueToken].(string)
	if !ok {
		return domain.Session{}, fmt.Errorf("no session token: %w", domain.ErrNotFound)
	}
	return p.sessions.Find(r.Context(), token)
}

// SignIn hands the browser a new session's token, with a new CSRF secret so that nothing planted before counts.
// The session that the browser had ends.
func (p *Pages) SignIn(w http.ResponseWriter, r *http.Request, token string) error {
	if err := p.endSession(r); err != nil {
		return err
	}
	jar := p.jar(r)
	jar.Values = map[any]any{valueToken: token, valueCSRF: newSecret()}
	if err := jar.Save(r, w); err != nil {
		return fmt.Errorf("save the cookie: %w", err)
	}
	return nil
}

// SignOut ends the browser's session and takes its cookie away. If the database is gone, both stay.
func (p *Pages) SignOut(w http.ResponseWriter, r *http.Request) error {
	if err := p.endSession(r); err != nil {
		return err
	}
	jar := p.jar(r)
	jar.Values = nil
	jar.Options.MaxAge = -1
	if err := jar.Save(r, w); err != nil {
		return fmt.Errorf("drop the cookie: %w", err)
	}
	return nil
}

// endSession ends the session that the cookie names, if any, whether or not its user may still sign in.
func (p *Pages) endSession(r *http.Request) error {
	session, err := p.find(r)
	var user domain.User
	if err == nil {
		user, err = p.directory.FindUserByID(r.Context(), session.UserID)
	}
	switch {
	case errors.Is(err, domain.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return p.sessions.End(event.WithActor(r.Context(), event.User(user.Username)), session)
}
