package e2e

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// manager is a client that calls the admin API with all permissions.
type manager struct {
	*shop
	token string
}

func newManager(t *testing.T, s *shop, scope string) manager {
	t.Helper()
	ops := s.createClient("ops", "--grant", "client_credentials", "--api", "urn:signet:admin")
	s.signet("assign", "administrator", "--client", ops.ID)
	form := url.Values{"grant_type": {"client_credentials"}}
	if scope != "" {
		form.Set("scope", scope)
	}
	return manager{s, s.issued(t, s.post("/oauth2/token", ops, form)).Access}
}

// call sends a request with a JSON body, if any, and headers given by name and value in turn.
func (m manager) call(method, path, body string, header ...string) answer {
	m.t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	r := m.request(method, "/api/v1"+path, reader)
	r.Header.Set("Authorization", "Bearer "+m.token)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return do(r)
}

const allScopes = "users:read users:write users:disable attributes:read attributes:write groups:read groups:write roles:read roles:write assignments:read assignments:write " +
	"clients:read clients:write clients:disable apis:read apis:write policies:read policies:write resources:read resources:write decisions:evaluate receivers:read receivers:write receivers:pause keys:read keys:rotate statistics:read settings:read audit:read"

func TestEachKindOfObjectIsManagedByHTTP(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		m := newManager(t, s, allScopes+" files:apply")
		billing := url.PathEscape("https://billing.example")
		for _, step := range []struct {
			method, path, body string
			want               int
			holds              string // in the answer
		}{
			{"POST", "/apis", `{"audience":"https://billing.example","permissions":[{"name":"bills:read"}]}`, 201, `"name":"bills:read"`},
			{"GET", "/apis/" + billing, ``, 200, `"audience":"https://billing.example"`},
			{"POST", "/apis", `{"audience":"https://billing.example"}`, 409, `already exists`},
			{"POST", "/roles", `{"name":"biller","permissions":[{"audience":"https://billing.example","permission":"bills:read"}]}`, 201, `"bills:read"`},
			{"POST", "/roles", `{"name":"other","permissions":[{"audience":"https://billing.example","permission":"none"}]}`, 422, `does not have it`},
			{"POST", "/users", `{"username":"bob","email":"bob@people.example","password":"correct horse battery staple"}`, 201, `"has_password":true`},
			{"POST", "/users", `{"username":"bob","unknown":1}`, 422, `"errors":[{"location":"body.unknown","message":"unexpected property","rule":"unknown"}]`},
			{"POST", "/users", `{"username":"b b"}`, 422, `"location":"body.username"`},
			{"POST", "/clients", `{"redirect_uris":["https://a.example/","https://b.example/#x"],"grant_types":["authorization_code"]}`, 422, `"location":"body.redirect_uris[1]"`},
			{"PUT", "/users/bob/password", `{"password":"another horse battery staple"}`, 204, ``},
			{"POST", "/attributes", `{"name":"badge","type":"number"}`, 201, `"type":"number"`},
			{"POST", "/attributes", `{"name":"badge","type":"string"}`, 409, `already exists`},
			{"POST", "/attributes", `{"name":"nickname","type":"string"}`, 409, `already exists`},
			{"POST", "/attributes", `{"name":"email","type":"string"}`, 422, `without an attribute`},
			{"POST", "/attributes", `{"name":"size","type":"text"}`, 422, `expected value to be one of`},
			{"GET", "/attributes?search=BIRTH&limit=1", ``, 200, `"name":"birthdate"`},
			{"GET", "/attributes/address.locality", ``, 200, `"standard":true`},
			{"DELETE", "/attributes/nickname", ``, 422, `built in`},
			{"POST", "/users", `{"username":"eve","attributes":{"badge":7,"locale":"de-CH"}}`, 201, `"attributes":{"badge":7,"locale":"de-CH"}`},
			{"POST", "/users", `{"username":"mallory","attributes":{"badge":"7"}}`, 422, `give it a number`},
			{"POST", "/users", `{"username":"mallory","attributes":{"none":1}}`, 422, `none is defined by this name`},
			{"PATCH", "/users/eve", `{"attributes":{"locale":null,"phone_number":"+41 1","phone_number_verified":true}}`, 200,
				`"attributes":{"badge":7,"phone_number":"+41 1","phone_number_verified":true}`},
			{"PATCH", "/users/eve", `{"attributes":{"phone_number":"+41 2"}}`, 200, `"attributes":{"badge":7,"phone_number":"+41 2"}`},
			{"PATCH", "/users/eve", `{"name":"Eve"}`, 200, `"attributes":{"badge":7,"phone_number":"+41 2"}`},
			{"PATCH", "/users/eve", `{"attributes":{"picture":"javascript:alert(1)"}}`, 422, `https://`},
			{"DELETE", "/attributes/badge", ``, 204, ``},
			{"GET", "/users/eve", ``, 200, `"attributes":{"phone_number":"+41 2"}`},
			{"DELETE", "/users/eve", ``, 204, ``},
			{"POST", "/groups", `{"name":"sales"}`, 201, `"name":"sales"`},
			{"PUT", "/groups/sales/members/bob", ``, 204, ``},
			{"GET", "/groups/sales/members", ``, 200, `"username":"bob"`},
			{"PUT", "/roles/biller/groups/sales?expires_at=2999-01-01T00:00:00Z", ``, 204, ``},
			{"PUT", "/roles/biller/groups/sales?expires_at=2001-01-01T00:00:00Z", ``, 422, `still to come`},
			{"PUT", "/roles/biller/groups/sales?expires_at=0001-01-01T00:00:00Z", ``, 422, `still to come`},
			{"POST", "/clients/web/secrets", `{"expires_at":"0001-01-01T00:00:00Z"}`, 422, `still to come`},
			{"GET", "/assignments?group=sales", ``, 200, `"expires_at":"2999-01-01T00:00:00Z"`},
			{"GET", "/assignments?group=sales&user=bob", ``, 422, `Name one of`},
			{"DELETE", "/roles/biller/groups/sales", ``, 204, ``},
			{"DELETE", "/roles/biller/groups/sales", ``, 404, `not found`},
			{"DELETE", "/groups/sales/members/bob", ``, 204, ``},
			{"POST", "/clients", `{"client_id":"bills","serves":["https://billing.example"]}`, 201, `"client_secret":"signet_cs_`},
			{"POST", "/clients", `{"client_id":"phone","token_endpoint_auth_method":"none","grant_types":["authorization_code"],"redirect_uris":["com.example:/cb"]}`, 201, `"token_endpoint_auth_method":"none"`},
			{"POST", "/clients/bills/secrets", `{}`, 201, `"client_secret":"signet_cs_`},
			{"POST", "/clients/phone/secrets", `{}`, 422, `a public client has none`},
			{"POST", "/clients/bills/disable", ``, 204, ``},
			{"GET", "/clients/bills", ``, 200, `"disabled":true`},
			{"POST", "/clients/bills/enable", ``, 204, ``},
			{"POST", "/receivers", `{"client_id":"bills","method":"poll"}`, 201, `"method":"poll"`},
			{"POST", "/receivers/bills/verification", `{"state":"hello"}`, 202, `"state":"hello"`},
			{"POST", "/receivers/bills/bearer-token", ``, 422, `one that polls has no bearer token`},
			{"PATCH", "/receivers/bills", `{"description":"Bills","method":"push","endpoint":"https://x.example","bearer_token":"b"}`, 200, `"has_bearer_token":true`},
			{"PATCH", "/receivers/bills", `{"endpoint":"https://y.example"}`, 200, `"has_bearer_token":false`},
			{"POST", "/receivers/bills/bearer-token", ``, 201, `"bearer_token":"signet_push_`},
			{"POST", "/receivers/bills/pause", ``, 204, ``},
			{"GET", "/receivers/bills", ``, 200, `"paused":true`},
			{"POST", "/receivers/bills/resume", ``, 204, ``},
			{"DELETE", "/receivers/bills", ``, 204, ``},
			{"DELETE", "/clients/bills", ``, 204, ``},
			{"GET", "/clients/bills", ``, 404, `not found`},
			{"POST", "/users/bob/disable", ``, 204, ``},
			{"POST", "/users", `{"username":"robert","email":"Bob@people.example"}`, 201, `"has_password":false`},
			{"POST", "/users/bob/enable", ``, 200, `"warnings":["Another enabled user has this e-mail address`},
			{"POST", "/users", `{"username":"bobby","email":"bob@people.example"}`, 201, `"warnings":["Another enabled user has this e-mail address`},
			{"DELETE", "/users/bob", ``, 204, ``},
			{"DELETE", "/groups/sales", ``, 204, ``},
			{"DELETE", "/roles/biller", ``, 204, ``},
			{"DELETE", "/roles/administrator", ``, 403, `audit:erase`}, // which this access token lacks
			{"DELETE", "/apis/" + billing, ``, 204, ``},
			{"GET", "/keys", ``, 200, `"state":"active"`},
			{"GET", "/audit/events?action=api.delete&limit=1", ``, 200, `"action":"api.delete"`},
			{"GET", "/audit/events?limit=1", ``, 200, `"next":`},
			{"GET", "/audit/events?cursor=forged", ``, 400, `cursor`},
			{"GET", "/audit/events?before=0001-01-01T00:00:00Z", ``, 422, `before`},
			{"GET", "/audit/events/1", ``, 200, `"actor":"system"`},
			{"GET", "/audit/events/99999", ``, 404, `not found`},
			{"GET", "/audit/export?after=1&action=role.create", ``, 200, `"seq":`},
		} {
			a := m.call(step.method, step.path, step.body, "If-Match", "*")
			if a.status != step.want || !strings.Contains(a.body, step.holds) {
				t.Errorf("%s %s %s: status %d, want %d and %q: %s", step.method, step.path, step.body, a.status, step.want, step.holds, a.body)
			}
		}
		made := m.call("POST", "/groups", `{"name":"traced"}`).wantStatus(t, http.StatusCreated)
		id := `"request_id":"` + made.header.Get("X-Request-Id") + `"`
		if a := m.call("GET", "/audit/events?action=group.create&limit=1", ""); !strings.Contains(a.body, id) {
			t.Errorf("the event has not %s: %s", id, a.body)
		}
		refused := m.call("POST", "/groups", `{"name":"traced"}`).wantStatus(t, http.StatusConflict)
		if id := refused.header.Get("X-Request-Id"); !strings.Contains(refused.body, `"request_id":"`+id+`"`) {
			t.Errorf("the problem has not %s: %s", id, refused.body)
		}
		m.wantEachKeyOnce(t)
	})
}

