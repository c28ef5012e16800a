package e2e

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
)

func TestARoleChangeRevokesExactlyTheTokensThatCarryWhatItTakes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		m := newManager(t, s, "roles:read roles:write assignments:read assignments:write tokens:read tokens:revoke")
		s.signet("role", "create", "writer", "--grant", ordersAPI+"#orders:read", "--grant", ordersAPI+"#orders:write")
		keeps := s.createClient("keeps", "--grant", "client_credentials", "--api", ordersAPI)
		loses := s.createClient("loses", "--grant", "client_credentials", "--api", ordersAPI)
		s.signet("role", "create", "other", "--grant", ordersAPI+"#orders:write", "--grant", ordersAPI+"#orders:read")
		s.signet("assign", "other", "--client", keeps.ID)
		s.signet("assign", "writer", "--client", keeps.ID)
		s.signet("assign", "writer", "--client", loses.ID)
		issue := func(c client) string {
			return s.issued(t, s.post("/oauth2/token", c, url.Values{"grant_type": {"client_credentials"}})).Access
		}
		kept, lost := issue(keeps), issue(loses)

		taking := `{"permissions":[{"audience":"` + ordersAPI + `","permission":"orders:read"}]`
		preview := m.call("POST", "/roles/writer/effect", taking+"}").wantStatus(t, 200)
		for _, want := range []string{
			`"holders":{"users":0,"groups":0,"clients":2,"more":false}`,
			`{"audience":"` + ordersAPI + `","permissions":["orders:write"],"role_name":false,"users":0,"clients":1,"tokens":1,"more":false}`,
		} {
			if !strings.Contains(preview.body, want) {
				t.Errorf("the effect is %s, want %s in it", preview.body, want)
			}
		}
		for _, body := range []string{`{}`, `{"delete":true,"user":"alice"}`, `{"user":"alice","group":"ops"}`} {
			m.call("POST", "/roles/writer/effect", body).wantStatus(t, 422)
		}
		m.call("POST", "/roles/nothing/effect", `{"delete":true}`).wantStatus(t, 404)
		m.call("POST", "/roles/writer/effect", `{"user":"nobody"}`).wantStatus(t, 404)

		meanwhile := issue(loses)
		tag := preview.header.Get("ETag")
		s.signet("role", "update", "writer", "--description", "Changed meanwhile")
		m.call("PATCH", "/roles/writer", taking+`,"revoke_tokens":true}`, "If-Match", tag).wantStatus(t, 412)
		s.wantAllActive(t, true, lost, meanwhile, kept)
		tag = m.call("GET", "/roles/writer", "").header.Get("ETag")
		changed := m.call("PATCH", "/roles/writer", taking+`,"revoke_tokens":true}`, "If-Match", tag).wantStatus(t, 200)
		var answer struct {
			Name       string
			Revocation struct {
				ID       int64
				Of, Name string
			}
		}
		if err := json.Unmarshal([]byte(changed.body), &answer); err != nil || answer.Name != "writer" || answer.Revocation.ID == 0 || answer.Revocation.Of != "role" {
			t.Errorf("the change answers %s", changed.body)
		}
		s.wantAllActive(t, false, lost, meanwhile) // as soon as it is answered
		s.wantAllActive(t, true, kept, issue(loses))

		lost = issue(loses)
		if out := s.signet("unassign", "writer", "--client", loses.ID, "--effect"); !strings.Contains(out, "orders:read role writer") {
			t.Errorf("the effect is %s", out)
		}
		s.wantAllActive(t, true, lost)
		gone := m.call("DELETE", "/roles/writer/clients/loses?revoke_tokens=true", "").wantStatus(t, 200)
		if !strings.Contains(gone.body, `"of":"role","name":"writer"`) {
			t.Errorf("what is unassigned answers %s", gone.body)
		}
		s.wantAllActive(t, false, lost)
		s.signet("role", "update", "other", "--revoke", ordersAPI+"#orders:write", "--revoke-tokens")
		s.wantAllActive(t, true, issue(keeps))
		s.wantAllActive(t, false, kept)
		kept = issue(keeps)
		if out := s.signet("role", "delete", "writer", "--effect"); !strings.Contains(out, "role writer") {
			t.Errorf("the effect of deleting the role is %s", out)
		}
		s.wantAllActive(t, true, kept)
		if out := s.signet("role", "delete", "writer", "--revoke-tokens"); !strings.Contains(out, "revoked 1 token") {
			t.Errorf("deleted with its tokens: %s", out)
		}
		s.wantAllActive(t, false, kept) // it named the role writer, too
	})
}

// wantAllActive fails unless each token is active, or not.
func (s *shop) wantAllActive(t *testing.T, active bool, tokens ...string) {
	t.Helper()
	for i, token := range tokens {
		if got := decode[map[string]any](t, s.introspect(s.orders, token))["active"]; got != active {
			t.Errorf("token %d: active is %v, want %v", i, got, active)
		}
	}
}
