package e2e

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestFilesAreAppliedByHTTPAndPagesSayWhatComesFromThem(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		m := newManager(t, s, allScopes+" files:apply files:read")
		body := func(text, more string) string {
			quoted, err := json.Marshal(text)
			if err != nil {
				t.Fatal(err)
			}
			return `{"files":[{"name":"shop.yaml","text":` + string(quoted) + `}]` + more + `}`
		}
		text := "kind: role\nname: packer\n---\nkind: client\nclient_id: packing\ngrant_types: [client_credentials]\nsecrets: [{env: PACKING}]\n"
		plan := m.call("POST", "/apply", body(text, `,"dry_run":true,"set":"shop","secrets":{"env:PACKING":"correct horse battery"}`)).wantStatus(t, 200)
		if !strings.Contains(plan.body, `"dry_run":true`) || !strings.Contains(plan.body, `"place":"shop.yaml:4"`) || strings.Contains(plan.body, "horse") {
			t.Errorf("the plan is %s", plan.body)
		}
		m.call("GET", "/roles/packer", "").wantStatus(t, 404)
		m.call("POST", "/apply", body(text, `,"set":"shop"`)).wantStatus(t, 422)
		m.call("POST", "/apply", body(text, `,"set":"shop","secrets":{"env:PACKING":"correct horse battery"}`)).wantStatus(t, 200)
		if role := m.call("GET", "/roles/packer", "").wantStatus(t, 200); !strings.Contains(role.body, `"managed_by":"shop"`) {
			t.Errorf("the role is %s", role.body)
		}
		if wrong := m.call("POST", "/apply", body("kind: role\nnam: x", "")).wantStatus(t, 422); !strings.Contains(wrong.body, `shop.yaml:2: role has no member \"nam\"`) {
			t.Errorf("the problem is %s", wrong.body)
		}
		if file := m.call("GET", "/export?set=shop", "").wantStatus(t, 200); !strings.Contains(file.body, "packing") || strings.Contains(file.body, "clerk") {
			t.Errorf("the export is %s", file.body)
		}

		b := s.administer(t, "administrator", "/admin/roles").shows(http.StatusOK, "managed by files: shop").browser
		b.open(s.url+"/admin/roles/packer").shows(http.StatusOK, "managed by files: shop")
		const warning = "Managed by files, set shop: the next signet apply undoes changes."
		b.open(s.url+"/admin/roles/packer/edit").shows(http.StatusOK, warning)
		b.open(s.url+"/admin/clients").shows(http.StatusOK, "managed by files: shop")
		b.open(s.url+"/admin/clients/packing").shows(http.StatusOK, "managed by files: shop")
		b.open(s.url+"/admin/clients/packing/edit").shows(http.StatusOK, warning)
	})
}
