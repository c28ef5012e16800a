package login

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/interaction"
)

// accountSession is a session on its user's account page.
type accountSession struct {
	SID     string
	Browser string
	IP      string
	Seen    time.Time
	This    bool // of the browser that shows the page
}

// accountClient is an application on the account page of a user who lets it have something.
type accountClient struct {
	ClientID, Name string
	Scopes         []string
	Since          time.Time
}

// shownOfAccount is how many sessions, and newest grants, an account page looks at.
const shownOfAccount = 50

// consentsOfAccount is how many consents it looks at.
const consentsOfAccount = 1000

// accountAccess finds who is signed in to an account, and what applications may do with it.
func (l *Login) accountAccess(ctx context.Context, session domain.Session, user domain.User) (sessions []accountSession, clients []accountClient, err error) {
	live, err := l.sessions.List(ctx, user.ID, domain.Page{Limit: shownOfAccount})
	if err != nil {
		return nil, nil, err
	}
	for _, s := range live {
		sessions = append(sessions, accountSession{s.SID, cmp.Or(domain.BrowserName(s.UserAgent), "A browser"), s.IP, s.LastSeenAt, s.ID == session.ID})
	}
	consents, err := l.sessions.ListConsents(ctx, user.ID, domain.Page{Limit: consentsOfAccount})
	if err != nil {
		return nil, nil, err
	}
	grants, err := l.sessions.ListGrants(ctx, user.ID, 0, domain.Page{Limit: shownOfAccount})
	if err != nil {
		return nil, nil, err
	}
	places := map[string]int{}
	add := func(id, name string, scopes []string, since time.Time) {
		if _, ok := places[id]; !ok {
			places[id] = len(clients)
			clients = append(clients, accountClient{ClientID: id, Name: cmp.Or(name, id), Since: since})
		}
		c := &clients[places[id]]
		c.Scopes = append(c.Scopes, scopes...)
		if since.Before(c.Since) {
			c.Since = since
		}
	}
	for _, c := range consents {
		add(c.Client, c.ClientName, c.Scopes, c.GrantedAt)
	}
	for _, g := range grants {
		add(g.Client, g.ClientName, nil, g.CreatedAt)
	}
	return sessions, clients, nil
}

// endSession ends a session of the person's own, or all but the one of this browser.
func (l *Login) endSession(w http.ResponseWriter, r *http.Request) {
	l.onAccount(w, r, func(ctx context.Context, session domain.Session, user domain.User) error {
		sid := r.PostForm.Get("sid")
		if sid == "" {
			return l.sessions.EndUser(ctx, user.ID, session.ID)
		}
		named, err := l.sessions.Named(ctx, sid)
		if err == nil && named.UserID != user.ID {
			err = domain.ErrNotFound
		}
		if err != nil {
			return err
		}
		return l.sessions.End(ctx, named)
	})
}

// withdrawConsent takes back what the person allowed an application.
func (l *Login) withdrawConsent(w http.ResponseWriter, r *http.Request) {
	l.onAccount(w, r, func(ctx context.Context, _ domain.Session, user domain.User) error {
		client, err := l.registry.LookupClient(ctx, r.PostForm.Get("client_id"))
		if err != nil {
			return err
		}
		return l.sessions.WithdrawConsent(ctx, user, *client)
	})
}

// onAccount does something for whoever is signed in and leads back to the account page. What is not there any more is no error.
func (l *Login) onAccount(w http.ResponseWriter, r *http.Request, do func(ctx context.Context, session domain.Session, user domain.User) error) {
	session, user, ok := l.signedIn(w, r, "")
	if !ok {
		return
	}
	err := do(event.WithActor(r.Context(), event.User(user.Username)), session, user)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		l.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

// lockView is the data of the page on which a person locks their account.
type lockView struct {
	User          domain.User
	Reason        string
	Problem       string
	ReasonProblem string
}

// lock disables the person's own account, which ends all that it has: an administrator alone enables it again.
func (l *Login) lock(w http.ResponseWriter, r *http.Request) {
	user, ok := l.recentlySignedIn(w, r)
	if !ok {
		return
	}
	view := lockView{User: user}
	if r.Method != http.MethodPost {
		l.pages.Render(w, r, http.StatusOK, "lock", view)
		return
	}
	view.Reason = strings.TrimSpace(r.PostForm.Get("reason"))
	if domain.CheckReason(view.Reason) != nil {
		view.ReasonProblem = "Say it in fewer words, on one line."
		l.pages.Render(w, r, http.StatusUnprocessableEntity, "lock", view)
		return
	}
	if r.PostForm.Get("username") != user.Username {
		view.Problem = "This is not your username."
		l.pages.Render(w, r, http.StatusUnprocessableEntity, "lock", view)
		return
	}
	err := l.directory.DisableUser(event.WithActor(r.Context(), event.User(user.Username)), user.Username, view.Reason)
	switch {
	case errors.Is(err, domain.ErrInvalid):
		view.Problem = "You are the last administrator: somebody has to be able to unlock accounts."
		l.pages.Render(w, r, http.StatusUnprocessableEntity, "lock", view)
	case err != nil:
		l.fail(w, r, err)
	default:
		http.Redirect(w, r, "/logout", http.StatusSeeOther)
	}
}

// recentlySignedIn finds who has signed in not long ago; or it leads to the sign-in and back to the page, and is not ok.
func (l *Login) recentlySignedIn(w http.ResponseWriter, r *http.Request) (domain.User, bool) {
	session, user, err := l.pages.SignedIn(r)
	limit := domain.RecentSignIn
	if r.Method == http.MethodPost {
		limit *= 2 // as much time again to fill the form
	}
	switch {
	case errors.Is(err, domain.ErrNotFound) || err == nil && l.now().Sub(session.AuthTime) >= limit:
		l.signInAgain(w, r, user)
		return domain.User{}, false
	case err != nil:
		l.fail(w, r, err)
		return domain.User{}, false
	}
	return user, true
}

// signInAgain leads to the sign-in and back to the page.
func (l *Login) signInAgain(w http.ResponseWriter, r *http.Request, user domain.User) {
	browser, err := l.pages.Browser(w, r)
	if err != nil {
		l.fail(w, r, err)
		return
	}
	again := interaction.Request{Prompt: []string{"login"}, LoginHint: user.Username, MaxAge: -1, Return: r.URL.Path}
	l.goOn(w, r, "/login", interaction.New(again, browser, l.now()))
}
