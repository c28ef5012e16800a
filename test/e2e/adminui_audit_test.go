package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestTheAuditLogIsReadInTheBrowser(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		const name = "<b>Orders</b> \u05e9\u05dc 🎉"
		s.signet("api", "update", ordersAPI, "--name", name)
		b := s.administer(t, "administrator", "/admin/audit").shows(http.StatusOK, "api.update", "session.start", "Export", "Verify").browser
		about := b.open(s.url+"/admin/audit?target="+url.QueryEscape("api:"+ordersAPI)+"&action=api.update&since=2020-01-01&before=2999-12-31").
			shows(http.StatusOK, "api.update")
		if strings.Contains(about.text, "session.start") {
			t.Error("the filter lets another event pass")
		}
		b.open(s.url+"/admin/audit?search="+url.QueryEscape(ordersAPI)).shows(http.StatusOK, "api.update").hides("Export") // which knows no search
		b.open(s.url+"/admin/audit?actor=user:nobody").shows(http.StatusOK, "There is nothing that the filters choose.")
		b.open(s.url+"/admin/audit?since=soon").shows(http.StatusUnprocessableEntity, "2027-01-31")
		b.open(s.url + "/admin/audit?actor=" + strings.Repeat("x", 3000)).shows(http.StatusUnprocessableEntity)
		b.open(s.url + "/admin/audit?actor=%00&cursor=forged&target=%ff").shows(http.StatusOK)

		updates := signetJSON[[]struct{ Seq int64 }](s.installation, "audit", "list", "--action", "api.update", "--target", "api:"+ordersAPI)
		page := b.open(s.url + fmt.Sprint("/admin/audit/", updates[0].Seq))
		page.shows(http.StatusOK, name, "What was changed comes first", "Earlier", "api:"+ordersAPI)
		b.open(s.url+fmt.Sprint("/admin/search?q=", updates[0].Seq)).shows(http.StatusOK, name)
		for _, none := range []string{"/admin/audit/999999", "/admin/audit/-1", "/admin/audit/x", "/admin/audit/9223372036854775808"} {
			b.open(s.url + none).shows(http.StatusNotFound)
		}

		r, err := http.NewRequest(http.MethodGet, s.url+"/admin/audit/export?action=api.update", nil)
		if err != nil {
			t.Fatal(err)
		}
		response := b.send(r)
		defer response.Body.Close()
		lines := 0
		for scanner := bufio.NewScanner(response.Body); scanner.Scan(); lines++ {
			var e struct{ Action string }
			if err := json.Unmarshal(scanner.Bytes(), &e); err != nil || e.Action != "api.update" {
				t.Errorf("line %q: %v", scanner.Text(), err)
			}
		}
		if lines < 2 || !strings.Contains(response.Header.Get("Content-Disposition"), "audit.jsonl") {
			t.Errorf("%d lines, headers %v", lines, response.Header)
		}

		b.open(s.url+"/admin/audit/verify").submit().shows(http.StatusOK, "The audit log is whole", "You are at")
		b.open(s.url+"/admin/audit/verify").submit("checkpoints", "1.2.3.4").shows(http.StatusOK, "another installation")
	})
}

func TestAnAuditLogIsExportedByThoseWhoMayReadIt(t *testing.T) {
	s := openShop(t, newSQLiteDatabase(t))
	s.signet("role", "create", "reader", "--grant", "urn:signet:admin#roles:read")
	b := s.administer(t, "reader", "/admin/").shows(http.StatusOK).browser
	for _, path := range []string{"/admin/audit", "/admin/audit/1", "/admin/audit/export", "/admin/audit/verify"} {
		b.open(s.url+path).shows(http.StatusForbidden, "Not allowed")
	}
	s.signet("role", "create", "auditing", "--grant", "urn:signet:admin#audit:read")
	s.administer(t, "auditing", "/admin/audit").shows(http.StatusOK, "Export")
}
