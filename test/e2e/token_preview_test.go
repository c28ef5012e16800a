package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type previewed struct {
	Claims       map[string]any
	Size         int
	Refused      string
	Audience     string
	IDToken      struct{ Claims map[string]any } `json:"id_token"`
	Userinfo     map[string]any
	Entitlements []struct {
		Permission, Reason string
		Through            []struct{ Role, Group string }
	}
}

func TestATokenIsPreviewedAsItWouldBeIssued(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		m := newManager(t, s, "tokens:read clients:read users:read assignments:read")
		robot := s.createClient("robot", "--grant", "client_credentials", "--api", ordersAPI)
		s.signet("role", "create", "reader", "--grant", ordersAPI+"#orders:read")
		s.signet("assign", "reader", "--client", robot.ID)
		preview := func(body string) (p previewed) {
			t.Helper()
			answer := m.call("POST", "/token-previews", body).wantStatus(t, 200)
			if err := json.Unmarshal([]byte(answer.body), &p); err != nil {
				t.Fatal(err)
			}
			return p
		}
		before := s.signet("token", "count")
		got := preview(`{"client":"robot"}`)
		issued := s.issued(t, s.post("/oauth2/token", robot, url.Values{"grant_type": {"client_credentials"}})).Access
		want := claims(t, issued)
		for _, own := range []string{"jti", "status"} { // only an issued token has
			delete(want, own)
		}
		for _, moved := range []string{"iat", "exp"} { // a second may have passed
			delete(want, moved)
			delete(got.Claims, moved)
		}
		if diff := cmp.Diff(want, got.Claims); diff != "" {
			t.Error(diff)
		}
		if apart := got.Size - len(issued); apart < -16 || apart > 16 { // the place in the status list has not always as many digits
			t.Errorf("the size is %d, that of an issued one %d", got.Size, len(issued))
		}
		reasons := map[string]string{}
		for _, e := range got.Entitlements {
			reasons[e.Permission] = e.Reason
		}
		if diff := cmp.Diff(map[string]string{"orders:read": "held", "orders:write": "not_assigned"}, reasons); diff != "" {
			t.Error(diff)
		}

		s.signet("client", "create", "narrow", "--grant", "client_credentials", "--api", ordersAPI+"#orders:read")
		s.signet("group", "create", "team")
		s.signet("group", "add", "team", "alice")
		s.signet("role", "create", "both", "--grant", ordersAPI+"#orders:read", "--grant", ordersAPI+"#orders:write")
		s.signet("assign", "both", "--group", "team")
		got = preview(`{"client":"narrow","user":"alice","scopes":["openid","orders:write","nonsense"]}`)
		reasons = map[string]string{}
		for _, e := range got.Entitlements {
			reasons[e.Permission] = e.Reason
			if e.Permission == "orders:write" && (len(e.Through) == 0 || e.Through[0].Group != "team") {
				t.Errorf("orders:write comes through %v", e.Through)
			}
		}
		if diff := cmp.Diff(map[string]string{"orders:read": "not_asked", "orders:write": "not_allowed", "nonsense": "unknown"}, reasons); diff != "" {
			t.Error(diff)
		}
		if !strings.Contains(got.Refused, "orders:write") && !strings.Contains(got.Refused, "this scope") {
			t.Errorf("a scope that the client may not ask for is refused with %q", got.Refused)
		}
		if got = preview(`{"client":"robot","scopes":["orders:write"]}`); got.Refused != "No role of this client gives any of the scopes that it asks for." {
			t.Errorf("without a role it is refused with %q", got.Refused)
		}
		s.previewsASignIn(t, preview)
		for body, status := range map[string]int{
			`{"client":"nobody"}`: 404, `{"client":"robot","user":"nobody"}`: 404, `{"client":"robot","api":"https://other.example"}`: 422,
		} {
			m.call("POST", "/token-previews", body).wantStatus(t, status)
		}
		after := s.signet("token", "count")
		if before == after || !strings.Contains(s.signet("token", "preview", "--client", "robot"), "orders:read") {
			t.Errorf("tokens: %s, then %s", before, after) // the one that was issued
		}
	})
}

// previewsASignIn compares what is previewed of a user with what alice gets, and the API of a request that names none.
func (s *shop) previewsASignIn(t *testing.T, preview func(string) previewed) {
	t.Helper()
	const scopes = "openid profile email groups roles orders:read"
	got := preview(`{"client":"` + s.web.ID + `","user":"alice","api":"` + ordersAPI + `","scopes":["` + strings.ReplaceAll(scopes, " ", `","`) + `"]}`)
	issued := s.signInFor(t, s.web, scopes)
	for _, compared := range []struct {
		name      string
		want, got map[string]any
	}{
		{"access token", claims(t, issued.Access), got.Claims}, {"ID token", claims(t, issued.ID), got.IDToken.Claims},
		{"userinfo", decode[map[string]any](t, s.get("/oauth2/userinfo", issued.Access).wantStatus(t, http.StatusOK)), got.Userinfo},
	} {
		for _, own := range []string{"jti", "status", "at_hash", "nonce", "sid", "iat", "exp", "auth_time"} {
			delete(compared.want, own)
			delete(compared.got, own)
		}
		if diff := cmp.Diff(compared.want, compared.got); diff != "" || len(compared.want) < 3 {
			t.Errorf("%s: %s", compared.name, diff)
		}
	}
	two := s.createClient("two", "--grant", "client_credentials", "--api", ordersAPI, "--api", invoicesAPI)
	s.signet("role", "create", "accountant", "--grant", invoicesAPI+"#invoices:read")
	s.signet("assign", "accountant", "--client", two.ID)
	access := s.issued(t, s.post("/oauth2/token", two, url.Values{"grant_type": {"client_credentials"}, "scope": {"invoices:read"}})).Access
	if got := preview(`{"client":"two","scopes":["invoices:read"]}`); got.Audience != invoicesAPI || claims(t, access)["aud"] != invoicesAPI {
		t.Errorf("the API is %s, that of the token %v", got.Audience, claims(t, access)["aud"])
	}
}