// wantEachKeyOnce sends requests with an Idempotency-Key again.
func (m manager) wantEachKeyOnce(t *testing.T) {
	t.Helper()
	for path, body := range map[string]string{
		"/clients":                   `{"client_id":"once","grant_types":["client_credentials"]}`,
		"/users":                     `{"username":"once","password":"correct horse battery staple"}`,
		"/users/alice/password-link": ``,
		"/clients/web/trusts":        `{"issuer":"https://ci.example","subject":"repo:shop"}`,
		"/invitations":               `{"note":"once","expires_at":"` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"}`,
		"/keys/rotate":               `{"alg":"ES256","force":true}`,
		"/apply":                     `{"files":[{"name":"a.yaml","text":"kind: group\nname: once\n"}]}`,
	} {
		first := m.call("POST", path, body, "Idempotency-Key", path)
		again := m.call("POST", path, body, "Idempotency-Key", `"`+path+`"`)
		for _, header := range []string{"ETag", "Location", "Content-Type"} {
			if first.header.Get(header) != again.header.Get(header) {
				t.Errorf("%s: %s is %q, then %q", path, header, first.header.Get(header), again.header.Get(header))
			}
		}
		if first.status >= 300 || first.status != again.status || first.body != again.body {
			t.Errorf("%s: status %d %s, then %d %s", path, first.status, first.body, again.status, again.body)
		}
	}
	for key, want := range map[string]int{"/clients": 422, "": 400, "\"": 400, `"a`: 400, `"a\b"`: 400, `"a"b"`: 400, "ké": 400, strings.Repeat("k", 256): 400, strings.Repeat("k", 255): 409} {
		m.call("POST", "/groups", `{"name":"once"}`, "Idempotency-Key", key).wantStatus(t, want)
	}
}

