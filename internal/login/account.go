package login

import (
	"errors"
	"net/http"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/page"
)

// accountView is the data of the account page.
type accountView struct {
	User    domain.User
	Session domain.Session
	Manages bool // has a part in the administration

	Sessions []accountSession
	Clients  []accountClient
}

func (l *Login) account(w http.ResponseWriter, r *http.Request) {
	session, user, ok := l.signedIn(w, r, "")
	if !ok {
		return
	}
	caller, err := l.callers.Caller(r.Context(), user)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	sessions, clients, err := l.accountAccess(r.Context(), session, user)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	l.pages.Render(w, r, http.StatusOK, "account", accountView{user, session, caller.MayManage(), sessions, clients})
}

// signOutView is the data of the sign-out page.
type signOutView struct {
	User domain.User
}

func (l *Login) showSignOut(w http.ResponseWriter, r *http.Request) {
	_, user, err := l.pages.SignedIn(r)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		l.pages.SignedOut(w, r, page.SignedOut{})
	case err != nil:
		l.fail(w, r, err)
	default:
		l.pages.Render(w, r, http.StatusOK, "logout", signOutView{user})
	}
}

func (l *Login) signOut(w http.ResponseWriter, r *http.Request) {
	frames, err := l.pages.SignOut(w, r)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	if len(frames) > 0 {
		l.pages.SignedOut(w, r, page.SignedOut{Frames: frames})
		return
	}
	http.Redirect(w, r, "/logout", http.StatusSeeOther)
}
