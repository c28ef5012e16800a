// Package login serves the pages that people sign in on: sign-in, consent, the first administrator's setup,
// the account and sign-out.
package login

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/interaction"
	"github.com/signet-auth/signet/internal/page"
	"github.com/signet-auth/signet/internal/session"
)

// Directory knows the users.
type Directory interface {
	// FindUserByID asks the database, not a cache. ErrNotFound if there is no such user.
	FindUserByID(ctx context.Context, id int64) (domain.User, error)
	// CheckSetupLink returns ErrNotFound if the link is unknown, has expired, or the setup is done.
	CheckSetupLink(ctx context.Context, token string) error
	// CompleteSetup makes the first administrator. ErrNotFound as for CheckSetupLink, ErrConsumed if another got there
	// first, ErrInvalid with what to change, ErrExists if the username is taken.
	CompleteSetup(ctx context.Context, token string, user domain.User, credential directory.Credential) (domain.User, error)
}

// Passwords checks and makes passwords.
type Passwords interface {
	// Authenticate returns ErrInvalid if username and password do not belong together or the user may not sign in:
	// the same error, after the same time, for every reason. ErrBusy if too many sign in at the moment. The proof is for Confirm.
	Authenticate(ctx context.Context, username, password string) (user domain.User, proof string, err error)
	// Confirm returns ErrInvalid unless the user still has the password of a proof.
	Confirm(ctx context.Context, userID int64, proof string) error
	// MinLength is the least length of a password, in characters.
	MinLength() int
	// New is a password for a user who is about to be added.
	New(password string) directory.Credential
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
	Pages     *page.Pages
	Sessions  *session.Sessions
	Directory Directory
	Passwords Passwords
	Registry  Registry
	Sealer    *interaction.Sealer
	Now       func() time.Time
	Log       *slog.Logger
}

// Login serves the pages.
type Login struct {
	pages     *page.Pages
	sessions  *session.Sessions
	directory Directory
	passwords Passwords
	registry  Registry
	sealer    *interaction.Sealer
	throttle  *throttle
	log       *slog.Logger
}

// New makes the pages.
func New(cfg Config) (*Login, error) {
	throttle, err := newThrottle(cfg.Now)
	if err != nil {
		return nil, err
	}
	return &Login{
		pages:     cfg.Pages,
		sessions:  cfg.Sessions,
		directory: cfg.Directory,
		passwords: cfg.Passwords,
		registry:  cfg.Registry,
		sealer:    cfg.Sealer,
		throttle:  throttle,
		log:       cfg.Log,
	}, nil
}

// Mount adds the pages to the server's list.
func (l *Login) Mount(mux *http.ServeMux) {
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET /{$}":      l.home,
		"GET /login":    l.showSignIn,
		"GET /consent":  l.showConsent,
		"POST /consent": l.consent,
		"GET /setup":    l.showSetup,
		"POST /setup":   patient(l.setup),
		"GET /account":  l.account,
		"GET /logout":   l.showSignOut,
		"POST /logout":  l.signOut,
	} {
		mux.Handle(pattern, l.pages.Protect(handler))
	}
	mux.Handle("POST /login", l.pages.ProtectSignIn(patient(l.signIn), http.HandlerFunc(l.staleSignIn)))
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
	sealed, err := l.sealer.Seal(i)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	l.resume(w, r, sealed)
}

// resume goes on with the authorization request that waited, or to the account if there was none.
func (l *Login) resume(w http.ResponseWriter, r *http.Request, sealed string) {
	target := "/account"
	if sealed != "" {
		target = "/oauth2/authorize?flow=" + url.QueryEscape(sealed)
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// begin starts a session of a user who has just proved a password, hands it to the browser and returns its id. ErrInvalid if that
// password counts no more.
func (l *Login) begin(w http.ResponseWriter, r *http.Request, user domain.User, proof string) (int64, error) {
	token, session, err := l.sessions.Start(r.Context(), user, []string{"pwd"}, r.UserAgent(), address(r))
	if errors.Is(err, domain.ErrReferenced) {
		return 0, fmt.Errorf("%w user %q: deleted by now", domain.ErrInvalid, user.Username)
	}
	if err != nil {
		return 0, err
	}
	// A change of the password ends the sessions that there are. One made before this session did not end it, but is
	// seen here; one made later does.
	if err := l.confirm(r.Context(), user, proof); err != nil {
		ctx := event.WithActor(context.WithoutCancel(r.Context()), event.User(user.Username))
		if endErr := l.sessions.End(ctx, session); endErr != nil {
			return 0, endErr
		}
		return 0, err
	}
	names := []string{user.Username}
	if user.Email != "" {
		names = append(names, user.Email)
	}
	l.pages.Remember(w, r, names...)
	return session.ID, l.pages.SignIn(w, r, token)
}

// confirm returns ErrInvalid unless the user is still there, enabled, and with the same password.
func (l *Login) confirm(ctx context.Context, user domain.User, proof string) error {
	current, err := l.directory.FindUserByID(ctx, user.ID)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return err
	}
	if err != nil || !current.DisabledAt.IsZero() {
		return fmt.Errorf("%w user %q: disabled or deleted by now", domain.ErrInvalid, user.Username)
	}
	return l.passwords.Confirm(ctx, user.ID, proof)
}

// fail answers for an error that is not the person's.
func (l *Login) fail(w http.ResponseWriter, r *http.Request, err error) {
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
	l.pages.Error(w, r, http.StatusBadRequest, "This took too long",
		"This sign-in was open for more than 15 minutes, so it has ended. Go back to the application and start again.")
}
