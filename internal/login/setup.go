package login

import (
	"errors"
	"net/http"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/interaction"
	"github.com/signet-auth/signet/internal/signin"
)

// setupForm is the data of the first administrator's page.
type setupForm struct {
	Token    string
	Username string
	Name     string
	Email    string
	Problem  string

	MinPassword int // characters
}

func (l *Login) showSetup(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	if err := l.directory.CheckSetupLink(r.Context(), token); err != nil {
		l.refuseSetup(w, r, err)
		return
	}
	l.pages.Render(w, r, http.StatusOK, "setup", setupForm{Token: token, MinPassword: l.passwords.MinLength()})
}

func (l *Login) setup(w http.ResponseWriter, r *http.Request) {
	form := setupForm{
		Token:    r.PostForm.Get("token"),
		Username: strings.TrimSpace(r.PostForm.Get("username")),
		Name:     strings.TrimSpace(r.PostForm.Get("name")),
		Email:    strings.TrimSpace(r.PostForm.Get("email")),

		MinPassword: l.passwords.MinLength(),
	}
	password := r.PostForm.Get("password")
	if password != r.PostForm.Get("password_again") {
		form.Problem = "The two passwords are not the same. Please type them again."
		l.pages.Render(w, r, http.StatusUnprocessableEntity, "setup", form)
		return
	}
	_, err := l.directory.CompleteSetup(event.WithActor(r.Context(), event.System), form.Token,
		domain.User{Username: form.Username, Name: form.Name, Email: form.Email}, l.passwords.New(password))
	if errors.Is(err, domain.ErrInvalid) || errors.Is(err, domain.ErrExists) {
		form.Problem = sentence(err)
		l.pages.Render(w, r, http.StatusUnprocessableEntity, "setup", form)
		return
	}
	if err != nil {
		l.refuseSetup(w, r, err)
		return
	}
	if err := l.signInFirst(w, r, form.Username, password); err != nil {
		l.fail(w, r, err)
		return
	}
	l.resumeWith(w, r, interaction.Interaction{Request: interaction.Request{Return: "/admin/"}})
}

// signInFirst signs in the first administrator, whose browser is no stranger: it had the link.
func (l *Login) signInFirst(w http.ResponseWriter, r *http.Request, username, password string) error {
	progress, err := l.signing.Resume(r.Context(), nil)
	if err != nil {
		return err
	}
	secret, err := l.pages.Browser(w, r)
	if err != nil {
		return err
	}
	signedIn, err := l.signing.Try(r.Context(), progress, signin.Attempt{
		Method: l.passwords.Name(), Username: username, Answer: password, Remote: r.RemoteAddr, Secret: secret, Browser: "setup", UserAgent: r.UserAgent(),
	})
	if err != nil {
		return err
	}
	return l.begin(w, r, signedIn)
}

// refuseSetup answers for a link that does not open anything.
func (l *Login) refuseSetup(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, domain.ErrConsumed):
		l.pages.Error(w, r, http.StatusGone, "Setup is done",
			"The first administrator was made before, so this link opens nothing any more. You can sign in instead.")
	case errors.Is(err, domain.ErrNotFound):
		l.pages.Error(w, r, http.StatusNotFound, "This link is not valid",
			"It may be incomplete, used or too old. Until the first administrator is made, each start of the server prints a new one.")
	default:
		l.fail(w, r, err)
	}
}

// sentence turns an error's rule into one for the person: "…: invalid password: too short" is "Invalid password: too short."
func sentence(err error) string {
	if errors.Is(err, domain.ErrExists) {
		return "This username is taken. Please choose another."
	}
	text := err.Error()
	if i := strings.Index(text, domain.ErrInvalid.Error()); i >= 0 {
		text = text[i:]
	}
	return strings.ToUpper(text[:1]) + strings.TrimSuffix(text[1:], ".") + "."
}