func TestAnEditByHTTPNamesTheVersionThatItsAuthorSaw(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		m := newManager(t, s, allScopes)
		s.signet("group", "create", "ops")
		s.signet("receiver", "create", s.orders.ID, "--poll")
		for path, edit := range map[string]string{
			"/receivers/" + s.orders.ID:            `{"description":"Orders"}`,
			"/users/alice":                         `{"name":"Alice B."}`,
			"/attributes/nickname":                 `{"description":"Nickname"}`,
			"/groups/ops":                          `{"description":"On call"}`,
			"/roles/clerk":                         `{"description":"Reads orders"}`,
			"/clients/web":                         `{"client_name":"Shop"}`,
			"/apis/" + url.PathEscape(invoicesAPI): `{"name":"Invoices"}`,
		} {
			tag := m.call("GET", path, "").wantStatus(t, 200).header.Get("ETag")
			m.call("PATCH", path, edit).wantStatus(t, http.StatusPreconditionRequired)
			edited := m.call("PATCH", path, edit, "If-Match", tag).wantStatus(t, 200)
			if next := edited.header.Get("ETag"); tag == "" || next == "" || next == tag {
				t.Errorf("%s: ETag %s, then %s", path, tag, next)
			}
			for _, stale := range []string{tag, `"0"`, `"x"`, `W/` + tag, `1`, `"1", "2"`} {
				m.call("PATCH", path, edit, "If-Match", stale).wantStatus(t, http.StatusPreconditionFailed)
			}
			m.call("PATCH", path, edit, "If-Match", "*").wantStatus(t, 200)
			m.call("PATCH", path+"x", edit, "If-Match", tag).wantStatus(t, 404)
			for field := range strings.SplitSeq(strings.Trim(edit, "{}"), ",") {
				if body := m.call("GET", path, "").body; !strings.Contains(body, field) {
					t.Errorf("%s: %s is not in %s", path, field, body)
				}
			}
		}
	})
}

