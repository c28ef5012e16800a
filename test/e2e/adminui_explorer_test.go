package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestWhoMayWhatAndTokensAreExploredInTheBrowser(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		const role = `reader <script>alert(1)</script>`
		s.signet("role", "create", role, "--grant", ordersAPI+"#orders:read")
		s.signet("group", "create", "team")
		s.signet("assign", role, "--group", "team", "--until", "2999-01-01")
		robot := s.createClient("robot", "--grant", "client_credentials", "--api", ordersAPI)
		s.signet("assign", role, "--client", robot.ID)
		b := s.administer(t, "auditor", "/admin/access").browser
		asked := func(values url.Values) *page { return b.open(s.url + "/admin/access?" + values.Encode()) }
		asked(url.Values{"api": {ordersAPI}, "permission": {"orders:read"}}).shows(http.StatusOK, "team", "robot", role)
		if p := asked(url.Values{"api": {ordersAPI}, "permission": {"orders:write"}}).shows(http.StatusOK); strings.Contains(p.text, "robot") {
			t.Error("robot may write orders")
		}
		s.signet("group", "add", "team", alice)
		of := asked(url.Values{"api": {ordersAPI}, "permission": {"orders:read"}})
		members := b.open(of.linkTo(t, "/admin/access/members")).shows(http.StatusOK, alice, "team", role, "orders:read", "until")
		if p := b.open(members.url.String() + "&search=x").shows(http.StatusOK); strings.Contains(p.text, alice) || !strings.Contains(p.url.RawQuery, "group=team") {
			t.Errorf("a search among the members shows %s", p.text)
		}
		b.open(s.url + "/admin/access/members?group=team&role=clerk").shows(http.StatusNotFound)
		b.open(s.url+"/admin/users/alice/access").shows(http.StatusOK, "orders:read", "team", role)
		b.open(s.url+"/admin/groups/team/access").shows(http.StatusOK, "orders:read", role)
		b.open(s.url+"/admin/clients/robot/access").shows(http.StatusOK, "orders:read", role)
		b.open(s.url+"/admin/clients/web/access").shows(http.StatusOK, "There is no permission yet")
		b.open(s.url+"/admin/apis/"+url.PathEscape(ordersAPI)).shows(http.StatusOK, "Who may")
		asked(url.Values{"role": {role}}).shows(http.StatusOK, "robot", "team")
		asked(url.Values{"role": {"auditor"}}).shows(http.StatusOK, "with-auditor")
		if out := s.signet("assignment", "list", "--permission", "orders:read", "--api", ordersAPI); !strings.Contains(out, "robot") {
			t.Errorf("the list of who may read orders is %s", out)
		}
		b.open(s.url+"/admin/roles/"+url.PathEscape(role)).shows(http.StatusOK, "Who may what")

		preview := func(values url.Values) *page { return b.open(s.url + "/admin/preview?" + values.Encode()) }
		preview(nil).shows(http.StatusOK, "Nothing is issued.")
		preview(url.Values{"client": {"robot"}}).shows(http.StatusOK, `"client_id": "robot"`, "a role gives it", "no role gives it now", role)
		preview(url.Values{"client": {"nobody"}}).shows(http.StatusUnprocessableEntity, "nobody")
	})
}
