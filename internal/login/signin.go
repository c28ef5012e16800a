package login

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/page"
)

// signInForm is the data of the sign-in page.
type signInForm struct {
	Flow     string // sealed, empty: signing in to Signet itself
	Client   string // the name of whoever asks for the sign-in
	Username string
	Problem  string
}

func (l *Login) showSignIn(w http.ResponseWriter, r *http.Request) {
	form, ok := l.signInForm(w, r, r.URL.Query().Get("flow"))
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
	form, ok := l.signInForm(w, r, r.PostForm.Get("flow"))
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
	user, err := l.authenticate(r.Context(), try, delay, r.PostForm.Get("password"))
	if err == nil {
		err = l.begin(w, r, user)
	}
	switch {
	case errors.Is(err, domain.ErrInvalid):
		l.log.InfoContext(r.Context(), "sign-in refused", "ip", address(r))
		form.Problem = "Username and password do not match. Please try again."
		l.pages.Render(w, r, http.StatusUnprocessableEntity, "login", form)
	case err != nil:
		l.throttle.forgive(try)
		l.fail(w, r, err)
	default:
		l.throttle.forget(try)
		l.resume(w, r, form.Flow)
	}
}

// authenticate checks a password when the delay is over. Where many wait, browsers that the name has signed in on go first.
func (l *Login) authenticate(ctx context.Context, try attempt, delay time.Duration, password string) (domain.User, error) {
	if try.browser == "" {
		ctx = directory.Stranger(ctx)
	}
	select {
	case <-ctx.Done():
		return domain.User{}, fmt.Errorf("%w: %w", domain.ErrBusy, ctx.Err())
	case <-time.After(delay):
		return l.directory.Authenticate(ctx, try.name, password)
	}
}

// signInForm is the form for a sealed flow, with what that says about it; or it answers, and is not ok.
func (l *Login) signInForm(w http.ResponseWriter, r *http.Request, sealed string) (signInForm, bool) {
	if sealed == "" {
		return signInForm{}, true
	}
	flow, client, ok := l.open(w, r, sealed)
	if !ok {
		return signInForm{}, false
	}
	form := signInForm{Flow: sealed, Client: cmp.Or(client.Name, client.ClientID)}
	form.Username = parameter(flow, "login_hint")
	return form, true
}

// open reads a sealed flow and finds its client; or it answers, and is not ok.
func (l *Login) open(w http.ResponseWriter, r *http.Request, sealed string) (page.Flow, *domain.Client, bool) {
	flow, err := l.pages.OpenFlow(sealed)
	if err != nil {
		l.expired(w, r)
		return page.Flow{}, nil, false
	}
	client, err := l.registry.LookupClient(r.Context(), flow.ClientID)
	if errors.Is(err, domain.ErrNotFound) || err == nil && !client.DisabledAt.IsZero() {
		l.pages.Error(w, r, http.StatusBadRequest, "Application not available",
			"The application that asked for this sign-in is not registered here any more.")
		return page.Flow{}, nil, false
	}
	if err != nil {
		l.fail(w, r, err)
		return page.Flow{}, nil, false
	}
	l.pages.AllowRedirect(w)
	return flow, client, true
}

// parameter is one of the authorization request that waits.
func parameter(flow page.Flow, name string) string {
	query, err := url.ParseQuery(flow.Query)
	if err != nil {
		return ""
	}
	return query.Get(name)
}

// redirectURI is where the answer will be sent. A client that has only one may leave it out (RFC 6749 §3.1.2.3).
func redirectURI(flow page.Flow, client *domain.Client) string {
	uri := parameter(flow, "redirect_uri")
	if uri == "" && len(client.RedirectURIs) == 1 {
		return client.RedirectURIs[0]
	}
	return uri
}
