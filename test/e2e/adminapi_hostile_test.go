package e2e

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/admin"
)

// apiOperation is an operation as the API's own description has it.
type apiOperation struct {
	OperationID string
	Security    []map[string][]string
	Parameters  []apiParameter
	RequestBody struct {
		Content map[string]struct {
			Schema struct {
				Ref string `json:"$ref"`
			}
			Example json.RawMessage
		}
	}
	Responses map[string]struct {
		Content map[string]struct{ Schema jsonSchema }
	}
}

type apiParameter struct {
	Name, In string
	Example  json.RawMessage
}

type apiDescription struct {
	Paths      map[string]map[string]apiOperation
	Components struct {
		Schemas map[string]apiSchema
	}
	schemas map[string]jsonSchema // the same
	text    []byte
}

type apiSchema struct {
	Properties map[string]struct {
		Type        any
		Description string
	}
}

func (s *server) describeAPI(t *testing.T) (d apiDescription) {
	t.Helper()
	text := []byte(s.get("/api/v1/openapi.json", "").wantStatus(t, 200).body)
	var whole struct {
		Components struct{ Schemas map[string]jsonSchema }
	}
	if err := errors.Join(json.Unmarshal(text, &d), json.Unmarshal(text, &whole)); err != nil {
		t.Fatal(err)
	}
	d.schemas, d.text = whole.Components.Schemas, text
	return d
}

// schema is that of an operation's JSON body.
func (d apiDescription) schema(o apiOperation) apiSchema {
	ref := o.RequestBody.Content["application/json"].Schema.Ref
	return d.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
}

// members are those of an operation's JSON body, sorted.
func (d apiDescription) members(o apiOperation) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(d.schema(o).Properties)), func(name string) bool { return name == "$schema" })
}

func TestTheAPIDescribesEveryOperationWithItsPermissionAndARequestThatIsTaken(t *testing.T) {
	t.Parallel()
	described := map[string]string{}
	s := openShop(t, "")
	d := s.describeAPI(t)
	for _, methods := range d.Paths {
		for _, o := range methods {
			described[o.OperationID] = o.Security[0]["bearer"][0]
		}
	}
	for _, byServers := range []string{"token.purge", "revocation.finish", "audit.verify"} { // and by the command line
		if _, ok := described[byServers]; ok {
			t.Errorf("%s is in the API", byServers)
		}
		described[byServers] = admin.OperationOf(byServers).Permission
	}
	for _, o := range admin.Operations {
		if described[o.Name] != o.Permission {
			t.Errorf("%s: the API asks for %q, want %q", o.Name, described[o.Name], o.Permission)
		}
	}
	if len(described) != len(admin.Operations) {
		t.Errorf("the API has %d operations, want %d", len(described), len(admin.Operations))
	}
	s.signet("client", "create", "orders", "--serves", ordersAPI)
	s.signet("group", "create", "ops-team")
	s.signIn(t, s.web) // alice, who allows something
	s.signetWithInput(alicesSecret+"\n", "user", "create", "carol", "--password-stdin")
	newBrowser(t, s.server).open(s.url+"/login").submit("username", "carol", "password", alicesSecret).shows(200, "You are signed in")
	for range 3 {
		s.issued(t, s.post("/oauth2/token", s.reporting, url.Values{"grant_type": {"client_credentials"}}))
	}
	m := newManager(t, s, strings.Join(admin.PermissionNames(), " "))
	d.wantCursorsRefused(t, m)
	d.wantExamplesTaken(t, m, generateClient(t, d, m))
}

// example is the body of a request that the description has as an example, empty if there is none.
func (o apiOperation) example() string {
	return string(o.RequestBody.Content["application/json"].Example)
}

// hostile values, as they stand in JSON and as they stand in an address.
var (
	hostileJSON = []string{
		`"\u0000"`, "\"\xff\"", `"\ud800"`, `"` + strings.Repeat("x", 60_000) + `"`, `"' OR 1=1 --"`, `""`, `-1`, `1.5`, `1e400`, `2147483648`,
		`9223372036854775807`, `9223372036854775808`, `"0001-01-01T00:00:00Z"`, `"9999-12-31T23:59:59Z"`, `"+275760-09-13T00:00:00Z"`,
		`[]`, `{}`, `[[]]`, `[{"claim":"c","expression":"\u0000"}]`, `[{"claim":"\u0000","expression":"1"}]`, `[{"claim":"c","expression":"` + strings.Repeat("(", 50_000) + `"}]`, `{"nickname":"\u0000"}`, `{"\u0000":"x"}`, `{"nickname":{"a":[{}]}}`, `{"phone_number_verified":[null]}`, `{"nickname":1e400}`, `["\u0000"]`, `[{"audience":"\u0000","permission":"\u0000","name":"\u0000","permissions":["\u0000"]}]`,
	}
	hostileText = []string{
		"%00", "%FF", "a%00b", "%ED%A0%80", strings.Repeat("x", 3000), "'%20OR%201=1", "-1", "0", "1.5", "2147483648", "9223372036854775807",
		"9223372036854775808", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "%2e%2e%2f", "%25", "%0d%0a",
	}
)

