package login_test

import (
	"context"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/interaction"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/session"
)

func TestSignInLeadsBackToTheRequestThatWaited(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		flow := w.flow()
		b := w.browser().get("/login?flow=" + url.QueryEscape(flow))
		b.wantPage(http.StatusOK, "Notes &lt;script&gt;", `value="alice"`)
		if csp := b.header.Get("Content-Security-Policy"); csp == "" || strings.Contains(csp, "form-action") {
			t.Errorf("the form may not lead to the client and on: %q", csp)
		}
		b.post("/login", "flow", flow, "username", " Alice ", "password", password)
		if i := b.acted(); i.SignedIn == "" || i.Answered != "" {
			t.Errorf("acted %+v", i)
		}
	})
}

func TestSignInWithoutARequestLeadsToTheAccount(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		b := w.browser().get("/account").wantRedirect("/login")
		b.signIn()
		b.get("/account").wantPage(http.StatusOK, "Alice Baker", "alice@example.com")
		b.get("/login").wantRedirect("/account")
		b.get("/").wantRedirect("/account")
	})
}

func TestWrongPasswordAndUnknownNameLookTheSame(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		if err := w.directory.DisableUser(eventtest.Context(t), "alice", ""); err != nil {
			t.Fatal(err)
		}
		_, err := w.directory.CreateUser(eventtest.Context(t), domain.User{Username: "bobby"}, w.passwords.New(password))
		w.check(err)
		for name, guess := range map[string]string{"bobby": "wrong password", "nobody": "wrong password", "alice": password} {
			b := w.browser().get("/login").post("/login", "username", name, "password", guess)
			b.wantPage(http.StatusUnprocessableEntity, "Username and password do not match", `role="alert"`, `value="`+name+`"`)
			if strings.Contains(b.body, guess) {
				t.Errorf("the page shows the password:\n%s", b.body)
			}
			b.get("/account").wantRedirect("/login")
		}
	})
}

func TestSignInRenewsTheFormSecret(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		b := w.browser().get("/login")
		before := b.body
		b.post("/login", "username", "alice", "password", password).wantRedirect("/account")
		b.body = before
		b.post("/logout").wantPage(http.StatusForbidden)
		b.get("/account").wantPage(http.StatusOK)
	})
}

func TestSignInEndsTheSessionThatTheBrowserHad(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		b := w.browser().signIn()
		thief := w.browser()
		here, err := url.Parse(w.server.URL)
		w.check(err)
		thief.client.Jar.SetCookies(here, b.client.Jar.Cookies(here))
		thief.get("/account").wantPage(http.StatusOK)

		flow := w.flow()
		b.get("/login?flow="+url.QueryEscape(flow)).post("/login", "flow", flow, "username", "alice", "password", password)
		b.get("/account").wantPage(http.StatusOK)
		thief.get("/account").wantRedirect("/login")
	})
}

func TestSignOutEndsTheSessionItself(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		b := w.browser().signIn()
		thief := w.browser()
		here, err := url.Parse(w.server.URL)
		w.check(err)
		thief.client.Jar.SetCookies(here, b.client.Jar.Cookies(here))

		b.get("/logout").wantPage(http.StatusOK, "Sign out?", "Alice Baker")
		b.post("/logout").wantRedirect("/logout")
		b.get("/logout").wantPage(http.StatusOK, "You are signed out")
		b.get("/account").wantRedirect("/login")
		thief.get("/account").wantRedirect("/login")
	})
}

func TestDisabledUserIsSignedOutAtOnce(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		b := w.browser().signIn().get("/account").wantPage(http.StatusOK)
		w.check(w.directory.DisableUser(eventtest.Context(t), "alice", ""))
		b.get("/account").wantRedirect("/login")
	})
}

func TestDisabledUserWhoseSignInWasUnderWayIsNotSignedIn(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		w.check(w.directory.DisableUser(eventtest.Context(t), "alice", ""))
		token, _, err := w.sessions.Start(eventtest.Context(t), domain.Authentication{User: w.alice}, session.Browser{})
		w.check(err)
		recorder := httptest.NewRecorder()
		w.check(w.pages.SignIn(recorder, httptest.NewRequest(http.MethodGet, "/login", nil), token))
		here, err := url.Parse(w.server.URL)
		w.check(err)
		b := w.browser()
		b.client.Jar.SetCookies(here, recorder.Result().Cookies())
		b.get("/account").wantRedirect("/login")
	})
}

func TestSignInUnderWayDoesNotOutliveThePassword(t *testing.T) {
	each(t, func(w *world) {
		for username, change := range map[string]func(ctx context.Context, username string) error{
			"changed":  func(ctx context.Context, u string) error { return w.passwords.Set(ctx, u, "battery staple") },
			"disabled": func(ctx context.Context, u string) error { return w.directory.DisableUser(ctx, u, "") },
			"deleted":  w.directory.DeleteUser,
		} {
			_, err := w.directory.CreateUser(eventtest.Context(t), domain.User{Username: username}, w.passwords.New(password))
			w.check(err)
			w.meanwhile = func(ctx context.Context) error { return change(event.WithActor(ctx, event.System), username) }
			b := w.browser().get("/login").post("/login", "username", username, "password", password)
			b.wantPage(http.StatusUnprocessableEntity, "Username and password do not match")
			b.get("/account").wantRedirect("/login")
			if n := w.openSessions(); n != 0 {
				t.Errorf("%s: %d sessions are open", username, n)
			}
		}
	})
}

