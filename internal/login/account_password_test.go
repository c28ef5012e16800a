package login_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/event/eventtest"
)

const chosen = "battery staple of mine"

// change sends the form that changes the password.
func (b *browser) change(password, again string) *browser {
	b.t.Helper()
	return b.post("/account/password", "password", password, "password_again", again)
}

// wantSignIn follows to a sign-in, and signs alice in there.
func (b *browser) wantSignIn(password string) *browser {
	b.t.Helper()
	location := b.header.Get("Location")
	flow, ok := strings.CutPrefix(location, "/login?flow=")
	if b.status != http.StatusSeeOther || !ok {
		b.t.Fatalf("status %d to %q, want 303 to a sign-in\n%s", b.status, location, b.body)
	}
	sealed, err := url.QueryUnescape(flow)
	b.check(err)
	return b.get(location).wantPage(http.StatusOK, "Sign in").post("/login", "flow", sealed, "username", "alice", "password", password)
}

func TestAPersonChangesTheirPassword(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		b, other := w.browser().signIn(), w.browser().signIn()
		b.get("/account").wantPage(http.StatusOK, `href="/account/password"`)
		b.get("/account/password").wantPage(http.StatusOK, "signed out everywhere", "At least 10 characters", `autocomplete="new-password"`, `value="alice" autocomplete="username"`)
		b.change(chosen, chosen+"x").wantPage(http.StatusUnprocessableEntity, "not the same")
		b.change("short", "short").wantPage(http.StatusUnprocessableEntity, "Invalid password: use at least")
		b.get("/account").wantPage(http.StatusOK)

		b.get("/account/password").change(chosen, chosen).wantRedirect("/password/done")
		b.get("/password/done").wantPage(http.StatusOK, "Every sign-in from before has ended")
		for _, signedOut := range []*browser{b, other} {
			signedOut.get("/account").wantRedirect("/login")
		}
		b.get("/login").post("/login", "username", "alice", "password", password).wantPage(http.StatusUnprocessableEntity, "do not match")
		b.get("/login").post("/login", "username", "alice", "password", chosen).wantRedirect("/account")
	})
}

func TestWhatChangesHowToGetInAsksForARecentSignIn(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		for _, path := range []string{"/account/password", "/account/lock"} {
			w.browser().get(path).wantSignIn(password).wantRedirect(path)
			b := w.browser().signIn()
			w.now = w.now.Add(9 * time.Minute)
			b.get(path).wantPage(http.StatusOK)
			w.now = w.now.Add(time.Minute)
			b.get(path).wantSignIn(password).wantRedirect(path)
			b.get(path).wantPage(http.StatusOK)
		}
		b := w.browser().signIn().get("/account/password")
		w.now = w.now.Add(19 * time.Minute) // it takes time to think of one
		b.change("short", "short").wantPage(http.StatusUnprocessableEntity)
		w.now = w.now.Add(time.Minute)
		b.change(chosen, chosen).wantSignIn(password).wantRedirect("/account/password")
	})
}

func TestAPasswordIsChangedFromItsOwnPageBySomebodySignedInAlone(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		b := w.browser().signIn()
		b.post("/account/password", "csrf", "", "password", chosen, "password_again", chosen).wantPage(http.StatusForbidden)
		b.get("/account/password")
		w.check(w.sessions.EndUser(eventtest.Context(t), w.alice.ID, 0))
		b.change(chosen, chosen).wantSignIn(password).wantRedirect("/account/password")
	})
}

func TestPasswordManagersFindWhereToChangeAPassword(t *testing.T) {
	each(t, func(w *world) {
		b := w.browser().get("/.well-known/change-password")
		if location := b.header.Get("Location"); b.status != http.StatusFound || location != "/account/password" {
			t.Errorf("status %d to %q", b.status, location)
		}
	})
}
