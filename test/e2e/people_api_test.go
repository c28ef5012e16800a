package e2e

import (
	"strings"
	"testing"
)

func TestTheAPISaysWhatASubjectMayDoAndThroughWhat(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		m := newManager(t, s, "assignments:read users:write")
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
