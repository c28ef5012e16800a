package login

import (
	"errors"
	"net/http"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/interaction"
)

// passwordForm is the data of the pages on which a person sets their password.
type passwordForm struct {
	Flow    string // sealed, of whoever has a link; empty: of whoever is signed in
	User    domain.User
	Problem string

	MinPassword int // characters
}

// showPassword takes the token of a link out of the address, and uses nothing up: programs open links in mails before their readers do.
func (l *Login) showPassword(w http.ResponseWriter, r *http.Request) {
	if token := r.URL.Query().Get("token"); token != "" {
		l.openPasswordLink(w, r, token)
		return
	}
	if form, _, ok := l.passwordForm(w, r, r.URL.Query().Get("flow")); ok {
		l.pages.Render(w, r, http.StatusOK, "password", form)
	}
}

func (l *Login) openPasswordLink(w http.ResponseWriter, r *http.Request, token string) {
	w.Header().Set("Referrer-Policy", "no-referrer")
	if _, err := l.links.Check(r.Context(), token); err != nil {
		l.refusePasswordLink(w, r, err)
		return
	}
	browser, err := l.pages.Browser(w, r)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	i := interaction.New(interaction.Request{MaxAge: -1}, browser, l.now())
	i.PasswordLink = token
	l.goOn(w, r, "/password", i)
}

// passwordForm is the form of a link that this browser has opened, and its token; or it answers, and is not ok.
func (l *Login) passwordForm(w http.ResponseWriter, r *http.Request, sealed string) (form passwordForm, token string, ok bool) {
	i, ok := l.interaction(w, r, sealed)
	if !ok {
		return form, "", false
	}
	if i.PasswordLink == "" { // of another browser
		l.refusePasswordLink(w, r, domain.ErrNotFound)
		return form, "", false
	}
	user, err := l.links.Check(r.Context(), i.PasswordLink)
	if err != nil {
		l.refusePasswordLink(w, r, err)
		return form, "", false
	}
	return passwordForm{Flow: sealed, User: user, MinPassword: l.passwords.MinLength()}, i.PasswordLink, true
}

func (l *Login) setPassword(w http.ResponseWriter, r *http.Request) {
	form, token, ok := l.passwordForm(w, r, r.PostForm.Get("flow"))
	if !ok {
		return
	}
	l.enterPassword(w, r, form, func(password string) error {
		_, err := l.links.Set(r.Context(), token, password)
		return err
	}, l.refusePasswordLink)
}

// enterPassword sets the password that was typed, or shows the form again with what to change. refuse answers for other errors.
func (l *Login) enterPassword(
	w http.ResponseWriter, r *http.Request, form passwordForm, set func(password string) error, refuse func(http.ResponseWriter, *http.Request, error),
) {
	password := r.PostForm.Get("password")
	if password != r.PostForm.Get("password_again") {
		form.Problem = "The two passwords are not the same. Please type them again."
		l.pages.Render(w, r, http.StatusUnprocessableEntity, "password", form)
		return
	}
	switch err := set(password); {
	case errors.Is(err, domain.ErrInvalid):
		form.Problem = sentence(err)
		l.pages.Render(w, r, http.StatusUnprocessableEntity, "password", form)
	case err != nil:
		refuse(w, r, err)
	default:
		http.Redirect(w, r, "/password/done", http.StatusSeeOther)
	}
}

func (l *Login) passwordDone(w http.ResponseWriter, r *http.Request) {
	l.pages.Render(w, r, http.StatusOK, "password_done", nil)
}

// refusePasswordLink answers for a link that does not open anything.
func (l *Login) refusePasswordLink(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, domain.ErrNotFound) {
		l.fail(w, r, err)
		return
	}
	l.pages.Error(w, r, http.StatusNotFound, "This link is not valid",
		"It may be incomplete, used, too old, or replaced by a newer one; or it was opened in another browser. Open it again, or ask an administrator for a new one.")
}
