package login

import (
	"context"
	"errors"
	"net/http"

	"github.com/signet-auth/signet/internal/domain"
)

// changePassword sets the person's own password, which ends all that the account has, this session too.
func (l *Login) changePassword(w http.ResponseWriter, r *http.Request) {
	user, ok := l.recentlySignedIn(w, r)
	if !ok {
		return
	}
	form := passwordForm{User: user, MinPassword: l.passwords.MinLength()}
	if r.Method != http.MethodPost {
		l.pages.Render(w, r, http.StatusOK, "password", form)
		return
	}
	l.enterPassword(w, r, form, func(password string) error {
		return l.passwords.Change(r.Context(), user, password, func(ctx context.Context) error {
			_, err := l.sessions.Find(ctx, l.pages.SessionToken(r)) // again: to hash takes time
			return err
		})
	}, func(w http.ResponseWriter, r *http.Request, err error) {
		if errors.Is(err, domain.ErrNotFound) { // the session ended meanwhile
			l.signInAgain(w, r, user)
			return
		}
		l.fail(w, r, err)
	})
}

// findChangePassword leads password managers to where a password is changed (A Well-Known URL for Changing Passwords, W3C).
func (l *Login) findChangePassword(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/account/password", http.StatusFound)
}