func TestSignInWhoseTimeRanOutMakesNoSession(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		b := w.browser().get("/login")
		w.meanwhile = func(ctx context.Context) error {
			if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > 20*time.Second {
				t.Error("the password may be hashed for ever")
			}
			return context.DeadlineExceeded // as when others keep the hasher busy
		}
		b.post("/login", "username", "alice", "password", password).wantPage(http.StatusServiceUnavailable, "Back in a moment")

		b.get("/login")
		w.patience = 200 * time.Millisecond
		w.meanwhile = func(ctx context.Context) error { <-ctx.Done(); return nil } // the hash is done, but too late
		b.post("/login", "username", "alice", "password", password).wantPage(http.StatusServiceUnavailable, "Back in a moment")
		w.patience = 0
		b.get("/account").wantRedirect("/login")
		if n := w.openSessions(); n != 0 {
			t.Errorf("%d sessions are open", n)
		}
	})
}

func TestBrowserThatWentAwayIsNotToldOK(t *testing.T) {
	each(t, func(w *world) {
		ctx, cancel := context.WithCancel(eventtest.Context(t))
		cancel()
		recorder := httptest.NewRecorder()
		w.server.Config.Handler.ServeHTTP(recorder, httptest.NewRequestWithContext(ctx, http.MethodGet, "/setup?token=x", nil))
		if recorder.Code != http.StatusServiceUnavailable {
			t.Errorf("status %d", recorder.Code)
		}
	})
}

func TestTooManyGuessesHaveToWait(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		stranger, own := w.browser(), w.browser().signIn()
		for n := 0; stranger.status != http.StatusTooManyRequests; n++ {
			if n > 100 {
				t.Fatal("100 guesses were let through")
			}
			stranger.get("/login").post("/login", "username", "alice", "password", "guess")
		}
		stranger.wantPage(http.StatusTooManyRequests, "Too many attempts")
		if stranger.header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
		stranger.get("/login").post("/login", "username", "alice", "password", password).wantPage(http.StatusTooManyRequests)

		own.get("/logout").post("/logout").wantRedirect("/logout")
		own.signIn()
		w.now = w.now.Add(time.Minute)
		stranger.signIn()
	})
}

func TestAFloodOfSignInsKeepsNobodyOutOfTheirOwnBrowser(t *testing.T) {
	each(t, func(w *world) {
		t := w.t
		w.settle()
		own := w.browser().signIn().get("/logout").post("/logout").get("/login")
		form := w.browser().get("/login")
		token := html.UnescapeString(csrfField.FindStringSubmatch(form.body)[1])
		page, err := url.Parse(w.server.URL)
		w.check(err)

		const strangers = 200
		var flood sync.WaitGroup
		var answered, turnedAway atomic.Int32
		for n := range strangers {
			flood.Go(func() {
				body := url.Values{"csrf": {token}, "username": {fmt.Sprint("user", n)}, "password": {"guess"}}.Encode()
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, w.server.URL+"/login", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Origin", w.server.URL)
				r.Header.Set(addressHeader, fmt.Sprintf("198.18.%d.%d:1", n/2, n%2))
				for _, cookie := range form.client.Jar.Cookies(page) {
					r.AddCookie(cookie)
				}
				answer := httptest.NewRecorder()
				w.server.Config.Handler.ServeHTTP(answer, r)
				answered.Add(1)
				switch answer.Code {
				case http.StatusServiceUnavailable:
					turnedAway.Add(1)
				case http.StatusUnprocessableEntity:
				default:
					t.Errorf("stranger %d: status %d", n, answer.Code)
				}
			})
		}
		for turnedAway.Load() == 0 { // all places of strangers are taken
			time.Sleep(time.Millisecond)
		}
		began := time.Now()
		own.post("/login", "username", "alice", "password", password).wantRedirect("/account")
		took, before := time.Since(began), answered.Load()
		flood.Wait()
		t.Logf("alice signed in within %v, after %d of %d strangers were answered; %d were turned away", took, before, strangers, turnedAway.Load())
		if before == strangers {
			t.Errorf("alice signed in after %v, behind all strangers, who were done after %v", took, time.Since(began))
		}
	})
}

func TestFlowThatExpiredSaysWhereToGo(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		flow := w.flow()
		b := w.browser().signIn().get("/account")
		w.now = w.now.Add(16 * time.Minute)
		for _, path := range []string{"/login", "/consent"} {
			b.get("/account").post(path, "flow", flow).wantPage(http.StatusBadRequest, "Go back to the application")
			b.get(path+"?flow="+url.QueryEscape(flow)).wantPage(http.StatusBadRequest, "Go back to the application")
		}
		b.get("/consent").wantPage(http.StatusBadRequest, "Go back to the application")
	})
}

