package e2e

import (
	"net/url"
	"strconv"
	"strings"
	"testing"
)

func TestTheAPISaysWhatASubjectMayDoAndThroughWhat(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		m := newManager(t, s, "assignments:read users:disable")
		s.signet("group", "create", "team")
		s.signet("group", "add", "team", "alice")
		s.signet("role", "create", "reviewer", "--grant", ordersAPI+"#orders:read")
		s.signet("assign", "reviewer", "--group", "team", "--until", "2999-01-01")
		s.signet("assign", "reviewer", "--client", "web")

		through := `{"role":"reviewer","group":"team","expires_at":"2999-01-01T00:00:00Z","permissions":[{"audience":"` + ordersAPI + `","permission":"orders:read"}]}`
		direct := strings.Replace(through, `"group":"team",`, "", 1)
		for path, holds := range map[string]string{
			"/users/alice/access": through, "/groups/team/access": direct,
			"/clients/web/access": `"roles":[{"role":"reviewer","permissions":[{"audience":"` + ordersAPI + `","permission":"orders:read"}]}]`,
		} {
			if a := m.call("GET", path, "").wantStatus(t, 200); !strings.Contains(a.body, holds) || !strings.Contains(a.body, `"disabled":false`) {
				t.Errorf("%s: %s, want %s", path, a.body, holds)
			}
		}
		for _, path := range []string{"/users/nobody/access", "/groups/nobody/access", "/clients/nobody/access"} {
			m.call("GET", path, "").wantStatus(t, 404)
		}
		m.call("POST", "/users/alice/disable", "").wantStatus(t, 204)
		if a := m.call("GET", "/users/alice/access", "").wantStatus(t, 200); !strings.Contains(a.body, `"disabled":true`) {
			t.Errorf("a disabled user: %s", a.body)
		}
	})
}

// sessionsOf are those of a user, the last seen first.
func (s *shop) sessionsOf(t *testing.T, user string) []struct {
	SID, UserAgent string
	Clients        []string
} {
	t.Helper()
	return signetJSON[[]struct {
		SID, UserAgent string
		Clients        []string
	}](s.installation, "session", "list", "--user", user)
}

func TestSessionsConsentsAndCredentialsAreManagedByHTTP(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		m := newManager(t, s, "users:read users:write sessions:read sessions:end tokens:read")
		b := newBrowser(t, s.server)
		b.open(s.url+"/login").submit("username", alice, "password", alicesSecret).shows(200, "You are signed in")
		other := newBrowser(t, s.server)
		other.open(s.url+"/login").submit("username", alice, "password", alicesSecret).shows(200, "You are signed in")
		all := s.sessionsOf(t, alice)
		if len(all) != 2 {
			t.Fatalf("alice has the sessions %+v", all)
		}
		if a := m.call("GET", "/sessions?limit=1", "").wantStatus(t, 200); !strings.Contains(a.body, all[0].SID) || !strings.Contains(a.body, `"next":`) || strings.Contains(a.body, all[1].SID) {
			t.Errorf("the first page of all sessions: %s", a.body)
		}
		m.call("GET", "/sessions?user=nobody", "").wantStatus(t, 404)
		m.call("GET", "/sessions?cursor=forged", "").wantStatus(t, 400)
		if a := m.call("GET", "/sessions/"+all[0].SID, "").wantStatus(t, 200); !strings.Contains(a.body, `"username":"alice"`) || !strings.Contains(a.body, `"amr":["pwd"]`) {
			t.Errorf("a session: %s", a.body)
		}
		m.call("DELETE", "/sessions/"+all[0].SID, "").wantStatus(t, 204)
		m.call("DELETE", "/sessions/"+all[0].SID, "").wantStatus(t, 404)
		m.call("GET", "/sessions/"+all[0].SID, "").wantStatus(t, 404)
		if left := s.sessionsOf(t, alice); len(left) != 1 || left[0].SID != all[1].SID {
			t.Errorf("left are %+v", left)
		}
		m.call("DELETE", "/users/alice/sessions", "").wantStatus(t, 204)
		for _, b := range []*browser{b, other} {
			if p := b.open(s.url + "/account"); p.url.Path != "/login" {
				t.Errorf("a browser whose session ended is at %s", p.url)
			}
		}

		listed := decode[struct {
			Items []struct {
				ID         int64
				Kind       string
				LastUsedAt string `json:"last_used_at"`
			}
		}](t, m.call("GET", "/users/alice/credentials", "").wantStatus(t, 200)).Items
		if len(listed) != 1 || listed[0].Kind != "password" || listed[0].LastUsedAt == "" {
			t.Fatalf("alice's credentials are %+v", listed)
		}
		credential := "/users/alice/credentials/" + strconv.FormatInt(listed[0].ID, 10)
		m.call("DELETE", strings.Replace(credential, "alice", "nobody", 1), "").wantStatus(t, 404)
		m.call("DELETE", credential, "").wantStatus(t, 204)
		m.call("DELETE", credential, "").wantStatus(t, 404)
		newBrowser(t, s.server).open(s.url+"/login").submit("username", alice, "password", alicesSecret).shows(422, "do not match")
	})
}

func TestWhatAUserAllowedIsListedAndTakenBackByHTTP(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		m := newManager(t, s, "sessions:read sessions:end tokens:read")
		web, app := s.signIn(t, s.web), s.signIn(t, s.app)
		consents := m.call("GET", "/users/alice/consents", "").wantStatus(t, 200).body
		grants := m.call("GET", "/users/alice/grants", "").wantStatus(t, 200).body
		for _, fragment := range []string{`"client_id":"web"`, `"client_id":"app"`, ordersAPI} {
			if !strings.Contains(consents, fragment) || !strings.Contains(grants, fragment) {
				t.Errorf("consents %s and grants %s lack %s", consents, grants, fragment)
			}
		}
		if a := m.call("GET", "/sessions?user=alice", "").wantStatus(t, 200); !strings.Contains(a.body, `"clients":["web"]`) || !strings.Contains(a.body, `"clients":["app"]`) {
			t.Errorf("the sessions: %s", a.body)
		}
		m.call("DELETE", "/users/alice/consents/nobody", "").wantStatus(t, 404)
		m.call("DELETE", "/users/nobody/consents/web", "").wantStatus(t, 404)
		for range 2 {
			m.call("DELETE", "/users/alice/consents/web", "").wantStatus(t, 204)
		}
		refresh := func(c client, of tokens) answer {
			return s.post("/oauth2/token", c, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {of.Refresh}})
		}
		refresh(s.web, web).wantStatus(t, 400)
		refresh(s.app, app).wantStatus(t, 200)
		for path, fragment := range map[string]string{"/users/alice/consents": `"client_id":"web"`, "/users/alice/grants": `"client_id":"web"`, "/tokens?user=alice&client=web&state=live": `"jti"`} {
			if a := m.call("GET", path, "").wantStatus(t, 200); strings.Contains(a.body, fragment) {
				t.Errorf("%s still has %s: %s", path, fragment, a.body)
			}
		}
		again := newBrowser(t, s.server).open(s.authorizeURL(newAuthorization(s.web).query)).submit("username", alice, "password", alicesSecret)
		if again.left || again.url.Path != "/consent" {
			t.Errorf("the application does not have to ask again: %s", again.url)
		}
	})
}
