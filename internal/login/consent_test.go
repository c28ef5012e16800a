package login_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/interaction"
)

// acted opens the interaction that the browser was sent on with, in this browser, whose one live session did something for it.
func (b *browser) acted() interaction.Interaction {
	b.t.Helper()
	location, err := url.Parse(b.header.Get("Location"))
	b.check(err)
	if b.status != http.StatusSeeOther || location.Path != "/oauth2/authorize" || location.Host != "" {
		b.t.Fatalf("status %d to %q\n%s", b.status, location, b.body)
	}
	r := httptest.NewRequest(http.MethodGet, b.server.URL, nil)
	server, err := url.Parse(b.server.URL)
	b.check(err)
	for _, cookie := range b.client.Jar.Cookies(server) {
		r.AddCookie(cookie)
	}
	secret, err := b.pages.Browser(httptest.NewRecorder(), r)
	b.check(err)
	i, err := b.sealer.Open(location.Query().Get("flow"), secret)
	b.check(err)
	session, err := b.pages.Session(r)
	b.check(err)
	if !i.Acted(session.SID) {
		b.t.Errorf("nothing was done in session %s: %+v", session.SID, i)
	}
	return i
}

func TestConsentPageSaysWhoAsksWhomForWhat(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		b := w.browser().signIn().get("/consent?flow=" + url.QueryEscape(w.flow()))
		b.wantPage(http.StatusOK,
			"Notes &lt;script&gt;", "<code>notes</code>", "<code>notes.example</code>",
			"Alice Baker", "alice@example.com", "Not you?",
			"Know who you are", "Stay connected", "Orders", "See your orders", "<code>orders:read</code>", "<code>orders:write</code>")
		if strings.Contains(b.body, "<script>alert") {
			t.Error("the client's name is markup")
		}
	})
}

func TestConsentPageListsWhatClaimMappingsSend(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		_, err := w.registry.UpdateClient(eventtest.Context(t), w.notes.ClientID, func(c *domain.Client) error {
			c.ClaimMappings = []domain.ClaimMapping{{Claim: "cost_center", Expression: `"7"`}}
			return nil
		})
		w.check(err)
		w.browser().signIn().get("/consent?flow="+url.QueryEscape(w.flow())).wantPage(http.StatusOK, "See your cost center")
	})
}

func TestAllowGivesConsentToWhatWasShown(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		flow := w.flow()
		b := w.browser().signIn().get("/consent?flow=" + url.QueryEscape(flow))
		answered := b.post("/consent", "flow", flow, "decision", "allow", "scope", "admin").acted()
		if answered.Denied || answered.Answered == "" {
			t.Errorf("answered %+v", answered)
		}
		consent, err := w.sessions.Consent(eventtest.Context(t), w.alice.ID, w.notes.ID, orders)
		w.check(err)
		if diff := cmp.Diff([]string{"offline_access", "openid", "orders:read", "orders:write"}, consent.Scopes); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAnythingButAllowIsANo(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		flow := w.flow()
		b := w.browser().signIn()
		for _, decision := range []string{"deny", "", "ALLOW"} {
			b.get("/consent?flow=" + url.QueryEscape(flow))
			if answered := b.post("/consent", "flow", flow, "decision", decision).acted(); !answered.Denied || answered.Answered == "" {
				t.Errorf("%q: answered %+v", decision, answered)
			}
		}
		_, err := w.sessions.Consent(eventtest.Context(t), w.alice.ID, w.notes.ID, orders)
		if !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("consent: %v", err)
		}
	})
}

func TestConsentNeedsASignIn(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		flow := w.flow()
		b := w.browser().get("/consent?flow=" + url.QueryEscape(flow)).wantRedirect("/login?flow=" + url.QueryEscape(flow))
		b.get("/login").post("/consent", "flow", flow, "decision", "allow").wantRedirect("/login?flow=" + url.QueryEscape(flow))
	})
}

func TestConsentPageOfAnotherPersonDoesNotCount(t *testing.T) {
	each(t, func(w *world) {
		w.settle()
		flow := w.flow()
		_, err := w.directory.CreateUser(eventtest.Context(t), domain.User{Username: "bobby"}, w.passwords.New(password))
		w.check(err)
		b := w.browser().signIn().get("/consent?flow=" + url.QueryEscape(flow))
		shown := b.body
		b.get("/login?flow="+url.QueryEscape(flow)).post("/login", "flow", flow, "username", "bobby", "password", password)
		b.body = shown
		b.post("/consent", "flow", flow, "decision", "allow").wantPage(http.StatusForbidden)
	})
}