func TestNoHostileInputFailsTheAdminAPI(t *testing.T) {
	eachDatabaseWith(t, []string{"SIGNET_ADMIN_API_REQUESTS_PER_SECOND=0", "SIGNET_TOKENS_ACCESS_TTL=1h"}, func(t *testing.T, s *shop) {
		m := newManager(t, s, allScopes+" tokens:read tokens:revoke keys:revoke audit:erase files:read files:apply")
		s.signet("group", "create", "ops-team")
		names := map[string]string{
			"/users": "alice", "/attributes": "nickname", "/groups": "ops-team", "/roles": "clerk", "/clients": "web", "/apis": url.PathEscape(ordersAPI), "/receivers": "web",
		}
		d := s.describeAPI(t)
		try := func(o apiOperation, method, path, body string) answer {
			a := m.call(strings.ToUpper(method), path, body, "If-Match", "*")
			if a.status >= 500 || a.status == http.StatusUnauthorized {
				t.Errorf("%s: %s %.200s %.200s: status %d: %.300s", o.OperationID, method, path, body, a.status, a.body)
			}
			return a
		}
		for template, methods := range d.Paths {
			template = strings.TrimPrefix(template, "/api/v1")
			collection := "/" + strings.Split(template, "/")[1]
			good := strings.NewReplacer("{name}", names[collection], "{user}", "alice", "{kind}", "users", "{subject}", "alice",
				"{sid}", "x", "{client}", "web", "{secret}", "1", "{trust}", "1", "{number}", "1", "{jti}", "x", "{kid}", "x", "{id}", "1", "{type}", "order", "{resource}", "1")
			for method, o := range methods {
				for _, p := range o.Parameters {
					for _, value := range hostileText {
						switch p.In {
						case "path":
							try(o, method, good.Replace(strings.ReplaceAll(template, "{"+p.Name+"}", value)), o.example())
						case "query":
							if method == "get" || p.Name != "expires_at" {
								try(o, method, good.Replace(template)+"?"+p.Name+"="+value, "")
							}
						}
					}
				}
				d.tryBodies(t, o, func(body string) answer { return try(o, method, good.Replace(template), body) })
			}
		}
		m.call("GET", "/users", "").wantStatus(t, 200)
	})
}

// wantCursorsRefused sends every list cursors that are not its own.
func (d apiDescription) wantCursorsRefused(t *testing.T, m manager) {
	t.Helper()
	var page struct{ Next string }
	if err := json.Unmarshal([]byte(m.call("GET", "/attributes?limit=1", "").wantStatus(t, 200).body), &page); err != nil || page.Next == "" {
		t.Fatalf("%v, %+v", err, page)
	}
	m.call("GET", "/attributes?limit=1&cursor="+page.Next, "").wantStatus(t, 200)
	forged := []byte(page.Next)
	forged[0] ^= 1
	lists := 0
	for template, methods := range d.Paths {
		o, ok := methods["get"]
		if !ok || !slices.ContainsFunc(o.Parameters, func(p apiParameter) bool { return p.Name == "cursor" }) {
			continue
		}
		lists++
		path := strings.NewReplacer("/groups/{name}", "/groups/ops-team", "{name}", "alice").Replace(strings.TrimPrefix(template, "/api/v1"))
		cursors := []string{string(forged), "x", "%00"}
		if path == "/attributes" {
			m.call("GET", path+"?search=a&cursor="+page.Next, "").wantStatus(t, http.StatusBadRequest)
		} else {
			cursors = append(cursors, page.Next)
		}
		for _, cursor := range cursors {
			a := m.call("GET", path+"?cursor="+cursor, "")
			if a.status != http.StatusBadRequest && (cursor != "%00" || a.status != http.StatusUnprocessableEntity) {
				t.Errorf("%s: cursor %s: status %d, want 400: %.200s", o.OperationID, cursor, a.status, a.body)
			}
		}
	}
	if lists < 16 {
		t.Errorf("only %d lists have cursors", lists)
	}
}

// mayNotBeEmpty reports whether a member is text that is not described as one that may be empty.
func (d apiDescription) mayNotBeEmpty(o apiOperation, member string) bool {
	property := d.schema(o).Properties[member]
	return property.Type == "string" && !strings.Contains(property.Description, "Empty:")
}

// tryBodies sends hostile values as each member of a body in turn. null, text that is empty and says nothing by it, a name in another case, an unknown one and one that is
// given twice are refused.
func (d apiDescription) tryBodies(t *testing.T, o apiOperation, try func(body string) answer) {
	t.Helper()
	members := d.members(o)
	if len(members) == 0 {
		return
	}
	base := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(o.example()), &base); err != nil {
		t.Errorf("%s: give it a body in this test: %v", o.OperationID, err)
		return
	}
	body := func(member, value string, more ...string) string {
		parts := []string{quoted(member) + ":" + value}
		for name, v := range base {
			if name != member && !strings.EqualFold(name, member) {
				parts = append(parts, quoted(name)+":"+string(v))
			}
		}
		return "{" + strings.Join(append(parts, more...), ",") + "}"
	}
	refused := func(body string) {
		if a := try(body); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %.200s: status %d, want 422: %.300s", o.OperationID, body, a.status, a.body)
		}
	}
	for _, member := range members {
		for _, value := range hostileJSON {
			try(body(member, value))
		}
		value := string(base[member])
		if value == "" {
			value = `"x"`
		}
		refused(body(member, "null"))
		if d.mayNotBeEmpty(o, member) {
			refused(body(member, `""`))
		}
		refused(body(strings.ToUpper(member), value))
		refused(body(member, value, quoted(member)+":"+value))
	}
	if slices.Contains(members, "events") {
		refused(body("events", `[]`)) // would be all
	}
	refused(body("unknown", `1`))
	refused("null")
	refused("[]")
}

func quoted(s string) string { return `"` + s + `"` }
