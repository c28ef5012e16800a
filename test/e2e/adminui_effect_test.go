package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestARoleChangeShowsItsEffectBeforeItIsSaved(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		const role = `writer <script>alert(1)</script>`
		s.signet("role", "create", role, "--grant", ordersAPI+"#orders:read", "--grant", ordersAPI+"#orders:write")
		robot := s.createClient("robot", "--grant", "client_credentials", "--api", ordersAPI)
		s.signet("assign", role, "--client", robot.ID)
		issue := func() string {
			return s.issued(t, s.post("/oauth2/token", robot, url.Values{"grant_type": {"client_credentials"}})).Access
		}
		b := s.administer(t, "administrator", "/admin/roles").browser
		address := s.url + "/admin/roles/" + url.PathEscape(role)
		token := issue()
		less := []string{"description", "Less", "permissions", ordersAPI + "#orders:read"}

		edit := b.open(address + "/edit")
		effect := edit.submit(less...).shows(http.StatusOK, "What the change of "+role+" takes away", "Nothing is changed yet.", "orders:write", "Save and revoke exactly those tokens")
		b.open(address).shows(http.StatusOK, "orders:write")
		s.signet("role", "update", role, "--description", "Changed meanwhile")
		effect.submit("act", "save").shows(http.StatusConflict, "Changed meanwhile")
		b.open(address+"/edit").submit(less...).submit("act", "save").shows(http.StatusOK, "The role was saved.", "Less")
		s.wantAllActive(t, true, token) // without what was taken
		s.signet("role", "update", role, "--grant", ordersAPI+"#orders:write")

		effect = b.open(address + "/edit").submit(less...)
		meanwhile := issue()
		effect.submit("act", "revoke", "typed", "another").shows(http.StatusUnprocessableEntity, "This is not the name.").
			submit("act", "revoke", "typed", role).shows(http.StatusOK, "Tokens that carry what the role "+role+" gives no more")
		s.wantAllActive(t, false, token, meanwhile)
		token = issue()
		b.open(address+"/edit").submit("description", "Nothing is lost").shows(http.StatusOK, "The role was saved.")

		effect = b.open(s.url + "/admin/assignments/remove?" + url.Values{"kind": {"client"}, "subject": {robot.ID}, "role": {role}}.Encode())
		effect.shows(http.StatusOK, "Take "+role+" from robot", "orders:read").submit("act", "revoke", "typed", role).shows(http.StatusOK)
		s.wantAllActive(t, false, token)
		s.signet("assign", role, "--client", robot.ID)
		token = issue()
		drop := b.open(address+"/delete").shows(http.StatusOK, "live tokens that carry it: 1")
		drop.submit("name", role, "revoke_tokens", "yes").shows(http.StatusOK, "Tokens that carry what the role "+role+" gives no more")
		s.wantAllActive(t, false, token)

		s.signet("role", "create", "packer", "--grant", ordersAPI+"#orders:write")
		s.signet("group", "create", "packers")
		s.signet("assign", "packer", "--group", "packers")
		s.signet("group", "add", "packers", alice)
		token = s.signInFor(t, s.web, "openid orders:write").Access
		group := s.url + "/admin/groups/packers"
		b.open(group+"/delete").shows(http.StatusOK, "users who lose something: 1", "live tokens that carry it: 1", "Revoke exactly those tokens")
		b.open(group+"/members/remove?user="+alice).shows(http.StatusOK, "Take alice out of packers", "Who leaves the group", "group packers", "orders:write").
			submit("act", "revoke", "typed", "packers").shows(http.StatusOK, "Tokens that carry what came with the group packers")
		s.wantAllActive(t, false, token)
		s.linksChangeNothing(t, b)
		s.signet("assign", "packer", "--user", alice)
		end := b.open(s.url + "/admin/assignments?" + url.Values{"kind": {"user"}, "subject": {alice}, "role": {"packer"}, "until": {"2099-01-01"}}.Encode())
		end.shows(http.StatusOK, "Let alice have packer until 1 January 2099", "orders:write").submit("act", "save").shows(http.StatusOK, "The role was assigned.")
	})
}

// linksChangeNothing leads administrators by links of others to where changes are made; one of them may not see what changes take away.
func (s *shop) linksChangeNothing(t *testing.T, b *browser) {
	t.Helper()
	const admin = "urn:signet:admin#"
	s.signet("role", "create", "keeper", "--grant", admin+"groups:write", "--grant", admin+"assignments:write", "--grant", admin+"users:read")
	keeper := s.administer(t, "keeper", "/admin/").browser
	assigned, asked := url.Values{"kind": {"user"}, "subject": {alice}, "role": {"packer"}}, url.Values{"user": {alice}}
	s.signet("group", "add", "packers", alice)
	for _, visitor := range []*browser{b, keeper} {
		visitor.open(s.url + "/admin/assignments?" + assigned.Encode())
		visitor.open(s.url + "/admin/assignments?" + assigned.Encode() + "&until=2099-01-01")
		visitor.open(s.url + "/admin/groups/packers/members/remove?" + asked.Encode())
	}
	if held := s.signet("assignment", "list", "--user", alice); strings.Contains(held, "packer") {
		t.Errorf("a link has assigned a role:\n%s", held)
	}
	s.signet("assign", "packer", "--user", alice)
	keeper.open(s.url + "/admin/assignments/remove?" + assigned.Encode())
	if held := s.signet("assignment", "list", "--user", alice); !strings.Contains(held, "packer") {
		t.Error("a link has taken a role away")
	}
	if members := s.signet("group", "show", "packers"); !strings.Contains(members, alice) {
		t.Error("a link has taken a user out of a group")
	}
	s.signet("unassign", "packer", "--user", alice)
	s.signet("group", "remove", "packers", alice)
}
