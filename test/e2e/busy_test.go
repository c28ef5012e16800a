package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestCommandsGetTheirTurnBesideABusyServerOnSQLite(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t))
	clients := newLoad(t)
	clients.add(32, 0, func() {
		if a := s.post("/oauth2/token", s.reporting, clientCredentials()); a.status != http.StatusOK {
			t.Errorf("a token: %d %s", a.status, a.body)
		}
	})
	for i := range 20 {
		s.signet("role", "create", fmt.Sprint("role", i))
	}
	clients.end()
}

func TestTokensAreIssuedWhileManyWrongPasswordsAreTried(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t))
	const tries = 200
	var underWay atomic.Int64
	var mu sync.Mutex
	answers := map[int]int{}
	var trying sync.WaitGroup
	for n := range tries {
		trying.Go(func() {
			b := newBrowser(t, s.server)
			form := b.open(s.url + "/login")
			underWay.Add(1)
			defer underWay.Add(-1)
			p := form.submit("username", fmt.Sprint("nobody", n), "password", "not the password")
			mu.Lock()
			defer mu.Unlock()
			answers[p.status]++
		})
	}
	ended := make(chan struct{})
	go func() { trying.Wait(); close(ended) }()
	await(t, "passwords are tried", func() bool { return underWay.Load() > 0 })
	issued := 0
	for going := true; going; {
		a := s.post("/oauth2/token", s.reporting, clientCredentials())
		going = underWay.Load() > 0
		if a.status != http.StatusOK {
			t.Errorf("while %d passwords are tried: %d %s", underWay.Load(), a.status, a.body)
			break
		}
		if going {
			issued++
		}
	}
	<-ended
	t.Logf("%d tokens were issued meanwhile; the passwords were answered %v", issued, answers)
	if issued == 0 || answers[http.StatusUnprocessableEntity] == 0 || answers[422]+answers[429]+answers[503] != tries {
		t.Errorf("%d tokens were issued meanwhile; the passwords were answered %v", issued, answers)
	}
}

func TestWhoFailsTooOftenWaitsAndAClientThatDoesNotGoesOn(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t), "SIGNET_LIMITS_FAILURES_PER_ADDRESS=1", "SIGNET_LIMITS_PAGES_PER_ADDRESS=2")
	s.issued(t, s.post("/oauth2/token", s.reporting, clientCredentials()))
	b, asked := newBrowser(t, s.server), newAuthorization(s.app)
	app := s.issued(t, s.post("/oauth2/token", s.app, asked.exchange(b.authorize(asked.query).url.Query().Get("code"))))
	refused := func(what string, ask func() answer) (last answer) {
		t.Helper()
		for range 100 {
			if last = ask(); last.status == http.StatusTooManyRequests {
				if last.header.Get("Retry-After") == "" {
					t.Errorf("%s: no Retry-After", what)
				}
				return last
			}
		}
		t.Errorf("%s: answered %d to the end", what, last.status)
		return last
	}
	refused("a wrong secret", func() answer {
		return s.post("/oauth2/token", client{ID: "made-up", Secret: "wrong"}, clientCredentials())
	}).wantError(t, http.StatusTooManyRequests, "temporarily_unavailable")
	refused("a token that is not valid", func() answer { return s.get("/oauth2/userinfo", "x.y.z") })
	refused("introspection", func() answer {
		return s.post("/oauth2/introspect", client{ID: "made-up", Secret: "wrong"}, url.Values{"token": {"x"}})
	})
	refused("decisions", func() answer { return s.get("/access/v1/policy?audience="+ordersAPI, "x.y.z") })
	refused("the admin API", func() answer { return s.get("/api/v1/users", "x.y.z") })
	refused("made-up refresh tokens", func() answer { return s.post("/oauth2/token", s.app, refresh("made-up")) })
	s.issued(t, s.post("/oauth2/token", s.reporting, clientCredentials())) // has authenticated from here before
	s.issued(t, s.post("/oauth2/token", s.app, refresh(app.Refresh)))      // presents what was made here
	page := refused("pages", func() answer { return s.get("/login", "") })
	if !strings.Contains(page.body, "Too many requests") {
		t.Errorf("the page says %.300s", page.body)
	}
	b.open(s.url + "/account").shows(http.StatusOK)
	s.get("/.well-known/jwks.json", "").wantStatus(t, http.StatusOK)
}
