package login

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/interaction"
	"github.com/signet-auth/signet/internal/signin"
)

// signInForm is the data of the sign-in page.
type signInForm struct {
	Flow     string   // sealed, empty: the sign-in to Signet itself begins
	Client   string   // the name of whoever asks for the sign-in
	Device   bool     // it is for a device
	Methods  []string // of which the page offers one each
	Username string
	Problem  string

	waiting  interaction.Interaction
	progress signin.Progress
}

func (l *Login) showSignIn(w http.ResponseWriter, r *http.Request) {
	form, ok := l.signInForm(w, r, r.URL.Query().Get("flow"))
	if !ok {
		return
	}
	if ofSignet(form.waiting) {
		session, err := l.pages.Session(r)
		again := slices.Contains(form.waiting.Prompt, "login") && session.AuthTime.Before(form.waiting.CreatedAt)
		if err == nil && !again {
			l.resumeWith(w, r, form.waiting)
			return
		}
		if err != nil && !errors.Is(err, domain.ErrNotFound) {
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
	waiting, progress := form.waiting, form.progress
	form.Username = strings.TrimSpace(r.PostForm.Get("username")) // phones like to add a space
	method := progress.Next[0]
	if i := slices.IndexFunc(progress.Next, r.PostForm.Has); i >= 0 { // its field has the answer
		method = progress.Next[i]
	}
	secret, err := l.pages.Browser(w, r)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	outcome, err := l.signing.Try(r.Context(), progress, signin.Attempt{
		Method: method, Username: form.Username, Answer: r.PostForm.Get(method), Remote: r.RemoteAddr, Secret: secret,
		Browser: l.pages.Remembers(r, cmp.Or(progress.User.Username, form.Username)), UserAgent: r.UserAgent(),
	})
	if err == nil && outcome.Token != "" {
		err = l.begin(w, r, outcome)
	}
	wait, tooMany := errors.AsType[*domain.WaitError](err)
	switch {
	case tooMany:
		seconds := strconv.Itoa(wait.Seconds())
		w.Header().Set("Retry-After", seconds)
		form.Problem = "Too many attempts. Please wait " + seconds + " seconds and try again."
		l.pages.Render(w, r, http.StatusTooManyRequests, "login", form)
	case errors.Is(err, domain.ErrInvalid):
		form.Problem = "Username and password do not match. Please try again."
		l.pages.Render(w, r, http.StatusUnprocessableEntity, "login", form)
	case err != nil:
		l.fail(w, r, err)
	case outcome.Token == "":
		waiting.Pass(outcome.Steps)
		l.goOn(w, r, "/login", waiting)
	default:
		waiting.SignIn(outcome.Session.SID)
		l.resumeWith(w, r, waiting)
	}
}

// staleSignIn answers for a form that is older than what the browser keeps. Nothing in it counts; where somebody has signed in since, the
// request goes on as it stands.
func (l *Login) staleSignIn(w http.ResponseWriter, r *http.Request) {
	switch _, err := l.pages.Session(r); {
	case err == nil:
		sealed := r.PostForm.Get("flow")
		switch waiting, ok := l.interaction(w, r, sealed); {
		case !ok:
		case ofSignet(waiting):
			l.resumeWith(w, r, waiting)
		default:
			http.Redirect(w, r, "/oauth2/authorize?flow="+url.QueryEscape(sealed), http.StatusSeeOther)
		}
	case errors.Is(err, domain.ErrNotFound):
		l.pages.RefuseForm(w, r)
	default:
		l.fail(w, r, err)
	}
}

// ofSignet says whether an interaction is the sign-in to Signet itself: no client and no device waits for it.
func ofSignet(i interaction.Interaction) bool { return i.ClientID == "" && i.UserCode == "" }

// signInForm is the form for the next step of a sign-in, for a sealed interaction or else for a new one of Signet itself; or it answers,
// and is not ok.
func (l *Login) signInForm(w http.ResponseWriter, r *http.Request, sealed string) (form signInForm, ok bool) {
	form.Flow = sealed
	if form.waiting, ok = l.interaction(w, r, sealed); !ok {
		return form, false
	}
	if form.waiting.ClientID != "" {
		client, ok := l.client(w, r, form.waiting)
		if !ok {
			return form, false
		}
		form.Client = cmp.Or(client.Name, client.ClientID)
	}
	var err error
	if form.progress, err = l.signing.Resume(r.Context(), form.waiting.Steps); err != nil {
		l.fail(w, r, err)
		return form, false
	}
	form.Device = form.waiting.UserCode != ""
	form.Username, form.Methods = form.waiting.LoginHint, form.progress.Next
	return form, true
}

// interaction is a sealed one, or else a new one of Signet itself; or it answers, and is not ok.
func (l *Login) interaction(w http.ResponseWriter, r *http.Request, sealed string) (interaction.Interaction, bool) {
	browser, err := l.pages.Browser(w, r)
	if err != nil {
		l.fail(w, r, err)
		return interaction.Interaction{}, false
	}
	if sealed == "" {
		return interaction.New(interaction.Request{MaxAge: -1}, browser, l.now()), true
	}
	i, err := l.sealer.Open(sealed, browser)
	if err != nil {
		l.expired(w, r)
		return interaction.Interaction{}, false
	}
	return i, true
}

// client finds the client that waits for an interaction; or it answers, and is not ok.
func (l *Login) client(w http.ResponseWriter, r *http.Request, i interaction.Interaction) (*domain.Client, bool) {
	client, ok := l.registered(w, r, i.ClientID)
	if ok {
		l.pages.AllowRedirect(w)
	}
	return client, ok
}

// registered finds a client that is enabled; or it answers, and is not ok.
func (l *Login) registered(w http.ResponseWriter, r *http.Request, clientID string) (*domain.Client, bool) {
	client, err := l.registry.LookupClient(r.Context(), clientID)
	if errors.Is(err, domain.ErrNotFound) || err == nil && !client.DisabledAt.IsZero() {
		l.pages.Error(w, r, http.StatusBadRequest, "Application not available",
			"The application that asked for this sign-in is not registered here any more.")
		return nil, false
	}
	if err != nil {
		l.fail(w, r, err)
		return nil, false
	}
	return client, true
}
