package e2e

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestARoleChangeRevokesExactlyTheTokensThatCarryWhatItTakes(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		m := newManager(t, s, "roles:read roles:write groups:read groups:write assignments:read assignments:write tokens:read tokens:revoke")
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
			`{"audience":"` + ordersAPI + `","permissions":["orders:write"],"roles":[],"groups":[],"users":0,"clients":1,"tokens":1,"more":false}`,
		} {
			if !strings.Contains(preview.body, want) {
				t.Errorf("the effect is %s, want %s in it", preview.body, want)
			}
		}
		for _, body := range []string{`{}`, `{"delete":true,"user":"alice"}`, `{"user":"alice","group":"ops"}`, `{"delete":true,"expires_at":"2999-01-01T00:00:00Z"}`} {
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
		if out := s.signet("role", "delete", "writer", "--revoke-tokens"); !strings.Contains(out, "revoked 2 tokens") {
			t.Errorf("deleted with its tokens: %s", out)
		}
		s.wantAllActive(t, false, kept) // it named the role writer, too

		s.leavesAGroup(t, m)
		s.endsEarlier(t, m)
	})
}

// effect asks for the effect of a change, which has to say so.
func (m manager) effect(t *testing.T, path, body string, wants ...string) {
	t.Helper()
	a := m.call("POST", path+"/effect", body).wantStatus(t, 200)
	for _, want := range wants {
		if !strings.Contains(a.body, want) {
			t.Errorf("the effect is %s, want %s in it", a.body, want)
		}
	}
}

// leavesAGroup takes alice out of a group that gives her orders:write, and then deletes it.
func (s *shop) leavesAGroup(t *testing.T, m manager) {
	t.Helper()
	s.signet("api", "update", ordersAPI, "--claim", "teams=groups")
	s.signet("role", "create", "packer", "--grant", ordersAPI+"#orders:write", "--grant", ordersAPI+"#orders:read")
	s.signet("group", "create", "packers")
	s.signet("assign", "packer", "--group", "packers")
	join := func() string {
		s.signet("group", "add", "packers", alice)
		return s.signInFor(t, s.web, "openid orders:write").Access
	}
	reads, packs := s.signInFor(t, s.web, "openid orders:read").Access, join()
	lost := `"permissions":["orders:write"],"roles":["packer"],"groups":["packers"],"users":1,"clients":0,"tokens":1,`
	m.effect(t, "/groups/packers", `{"user":"alice"}`, `"holders":{"users":1,"groups":0,"clients":0,"more":false}`, lost, `"mapped":["`+ordersAPI+`"]`)
	m.effect(t, "/groups/packers", `{"delete":true}`, `"holders":{"users":1,"groups":1,"clients":0,"more":false}`, lost)
	for _, body := range []string{`{}`, `{"delete":true,"user":"alice"}`} {
		m.call("POST", "/groups/packers/effect", body).wantStatus(t, 422)
	}
	m.call("POST", "/groups/packers/effect", `{"user":"nobody"}`).wantStatus(t, 404)
	m.call("POST", "/groups/nothing/effect", `{"delete":true}`).wantStatus(t, 404)
	if out := s.signet("group", "remove", "packers", alice, "--effect"); !strings.Contains(out, "orders:write role packer group packers") {
		t.Errorf("the effect is %s", out)
	}
	left := m.call("DELETE", "/groups/packers/members/alice?revoke_tokens=true", "").wantStatus(t, 200)
	if !strings.Contains(left.body, `"of":"group","name":"packers"`) {
		t.Errorf("who leaves a group is answered %s", left.body)
	}
	s.wantAllActive(t, false, packs)
	s.wantAllActive(t, true, reads)
	packs = join()
	if out := s.signet("group", "remove", "packers", alice, "--revoke-tokens"); !strings.Contains(out, "removed user "+alice+"\nrevoked 1 token") {
		t.Errorf("taken out with its token: %s", out)
	}
	s.wantAllActive(t, false, packs)
	packs = join()
	m.call("DELETE", "/groups/packers?revoke_tokens=true", "").wantStatus(t, 200)
	s.wantAllActive(t, false, packs)
	s.wantAllActive(t, true, reads)
}

// endsEarlier moves the end of an assignment, first to before its token expires.
func (s *shop) endsEarlier(t *testing.T, m manager) {
	t.Helper()
	s.signet("assign", "packer", "--user", alice)
	packs := s.signInFor(t, s.web, "openid orders:write").Access
	until := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339) }
	m.effect(t, "/roles/packer", `{"user":"alice","expires_at":"`+until(5*time.Minute)+`"}`, `"permissions":["orders:write"]`, `"tokens":1,`)
	m.effect(t, "/roles/packer", `{"user":"alice","expires_at":"`+until(time.Hour)+`"}`, `"permissions":["orders:write"]`, `"tokens":0,`)
	if out := s.signet("assign", "packer", "--user", alice, "--until", "5m", "--effect"); !strings.Contains(out, "orders:write role packer") {
		t.Errorf("the effect is %s", out)
	}
	if s.command("assign", "packer", "--user", alice, "--effect").Run() == nil {
		t.Error("an end that takes nothing away has an effect")
	}
	s.wantAllActive(t, true, packs)
	s.signet("assign", "packer", "--user", alice, "--until", "5m", "--revoke-tokens")
	s.wantAllActive(t, false, packs)
	packs = s.signInFor(t, s.web, "openid orders:write").Access
	if later := m.call("PUT", "/roles/packer/users/alice?revoke_tokens=true&expires_at="+until(time.Hour), "").wantStatus(t, 200); strings.Contains(later.body, "revocation") {
		t.Errorf("a later end is answered %s", later.body)
	}
	s.wantAllActive(t, true, packs)
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