func TestDisabledClientGetsNobodySignedIn(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		w.check(w.registry.DisableClient(eventtest.Context(t), "notes", ""))
		w.browser().get("/login?flow="+url.QueryEscape(w.flow())).wantPage(http.StatusBadRequest, "not registered here any more")
	})
}

func TestWithoutADatabaseNobodyIsCalledSignedOut(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		b := w.browser().signIn().get("/account")
		stranger := w.browser().get("/login")
		w.db.Close()
		b.post("/logout").wantPage(http.StatusServiceUnavailable)
		for _, path := range []string{"/account", "/logout", "/login", "/consent?flow=" + url.QueryEscape(w.flow()), "/setup?token=x"} {
			b.get(path).wantPage(http.StatusServiceUnavailable, "Back in a moment")
		}
		stranger.post("/login", "username", "alice", "password", password).wantPage(http.StatusServiceUnavailable)
	})
}

func TestASignInFormSentTwiceGoesOnBothTimes(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		flow := w.flow()
		b := w.browser().get("/login?flow=" + url.QueryEscape(flow))
		shown := b.body
		for range 2 {
			b.body = shown
			b.post("/login", "flow", flow, "username", "alice", "password", password)
			if i := b.acted(); i.SignedIn == "" {
				t.Errorf("acted %+v", i)
			}
		}
		b.get("/account").wantPage(http.StatusOK)
	})
}

func TestAStaleSignInFormGoesOnWhereSomebodyIsSignedIn(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		flow := w.flow()
		b := w.browser().get("/login?flow=" + url.QueryEscape(flow))
		stale := b.body
		for range 2 { // the form is older than the secret that is kept
			b.get("/login?flow="+url.QueryEscape(flow)).post("/login", "flow", flow, "username", "alice", "password", password)
		}
		b.body = stale
		b.post("/login", "flow", flow, "username", "alice", "password", "wrong").wantRedirect("/oauth2/authorize?flow=" + url.QueryEscape(flow))
		b.get("/account").wantPage(http.StatusOK)

		b.get("/logout").post("/logout")
		b.body = stale
		b.post("/login", "flow", flow, "username", "alice", "password", password).wantPage(http.StatusForbidden)
	})
}

func TestARefusedSignInIsRecordedByName(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		b := w.browser()
		b.get("/login").post("/login", "username", "alice", "password", "guessed").wantPage(http.StatusUnprocessableEntity)
		var names []string
		events, err := w.db.ListEvents(eventtest.Context(t), 0, 1000)
		w.check(err)
		for _, e := range events {
			if e.Action == "signin.fail" {
				names = append(names, e.Target)
			}
		}
		if !slices.Equal(names, []string{"user:alice"}) {
			t.Errorf("refusals of %q are recorded", names)
		}
	})
}

func TestASignInOfTwoStepsIsNoneAfterTheFirst(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		w.codes.Asked = true
		flow := w.flow()
		for _, flow := range []string{flow, ""} { // for a client, and to Signet itself
			b := w.browser().get("/login?flow=" + url.QueryEscape(flow))
			b.post("/login", "flow", flow, "username", "alice", "password", password)
			second, ok := strings.CutPrefix(b.header.Get("Location"), "/login?flow=")
			if b.status != http.StatusSeeOther || !ok {
				t.Fatalf("status %d to %q", b.status, b.header.Get("Location"))
			}
			second, err := url.QueryUnescape(second)
			w.check(err)
			if n := w.openSessions(); n != 0 {
				t.Errorf("%d sessions are open after one step", n)
			}
			b.get("/account").wantRedirect("/login")

			// Elsewhere the step does not count.
			other := w.browser().get("/login?flow="+url.QueryEscape(second)).wantPage(http.StatusOK, `name="password"`)
			other.post("/login", "flow", second, "code", servicetest.Code).wantPage(http.StatusUnprocessableEntity)
			other.get("/account").wantRedirect("/login")

			b.get("/login?flow=" + url.QueryEscape(second)).wantPage(http.StatusOK)
			if strings.Contains(b.body, `name="password"`) {
				t.Errorf("the page asks for the password again:\n%s", b.body)
			}
			shown := b.body
			b.post("/login", "flow", second, "code", "wrong").wantPage(http.StatusUnprocessableEntity)
			b.body = shown
			b.post("/login", "flow", second, "code", servicetest.Code)
			if flow != "" {
				if i := b.acted(); i.SignedIn == "" || len(i.Steps) != 0 {
					t.Errorf("acted %+v", i)
				}
			} else {
				b.wantRedirect("/account")
			}
			b.get("/account").wantPage(http.StatusOK, "Alice Baker")
			b.get("/logout").post("/logout")
		}
	})
}

func TestNobodyConsentsForASignInToSignetItself(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		b := w.browser().signIn()
		flow, err := w.sealer.Seal(interaction.New(interaction.Request{}, "", w.now))
		w.check(err)
		b.get("/consent?flow="+url.QueryEscape(flow)).wantPage(http.StatusBadRequest, "Go back to the application")
	})
}
