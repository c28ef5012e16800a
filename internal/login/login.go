// Package login serves the pages that people sign in on: sign-in, consent, the first administrator's setup,
// the account and sign-out.
package login

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/device"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/interaction"
	"github.com/signet-auth/signet/internal/page"
	"github.com/signet-auth/signet/internal/session"
	"github.com/signet-auth/signet/internal/signin"
)

// Directory makes the first administrator, and disables users.
type Directory interface {
	// CheckSetupLink returns ErrNotFound if the link is unknown, has expired, or the setup is done.
	CheckSetupLink(ctx context.Context, token string) error
	// CompleteSetup makes the first administrator. ErrNotFound as for CheckSetupLink, ErrConsumed if another got there
	// first, ErrInvalid with what to change, ErrExists if the username is taken.
	CompleteSetup(ctx context.Context, token string, user domain.User, credential directory.Credential) (domain.User, error)
	// DisableUser disables a user, for a reason, and ends what the user has. ErrInvalid for the last administrator.
	DisableUser(ctx context.Context, username, reason string) error
}

// Registry knows clients and APIs.
type Registry interface {
	// LookupClient returns ErrNotFound if there is no such client_id.
	LookupClient(ctx context.Context, clientID string) (*domain.Client, error)
	// LookupAPI returns ErrNotFound if there is no such audience.
	LookupAPI(ctx context.Context, audience string) (*domain.API, error)
}

// Config is what the pages need.
type Config struct {
	Issuer    string
	Pages     *page.Pages
	SignIn    *signin.Service
	Passwords *signin.Passwords
	Links     *signin.PasswordLinks
	Sessions  *session.Sessions
	Directory Directory
	Registry  Registry
	Callers   *authn.Sessions
	Devices   *device.Service
	Sealer    *interaction.Sealer
	Now       func() time.Time
	Log       *slog.Logger
}

// Login serves the pages.
type Login struct {
	issuer    string
	pages     *page.Pages
	signing   *signin.Service
	passwords *signin.Passwords
	links     *signin.PasswordLinks
	sessions  *session.Sessions
	directory Directory
	registry  Registry
	callers   *authn.Sessions
	devices   *device.Service
	sealer    *interaction.Sealer
	now       func() time.Time
	log       *slog.Logger
}

// New makes the pages.
func New(c Config) *Login {
	return &Login{
		issuer: c.Issuer,
		pages:  c.Pages, signing: c.SignIn, passwords: c.Passwords, links: c.Links, sessions: c.Sessions, directory: c.Directory, registry: c.Registry,
		callers: c.Callers, devices: c.Devices, sealer: c.Sealer, now: c.Now, log: c.Log,
	}
}

// Mount adds the pages to the server's list.
func (l *Login) Mount(mux *http.ServeMux) {
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET /{$}":                         l.home,
		"GET /.well-known/change-password": l.findChangePassword,
		"GET /login":                       l.showSignIn,
		"GET /consent":                     l.showConsent,
		"POST /consent":                    l.consent,
		"GET /select-account":              l.showSelectAccount,
		"POST /select-account":             l.selectAccount,
		"GET /device":                      l.showDevice,
		"POST /device":                     l.enterCode,
		"GET /device/consent":              l.showDeviceConsent,
		"POST /device/consent":             l.deviceConsent,
		"GET /device/done":                 l.deviceDone,
		"GET /setup":                       l.showSetup,
		"POST /setup":                      patient(l.setup),
		"GET /password":                    l.showPassword,
		"POST /password":                   patient(l.setPassword),
		"GET /password/done":               l.passwordDone,
		"GET /account":                     l.account,
		"POST /account/sessions/end":       l.endSession,
		"POST /account/consents/withdraw":  l.withdrawConsent,
		"GET /account/lock":                l.lock,
		"POST /account/lock":               l.lock,
		"GET /account/password":            l.changePassword,
		"POST /account/password":           patient(l.changePassword),
		"GET /logout":                      l.showSignOut,
		"POST /logout":                     l.signOut,
	} {
		mux.Handle(pattern, l.pages.Protect(handler))
	}
	mux.Handle("POST /login", l.pages.ProtectSignIn(patient(l.signIn), http.HandlerFunc(l.staleSignIn)))
	mux.HandleFunc("GET /device/qr", l.deviceQR)
	mux.HandleFunc("GET /static/{file}", l.pages.Static)
}

// patience is how long a form with a password may take: it waits for the throttle, and hashing for its turn.
const patience = 20 * time.Second

func patient(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		next(w, r.WithContext(ctx))
	}
}

func (l *Login) home(w http.ResponseWriter, r *http.Request) {
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

// resumeWith goes on with an interaction that the person has just done something for.
func (l *Login) resumeWith(w http.ResponseWriter, r *http.Request, i interaction.Interaction) {
	if ofSignet(i) {
		if i.Typed != nil {
			l.goOn(w, r, i.Return, i)
			return
		}
		http.Redirect(w, r, cmp.Or(i.Return, "/account"), http.StatusSeeOther)
		return
	}
	l.goOn(w, r, waitsAt(i), i)
}

// waitsAt is where a client or device waits for the person.
func waitsAt(i interaction.Interaction) string {
	if i.UserCode != "" {
		return "/device/consent"
	}
	return "/oauth2/authorize"
}

// goOn sends the browser to a page with an interaction.
func (l *Login) goOn(w http.ResponseWriter, r *http.Request, path string, i interaction.Interaction) {
	sealed, err := l.sealer.Seal(i)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	http.Redirect(w, r, path+"?flow="+url.QueryEscape(sealed), http.StatusSeeOther)
}

// begin hands the session that a sign-in has led to over to the browser.
func (l *Login) begin(w http.ResponseWriter, r *http.Request, signedIn signin.Outcome) error {
	names := []string{signedIn.User.Username}
	if signedIn.User.Email != "" {
		names = append(names, signedIn.User.Email)
	}
	l.pages.Remember(w, r, names...)
	return l.pages.SignIn(w, r, signedIn.Token)
}

// fail answers for an error that is not the person's.
func (l *Login) fail(w http.ResponseWriter, r *http.Request, err error) {
	if wait, tooMany := errors.AsType[*domain.WaitError](err); tooMany {
		l.pages.TooMany(w, r, wait)
		return
	}
	gone := errors.Is(err, context.Canceled) // the browser; a proxy may still listen
	busy := errors.Is(err, domain.ErrBusy)   // a flood must not fill the log
	if !gone && !busy {
		l.log.ErrorContext(r.Context(), "serve a page", "path", r.URL.Path, "error", err)
	}
	if gone || busy || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, domain.ErrUnavailable) {
		l.pages.Unavailable(w, r)
		return
	}
	l.pages.Error(w, r, http.StatusInternalServerError, "Something went wrong",
		"This is our fault, not yours. Please try again in a moment.")
}

// expired answers for a flow that cannot be opened.
func (l *Login) expired(w http.ResponseWriter, r *http.Request) {
	l.pages.Error(w, r, http.StatusBadRequest, "This sign-in cannot go on",
		"The link is damaged, or older than 15 minutes. Go back to the application and start again.")
}
