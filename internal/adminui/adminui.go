// Package adminui is the pages on which administrators manage Signet, under /admin/. Each is thin on top of internal/admin, and shows
// what the roles of the user who is signed in allow. All pages work without scripts.
package adminui

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/interaction"
	"github.com/signet-auth/signet/internal/limits"
	"github.com/signet-auth/signet/internal/page"
)

const root = "/admin"

// Config is what the pages need.
type Config struct {
	Issuer     string             // as applications are set up with it
	GrantTypes []domain.GrantType // that clients may be registered for
	Pages      *page.Pages
	Sealer     *interaction.Sealer
	Callers    *authn.Sessions
	Admin      *admin.Service
	Limit      *limits.Meter // of requests of each user
	UndoKey    []byte        // authenticates what can be undone, 32 bytes
	JWKSMaxAge time.Duration // for how long services may cache the JWKS
	Now        func() time.Time
	Log        *slog.Logger
}

type surface struct {
	Config
	mux       *http.ServeMux
	verifying sync.Mutex // one verification of the audit log at a time
}

// Mount adds the pages to the server's list.
func Mount(mux *http.ServeMux, c Config) {
	s := &surface{Config: c, mux: mux}
	s.mountOverview()
	s.mountSearch()
	s.mountUsers()
	s.mountUserLink()
	s.mountSessions()
	s.mountGroups()
	s.mountAttributes()
	s.mountRoles()
	s.mountAssignments()
	s.mountExplorer()
	s.mountPreview()
	s.mountAPIs()
	s.mountPolicies()
	s.mountResources()
	s.mountClients()
	s.mountClientSecrets()
	s.mountNewClient()
	s.mountClientSetup()
	s.mountInvitations()
	s.mountTokens()
	s.mountRevocations()
	s.mountKeys()
	s.mountAudit()
	s.mountReceivers()
	s.mountSettings()
	s.mountDrill()
	s.mountUndo()
	s.mountPalette()
	mux.Handle("GET "+root+"/", c.Pages.Protect(s.handler("", func(*visit) error { return domain.ErrNotFound })))
	mux.Handle("GET "+root, http.RedirectHandler(root+"/", http.StatusSeeOther))
}