func TestATokenManagesOnlyWhatItsScopeSays(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		m := newManager(t, s, "users:read")
		m.call("GET", "/users", "").wantStatus(t, 200)
		m.call("GET", "/users/alice", "").wantStatus(t, 200)
		for _, c := range [][3]string{
			{"POST", "/users", `{"username":"bob"}`}, {"DELETE", "/users/alice", ""}, {"PUT", "/users/alice/password", `{"password":"correct horse battery"}`},
			{"GET", "/groups", ""}, {"GET", "/roles", ""}, {"GET", "/assignments", ""}, {"GET", "/clients", ""}, {"GET", "/apis", ""},
			{"GET", "/receivers", ""}, {"GET", "/tokens", ""}, {"GET", "/keys", ""}, {"GET", "/audit/events", ""},
			{"POST", "/keys/rotate", `{"alg":"ES256"}`}, {"POST", "/revocations", `{"all":true}`},
		} {
			a := m.call(c[0], c[1], c[2]).wantStatus(t, http.StatusForbidden)
			if challenge := a.header.Get("WWW-Authenticate"); !strings.Contains(challenge, `error="insufficient_scope"`) {
				t.Errorf("%s %s: WWW-Authenticate is %q", c[0], c[1], challenge)
			}
		}
	})
}
