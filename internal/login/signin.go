package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/interaction"
	"github.com/signet-auth/signet/internal/signin"
)

// signInForm is the data of the sign-in page.
type signInForm struct {
	Flow     string // sealed, empty: signing in to Signet itself
	Client   string // the name of whoever asks for the sign-in
	Username string
	Problem  string
}

func (l *Login) showSignIn(w http.ResponseWriter, r *http.Request) {
	form, _, ok := l.signInForm(w, r, r.URL.Query().Get("flow"))
	if !ok {
		return
	}
	if form.Flow == "" {
		_, err := l.pages.Session(r)
		if err == nil {
			l.resume(w, r, "")
			return
		}
		if !errors.Is(err, domain.ErrNotFound) {
			l.fail(w, r, err)
			return
		}
	}
	l.pages.Render(w, r, http.StatusOK, "login", form)
}

func (l *Login) signIn(w http.ResponseWriter, r *http.Request) {
	form, waiting, ok := l.signInForm(w, r, r.PostForm.Get("flow"))
	if !ok {
		return
	}
	form.Username = strings.TrimSpace(r.PostForm.Get("username")) // phones like to add a space
	try := attempt{name: form.Username, address: remoteAddr(r), browser: l.pages.Remembers(r, form.Username)}
	delay, ok := l.throttle.admit(try)
	if !ok {
		seconds := int(delay.Seconds()) + 1
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		form.Problem = "Too many attempts. Please wait " + strconv.Itoa(seconds) + " seconds and try again."
		l.pages.Render(w, r, http.StatusTooManyRequests, "login", form)
		return
	}
	user, proof, err := l.authenticate(r.Context(), try, delay, r.PostForm.Get("password"))
	var session int64
	if err == nil {
		session, err = l.begin(w, r, user, proof)
	}
	switch {
	case errors.Is(err, domain.ErrInvalid):
		l.log.InfoContext(r.Context(), "sign-in refused", "username", form.Username[:min(len(form.Username), 256)], "ip", address(r))
		if err := l.sessions.RecordRefusal(r.Context(), form.Username, address(r)); err != nil {
			l.fail(w, r, err)
			return
		}
		form.Problem = "Username and password do not match. Please try again."
		l.pages.Render(w, r, http.StatusUnprocessableEntity, "login", form)
	case err != nil:
		l.throttle.forgive(try)
		l.fail(w, r, err)
	default:
		l.throttle.forget(try)
		if form.Flow == "" {
			l.resume(w, r, "")
			return
		}
		waiting.SignIn(session)
		l.resumeWith(w, r, waiting)
	}
}

// authenticate checks a password when the delay is over. Where many wait, browsers that the name has signed in on go first.
func (l *Login) authenticate(ctx context.Context, try attempt, delay time.Duration, password string) (user domain.User, proof string, err error) {
	if try.browser == "" {
		ctx = signin.Stranger(ctx)
	}
	select {
	case <-ctx.Done():
		return domain.User{}, "", fmt.Errorf("%w: %w", domain.ErrBusy, ctx.Err())
	case <-time.After(delay):
		return l.passwords.Authenticate(ctx, try.name, password)
	}
}

// staleSignIn answers for a form that is older than what the browser keeps. Nothing in it counts; where somebody has signed in since, the
// request goes on as it stands.
func (l *Login) staleSignIn(w http.ResponseWriter, r *http.Request) {
	switch _, err := l.pages.Session(r); {
	case err == nil:
		l.resume(w, r, r.PostForm.Get("flow"))
	case errors.Is(err, domain.ErrNotFound):
		l.pages.RefuseForm(w, r)
	default:
		l.fail(w, r, err)
	}
}

// signInForm is the form for a sealed interaction, with what that says about it; or it answers, and is not ok.
func (l *Login) signInForm(w http.ResponseWriter, r *http.Request, sealed string) (signInForm, interaction.Interaction, bool) {
	if sealed == "" {
		return signInForm{}, interaction.Interaction{}, true
	}
	i, client, ok := l.open(w, r, sealed)
	if !ok {
		return signInForm{}, i, false
	}
	return signInForm{Flow: sealed, Client: cmp.Or(client.Name, client.ClientID), Username: i.LoginHint}, i, true
}

// open reads a sealed interaction and finds its client; or it answers, and is not ok.
func (l *Login) open(w http.ResponseWriter, r *http.Request, sealed string) (interaction.Interaction, *domain.Client, bool) {
	none := interaction.Interaction{}
	browser, err := l.pages.Browser(w, r)
	if err != nil {
		l.fail(w, r, err)
		return none, nil, false
	}
	i, err := l.sealer.Open(sealed, browser)
	if err != nil {
		l.expired(w, r)
		return none, nil, false
	}
	client, err := l.registry.LookupClient(r.Context(), i.ClientID)
	if errors.Is(err, domain.ErrNotFound) || err == nil && !client.DisabledAt.IsZero() {
		l.pages.Error(w, r, http.StatusBadRequest, "Application not available",
			"The application that asked for this sign-in is not registered here any more.")
		return none, nil, false
	}
	if err != nil {
		l.fail(w, r, err)
		return none, nil, false
	}
	l.pages.AllowRedirect(w)
	return i, client, true
}
