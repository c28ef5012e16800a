package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/admin"
)

// apiOperation is an operation as the API's own description has it.
type apiOperation struct {
	OperationID string
	Security    []map[string][]string
	Parameters  []struct{ Name, In string }
	RequestBody struct {
		Content map[string]struct {
			Schema struct {
				Ref string `json:"$ref"`
			}
		}
	}
}

type apiDescription struct {
	Paths      map[string]map[string]apiOperation
	Components struct {
		Schemas map[string]apiSchema
	}
}

type apiSchema struct {
	Properties map[string]struct {
		Type        any
		Description string
	}
}

func (s *server) describeAPI(t *testing.T) (d apiDescription) {
	t.Helper()
	if err := json.Unmarshal([]byte(s.get("/api/v1/openapi.json", "").wantStatus(t, 200).body), &d); err != nil {
		t.Fatal(err)
	}
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

func TestTheAPIDescribesEveryOperationWithItsPermission(t *testing.T) {
	t.Parallel()
	described := map[string]string{}
	for _, methods := range openShop(t, "").describeAPI(t).Paths {
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
}

// bodies are good ones, by operation; most need objects that do not exist.
var bodies = map[string]string{
	"user.create":       `{"username":"bob","name":"Bob","email":"bob@people.example","email_verified":true,"password":"correct horse battery staple","attributes":{"nickname":"Bob"}}`,
	"user.update":       `{"name":"Alice","email":"alice@people.example","email_verified":true,"attributes":{"nickname":"Al","locale":null}}`,
	"attribute.create":  `{"name":"badge","type":"number","description":"Badge"}`,
	"attribute.update":  `{"description":"Nickname"}`,
	"user.set_password": `{"password":"correct horse battery staple"}`,
	"user.disable":      `{"reason":"Left"}`,
	"client.disable":    `{"reason":"Leaked"}`,
	"group.create":      `{"name":"sales","description":"Sales"}`,
	"group.update":      `{"description":"Operations"}`,
	"role.create":       `{"name":"biller","description":"Bills","permissions":[]}`,
	"token.preview":     `{"client":"web","user":"alice","api":"` + ordersAPI + `","scopes":["orders:read"]}`,
	"role.effect":       `{"user":"alice","expires_at":"2999-01-01T00:00:00Z"}`,
	"group.effect":      `{"delete":false,"user":"alice"}`,
	"role.update":       `{"description":"Reads orders","permissions":[]}`,
	"client.create": `{"client_id":"bills","client_name":"Bills","token_endpoint_auth_method":"none","grant_types":["authorization_code"],
		"redirect_uris":["https://bills.example/cb"],"post_logout_redirect_uris":[],"backchannel_logout_uri":"https://bills.example/out","frontchannel_logout_uri":"https://bills.example/front","frontchannel_logout_session_required":true,"backchannel_logout_private":false,"id_token_signed_response_alg":"ES256","userinfo_signed_response_alg":"ES256","subject_type":"pairwise","sector_identifier":"bills.example","first_party":false,"require_pkce":true,"keep_refresh_tokens":false,"session_refresh_tokens":false,"revoke_on_session_end":true,"refresh_overlap":30,"apis":[],"serves":[],"claim_mappings":[{"claim":"c","expression":"user.name"}]}`,
	"client.update": `{"client_name":"Shop","grant_types":["authorization_code"],"redirect_uris":["https://shop.example/cb"],"post_logout_redirect_uris":[],"backchannel_logout_uri":"","frontchannel_logout_uri":"","frontchannel_logout_session_required":false,"backchannel_logout_private":false,
		"id_token_signed_response_alg":"ES256","userinfo_signed_response_alg":"ES256","subject_type":"pairwise","sector_identifier":"bills.example","first_party":false,"require_pkce":true,"keep_refresh_tokens":false,"session_refresh_tokens":false,"revoke_on_session_end":true,"refresh_overlap":30,"apis":[],"serves":[],"claim_mappings":[{"claim":"c","expression":"user.name"}]}`,
	"client.add_trust":  `{"issuer":"https://ci.example","subject":"repo:octo-org/shop:ref","audience":"https://id.example","claims":{},"jwks_uri":"https://ci.example/keys","private":false,"reusable":true}`,
	"invitation.create": `{"note":"n","max_uses":1,"expires_at":"` + time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339) + `"}`,
	"client.add_secret": `{"client_secret":"ZXhhbXBsZS1hcHAtc2VjcmV0","expires_at":"2999-01-01T00:00:00Z"}`,
	"api.create":        `{"audience":"https://bills.example","name":"Bills","signing_alg":"ES256","access_token_ttl":60,"permissions":[],"claim_mappings":[{"claim":"c","expression":"user.name"}]}`,
	"api.update":        `{"name":"Orders","signing_alg":"ES256","access_token_ttl":60,"permissions":[],"claim_mappings":[{"claim":"c","expression":"user.name"}]}`,
	"receiver.update":   `{"description":"Bills","method":"push","endpoint":"https://x.example","bearer_token":"b","allow_private":false,"events":["session-revoked"]}`,
	"receiver.verify":   `{"state":"hello"}`,
	"receiver.create":   `{"client_id":"nobody","description":"Bills","method":"push","endpoint":"https://x.example","bearer_token":"b","allow_private":false,"events":["revoked"]}`,
	"policy.set":        `{"text":"rules: []"}`,
	"policy.rollback":   `{"number":1}`,
	"decision.evaluate": `{"api":"` + ordersAPI + `","token":"a.b.c","subject":{"type":"user","id":"u"},"action":"read","resource":{"type":"orders","id":"1"},"context":{},"explain":true}`,
	"revocation.begin":  `{"client":"nobody"}`,
	"key.rotate":        `{"alg":"none"}`,
	"token.inspect":     `{"token":"a.b.c"}`,
	"audit.erase":       `{"user":"nobody"}`,
	"file.apply":        `{"files":[{"name":"a.yaml","text":"kind: group\nname: sales\n"}],"secrets":{"env:A":"b"},"set":"shop","prune":false,"take_over":false,"dry_run":true}`,
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
	eachDatabase(t, func(t *testing.T, s *shop) {
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
				"{sid}", "x", "{client}", "web", "{secret}", "1", "{trust}", "1", "{number}", "1", "{jti}", "x", "{kid}", "x", "{id}", "1")
			for method, o := range methods {
				for _, p := range o.Parameters {
					for _, value := range hostileText {
						switch p.In {
						case "path":
							try(o, method, good.Replace(strings.ReplaceAll(template, "{"+p.Name+"}", value)), bodies[o.OperationID])
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
	if err := json.Unmarshal([]byte(bodies[o.OperationID]), &base); err != nil {
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