// visit is a request of somebody who is signed in.
type visit struct {
	*surface
	w       http.ResponseWriter
	r       *http.Request
	caller  authn.Caller
	user    domain.User
	session domain.Session
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// handle mounts a page whose visitors need the permission of an operation of internal/admin.
func (s *surface) handle(pattern, operation string, answer func(v *visit) error) {
	s.mount(pattern, operation, answer, s.Pages.Protect)
}

func (s *surface) mount(pattern, operation string, answer func(v *visit) error, protect func(http.Handler) http.Handler) {
	method, path, _ := strings.Cut(pattern, " ")
	if operation != "" && admin.OperationOf(operation).Name == "" {
		panic("adminui: no operation " + operation)
	}
	s.mux.Handle(method+" "+root+path, protect(s.handler(operation, answer)))
}

func (s *surface) handler(operation string, answer func(v *visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.Pages.AllowFetch(w)
		session, user, err := s.Pages.SignedIn(r)
		if errors.Is(err, domain.ErrNotFound) {
			s.askToSignIn(w, r, interaction.Request{})
			return
		}
		v := &visit{surface: s, w: w, r: r, user: user, session: session}
		if err == nil {
			v.caller, err = s.Callers.Caller(r.Context(), user)
		}
		if err == nil {
			err = s.Limit.Spend(limits.Name{Who: string(v.caller.Actor())}, 1, s.Now())
		}
		if err == nil && !s.admits(v.caller, operation) {
			err = domain.ErrDenied
		}
		if err == nil {
			err = answer(v)
		}
		if err != nil {
			v.fail(err)
		}
	}
}

// admits says whether a caller may run an operation; without one, whether the caller may do anything here.
func (s *surface) admits(caller authn.Caller, operation string) bool {
	if operation != "" {
		return caller.May(admin.OperationOf(operation).Permission)
	}
	return caller.MayManage()
}

// may says whether the visitor may run an operation.
func (v *visit) may(operation string) bool { return v.admits(v.caller, operation) }

// askToSignIn leads to the sign-in and back to the page, or to where a form was filled in.
func (s *surface) askToSignIn(w http.ResponseWriter, r *http.Request, how interaction.Request) {
	how.Return, how.MaxAge = r.URL.RequestURI(), -1
	browser, err := s.Pages.Browser(w, r)
	if err == nil {
		err = s.goToSignIn(w, r, interaction.New(how, browser, s.Now()))
	}
	if err != nil {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
	}
}

// goToSignIn leads to the sign-in with an interaction. ErrInvalid if that is too long for an address.
func (s *surface) goToSignIn(w http.ResponseWriter, r *http.Request, i interaction.Interaction) error {
	flow, err := s.Sealer.Seal(i)
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/login?flow="+url.QueryEscape(flow), http.StatusSeeOther)
	return nil
}

// isRecent says whether the visitor's sign-in is young enough for what cannot be undone, or shows a secret. Otherwise it leads to the
// sign-in and back to the page, which asks once more.
func (v *visit) isRecent() bool { return v.signedInWithin(domain.RecentSignIn) }

// mayFill is isRecent of a form that leads to a secret or a link: it asks before the form is filled, and leaves as much time again
// for that.
func (v *visit) mayFill() bool {
	if v.r.Method == http.MethodPost {
		return v.signedInWithin(2 * domain.RecentSignIn)
	}
	return v.isRecent()
}

// signInAge is how long ago the visitor signed in.
func (v *visit) signInAge() time.Duration { return v.Now().Sub(v.session.AuthTime) }

func (v *visit) signedInWithin(limit time.Duration) bool {
	if v.signInAge() < limit {
		return true
	}
	v.askToSignIn(v.w, v.r, interaction.Request{Prompt: []string{"login"}, LoginHint: v.user.Username})
	return false
}

// fail answers for an error.
func (v *visit) fail(err error) {
	wait, tooMany := errors.AsType[*domain.WaitError](err)
	switch {
	case tooMany:
		v.Pages.TooMany(v.w, v.r, wait)
	case errors.Is(err, domain.ErrNotFound):
		v.render(http.StatusNotFound, "admin/problem", v.text("problem.not_found.title"), v.text("problem.not_found.detail"))
	case errors.Is(err, domain.ErrDenied):
		v.render(http.StatusForbidden, "admin/problem", v.text("problem.denied.title"), v.text("problem.denied.detail", v.user.Username))
	case errors.Is(err, admin.ErrCursor):
		values := v.r.URL.Query()
		values.Del("cursor")
		http.Redirect(v.w, v.r, query(v.r.URL.EscapedPath(), values), http.StatusSeeOther)
	case v.r.PostForm.Get(bearerField) != "" && (domain.IsTemporary(err) || errors.Is(err, context.Canceled)):
		v.Pages.Unavailable(v.w, v.r) // which does not say what was typed
	case domain.IsTemporary(err), errors.Is(err, context.Canceled):
		v.Pages.UnavailableAgain(v.w, v.r)
	case errors.Is(err, domain.ErrInvalid): // of what the address says
		v.render(http.StatusUnprocessableEntity, "admin/problem", v.text("refused.title"), sentence(err.Error()))
	default:
		v.Log.ErrorContext(v.ctx(), "serve a page", "path", v.r.URL.Path, "error", err)
		v.render(http.StatusInternalServerError, "admin/problem", v.text("problem.internal.title"), v.text("problem.internal.detail"))
	}
}

// text is what pages say under a key.
func (v *visit) text(key string, args ...any) string { return v.Pages.Text(key, args...) }
