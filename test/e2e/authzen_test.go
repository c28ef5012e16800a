package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/resourceserver"
	"github.com/signet-auth/signet/resourceserver/decide"
)

const ordersPolicy = `
rules:
- name: own-orders
  effect: allow
  actions: [cancel]
  resources: [orders]
  permissions: [orders:read]
  when: resource.properties.owner == subject.id
- name: by-mail
  effect: allow
  actions: [share]
  resources: [orders]
  when: subject.claims.email == resource.properties.ownerID
- name: cleared
  effect: allow
  actions: [audit]
  resources: ["*"]
  when: subject.properties.clearance >= 3 && context.ip == "::1"
- name: archived
  effect: deny
  actions: ["*"]
  resources: [orders]
  when: has(resource.properties.archived) && resource.properties.archived
- name: readers
  effect: allow
  actions: [read]
  resources: [orders]
  permissions: [orders:read]
`

// pdp is a service that asks for decisions.
type pdp struct {
	*shop
	token string
}

// newPDP makes one that serves the orders API, under a policy.
func newPDP(t *testing.T, s *shop, policy string) pdp {
	t.Helper()
	s.setPolicy(policy)
	s.signet("role", "create", "decider", "--grant", "urn:signet:admin#decisions:evaluate")
	asking := s.createClient("gateway", "--grant", "client_credentials", "--api", "urn:signet:admin", "--serves", ordersAPI)
	s.signet("assign", "decider", "--client", asking.ID)
	form := with(clientCredentials(), "scope", "decisions:evaluate", "resource", "urn:signet:admin")
	return pdp{s, s.issued(t, s.post("/oauth2/token", asking, form)).Access}
}

func (s *shop) setPolicy(text string) {
	s.t.Helper()
	file := filepath.Join(s.t.TempDir(), "policy.yaml")
	check(s.t, os.WriteFile(file, []byte(text), 0o600))
	s.signet("policy", "set", ordersAPI, "-f", file)
}

func (p pdp) ask(path, body string, header ...string) answer {
	p.t.Helper()
	r := p.request(http.MethodPost, "/access/v1/"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+p.token)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		if header[i+1] == "" {
			r.Header.Del(header[i])
		} else {
			r.Header.Set(header[i], header[i+1])
		}
	}
	return do(r)
}

type decided struct {
	Decision *bool
	Context  struct {
		Rule, Permission, Reason string
		Rules                    []struct{ Rule, Why string }
		Error                    *struct{ Status int }
	}
}

// wants checks what a subject may do.
func (p pdp) wants(t *testing.T, allowed bool, subject, action, resource string, more ...string) decided {
	t.Helper()
	body := `{"subject":` + subject + `,"action":{"name":"` + action + `"},"resource":` + resource + strings.Join(more, "") + `}`
	a := p.ask("evaluation", body).wantStatus(t, 200)
	got := decode[decided](t, a)
	if got.Decision == nil || *got.Decision != allowed {
		t.Errorf("%s: %s, want %v", body, a.body, allowed)
	}
	return got
}

func TestDecisionsFollowThePolicyTheDirectoryAndTheToken(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		p := newPDP(t, s, ordersPolicy)
		mine := s.signIn(t, s.web)
		sub := claims(t, mine.Access)["sub"].(string)
		user := `{"type":"user","id":"` + sub + `"}`
		token := `{"type":"access_token","id":"` + mine.Access + `"}`
		const order, strangers = `{"type":"orders","id":"1"}`, `{"type":"orders","id":"1","properties":{"owner":"usr_x"}}`
		own := `{"type":"orders","id":"1","properties":{"owner":"` + sub + `"}}`

		for _, subject := range []string{user, token} {
			if got := p.wants(t, true, subject, "read", order); got.Context.Rule != "readers" {
				t.Errorf("decided by %+v", got.Context)
			}
			p.wants(t, true, subject, "cancel", own)
			p.wants(t, false, subject, "cancel", strangers)
			p.wants(t, false, subject, "cancel", order) // the condition fails
			p.wants(t, false, subject, "read", `{"type":"orders","id":"1","properties":{"archived":true}}`)
			p.wants(t, false, subject, "write", order)
			p.wants(t, true, subject, "read", order, `,"context":{"anything":[1,{"a":null}]},"unknown":{}`)
			cleared := strings.TrimSuffix(subject, "}") + `,"properties":{"clearance":3}}`
			p.wants(t, true, cleared, "audit", `{"type":"x","id":"1"}`, `,"context":{"ip":"::1"}`)
			p.wants(t, false, cleared, "audit", `{"type":"x","id":"1"}`)
		}
		p.wants(t, true, user, "share", `{"type":"orders","id":"1","properties":{"ownerID":"alice@people.example"}}`)
		p.wants(t, false, `{"type":"user","id":"usr_nobody"}`, "read", order)
		p.wants(t, false, `{"type":"user","id":"alice"}`, "read", order)
		p.wants(t, true, `{"type":"client","id":"reporting"}`, "read", order)
		p.wants(t, false, `{"type":"client","id":"nobody"}`, "read", order)
		p.wants(t, true, `{"type":"device","id":"d","properties":{"clearance":4}}`, "audit", order, `,"context":{"ip":"::1"}`)
		p.wants(t, false, `{"type":"device","id":"d"}`, "read", order)
		for _, wrong := range []string{"x", mine.ID, mine.Refresh, mine.Access + "x", p.token} {
			p.wants(t, false, `{"type":"access_token","id":"`+wrong+`"}`, "read", order)
		}

		why := p.wants(t, false, user, "cancel", strangers, `,"options":{"explain":true}`)
		if len(why.Context.Rules) != 5 || why.Context.Rules[0].Why != "Its condition is false." || why.Context.Reason == "" {
			t.Errorf("explained as %+v", why.Context)
		}

		s.setPolicy("rules: [{name: closed, effect: deny, actions: ['*'], resources: ['*']}]")
		p.wants(t, false, user, "read", order)
		s.signet("policy", "rollback", ordersAPI, "1")
		p.wants(t, true, user, "read", order)
		s.signet("unassign", "clerk", "--user", alice)
		p.wants(t, false, user, "read", order)
		p.wants(t, true, token, "read", order) // which alone counts,
		s.signet("token", "revoke", claims(t, mine.Access)["jti"].(string))
		p.wants(t, false, token, "read", order) // until it is revoked
		judgesNumbersAlike(t, p)
		s.signet("policy", "delete", ordersAPI)
		if got := p.wants(t, true, `{"type":"client","id":"reporting"}`, "read", order); got.Context.Permission != "orders:read" {
			t.Errorf("without a policy it is decided by %+v", got.Context)
		}
	})
}

const numbersPolicy = `
rules:
- {name: exact, effect: allow, actions: [find], resources: [orders], when: resource.properties.number == 9007199254740993}
- {name: calculated, effect: allow, actions: [pay], resources: [orders], when: resource.properties.number * 1.5 / 2.0 + 1.0 > 0.5}
`

// judgesNumbersAlike checks that the server and services judge numbers alike, exactly where a double would round them.
func judgesNumbersAlike(t *testing.T, p pdp) {
	t.Helper()
	p.setPolicy(numbersPolicy)
	var policy decide.Policy
	check(t, policy.SetPolicy(numbersPolicy, time.Now().Add(time.Hour)))
	for number, exact := range map[string]bool{
		"9007199254740993": true, "9007199254740992": false, "9007199254740994": false, "9007199254740991": false, "9007199254740992.0": false, "9.007199254740992e15": false,
		"1": false, "0.5": false, "9223372036854775807": false, "18446744073709551615": false, "18446744073709551616": false, "1e300": false,
	} {
		resource := `{"type":"orders","id":"1","properties":{"number":` + number + `}}`
		p.wants(t, exact, `{"type":"device","id":"d"}`, "find", resource)
		p.wants(t, true, `{"type":"device","id":"d"}`, "pay", resource)
		same := []any{json.Number(number)}
		if n, err := strconv.ParseInt(number, 10, 64); err == nil {
			same = append(same, n, int(n), uint64(n))
		}
		for _, value := range same {
			order := decide.Resource{Type: "orders", ID: "1", Properties: map[string]any{"number": value}}
			find, pay := policy.Allow(new(resourceserver.Claims), "find", order, nil), policy.Allow(new(resourceserver.Claims), "pay", order, nil)
			if find.Allowed != exact || !pay.Allowed {
				t.Errorf("in a service %T %v: %+v %+v", value, value, find, pay)
			}
		}
	}
}

func TestAuthZENIsAnsweredAsTheStandardSays(t *testing.T) {
	t.Parallel()
	s := openShop(t, "")
	p := newPDP(t, s, ordersPolicy)
	const parts = `"subject":{"type":"client","id":"reporting"},"action":{"name":"read"},"resource":{"type":"orders","id":"1"}`
	const denied = `{"action":{"name":"write"}}`

	for name, c := range map[string]struct {
		path, body string
		header     []string
		status     int
	}{
		"evaluation":                  {"evaluation", "{" + parts + "}", nil, 200},
		"with a charset":              {"evaluation", "{" + parts + "}", []string{"Content-Type", "application/json; charset=utf-8"}, 200},
		"null where it is optional":   {"evaluation", "{" + parts + `,"context":null}`, nil, 200},
		"as a form":                   {"evaluation", "{" + parts + "}", []string{"Content-Type", "application/x-www-form-urlencoded"}, 400},
		"without a type":              {"evaluation", "{" + parts + "}", []string{"Content-Type", ""}, 400},
		"nothing":                     {"evaluation", "", nil, 400},
		"a list":                      {"evaluation", "[{" + parts + "}]", nil, 400},
		"broken":                      {"evaluation", "{" + parts, nil, 400},
		"two values":                  {"evaluation", "{" + parts + "}{}", nil, 400},
		"no subject":                  {"evaluation", `{"action":{"name":"a"},"resource":{"type":"b","id":"c"}}`, nil, 400},
		"no subject's id":             {"evaluation", `{"subject":{"type":"user"},"action":{"name":"a"},"resource":{"type":"b","id":"c"}}`, nil, 400},
		"no subject's type":           {"evaluation", `{"subject":{"id":"x"},"action":{"name":"a"},"resource":{"type":"b","id":"c"}}`, nil, 400},
		"a number as an id":           {"evaluation", `{"subject":{"type":"user","id":1},"action":{"name":"a"},"resource":{"type":"b","id":"c"}}`, nil, 400},
		"no action's name":            {"evaluation", `{"subject":{"type":"user","id":"x"},"action":{},"resource":{"type":"b","id":"c"}}`, nil, 400},
		"no resource":                 {"evaluation", `{"subject":{"type":"user","id":"x"},"action":{"name":"a"}}`, nil, 400},
		"properties of another type":  {"evaluation", `{"subject":{"type":"user","id":"x","properties":[]},"action":{"name":"a"},"resource":{"type":"b","id":"c"}}`, nil, 400},
		"context of another type":     {"evaluation", "{" + parts + `,"context":"x"}`, nil, 400},
		"a member twice by default":   {"evaluations", "{" + parts + `,"context":{"a":1,"a":2},"evaluations":[{},{}]}`, nil, 400},
		"a member twice":              {"evaluation", "{" + parts + `,"action":{"name":"write"}}`, nil, 400},
		"an API that others serve":    {"evaluation", "{" + parts + `,"audience":"` + invoicesAPI + `"}`, nil, 400},
		"an API that there is not":    {"evaluation", "{" + parts + `,"audience":"https://nobody.example"}`, nil, 400},
		"a body of many bytes":        {"evaluation", "{" + parts + `,"context":{"a":"` + strings.Repeat("x", 1<<20) + `"}}`, nil, 413},
		"no token":                    {"evaluation", "{" + parts + "}", []string{"Authorization", ""}, 401},
		"another token":               {"evaluation", "{" + parts + "}", []string{"Authorization", "Bearer " + s.reportingToken(t)}, 401},
		"a semantic that there isn't": {"evaluations", "{" + parts + `,"evaluations":[{}],"options":{"evaluations_semantic":"all"}}`, nil, 400},
		"evaluations of another type": {"evaluations", "{" + parts + `,"evaluations":{}}`, nil, 400},
		"too many to explain":         {"evaluations", "{" + parts + `,"options":{"explain":true},"evaluations":[` + strings.Repeat("{},", 10) + `{}]}`, nil, 400},
		"an API of a long name":       {"evaluation", "{" + parts + `,"audience":"` + strings.Repeat("x", 2001) + `"}`, nil, 400},
		"too many evaluations":        {"evaluations", "{" + parts + `,"evaluations":[` + strings.Repeat("{},", 500) + `{}]}`, nil, 400},
	} {
		a := p.ask(c.path, c.body, append(c.header, "X-Request-ID", "id of "+name)...)
		if a.status != c.status || a.header.Get("Content-Type") != "application/json" || !json.Valid([]byte(a.body)) {
			t.Errorf("%s: %d %s %.200s", name, a.status, a.header.Get("Content-Type"), a.body)
		}
		if got := a.header.Get("X-Request-ID"); got != "id of "+name {
			t.Errorf("%s: X-Request-ID is %q", name, got)
		}
		if (a.status == 401) != (a.header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: WWW-Authenticate is %q", name, a.header.Get("WWW-Authenticate"))
		}
		if a.status >= 400 {
			decode[string](t, a)
		}
	}
	for _, id := range []string{strings.Repeat("x", 256), "caf\u00e9", ""} {
		if got := p.ask("evaluation", "{"+parts+"}", "X-Request-ID", id).header.Get("X-Request-ID"); len(got) != 32 {
			t.Errorf("the request id %.20q is answered %q", id, got)
		}
	}
	if a := s.get("/access/v1/evaluation", p.token); a.status != 405 {
		t.Errorf("GET answers %d", a.status)
	}

	for name, c := range map[string]struct{ more, want string }{
		"all":                        {`"evaluations":[{},` + denied + `,{},{"subject":{}}]`, "yes no yes error"},
		"the same by name":           {`"evaluations":[{},` + denied + `,{}],"options":{"evaluations_semantic":"execute_all"}`, "yes no yes"},
		"until the first denial":     {`"evaluations":[{},` + denied + `,{}],"options":{"evaluations_semantic":"deny_on_first_deny"}`, "yes no"},
		"an error is a denial":       {`"evaluations":[{},{"resource":{"type":"x"}},{}],"options":{"evaluations_semantic":"deny_on_first_deny"}`, "yes error"},
		"a member twice":             {`"evaluations":[{"context":{"a":1,"a":2}},{},{"context":{"a":"\u0000"}},{"context":{"a":null}}]`, "error yes error yes"},
		"until the first permit":     {`"evaluations":[` + denied + `,1,{},{}],"options":{"evaluations_semantic":"permit_on_first_permit"}`, "no error yes"},
		"an own object counts whole": {`"evaluations":[{"subject":{"type":"client","id":"web"}},{"subject":{"type":"client"}}]`, "no error"},
	} {
		got := decode[struct {
			Decision    *bool
			Evaluations []decided
		}](t, p.ask("evaluations", "{"+parts+","+c.more+"}").wantStatus(t, 200))
		var words []string
		for _, d := range got.Evaluations {
			switch {
			case d.Decision == nil:
				words = append(words, "nothing")
			case *d.Decision:
				words = append(words, "yes")
			case d.Context.Error != nil:
				words = append(words, "error")
			default:
				words = append(words, "no")
			}
		}
		if strings.Join(words, " ") != c.want || got.Decision != nil {
			t.Errorf("%s: %v, want %s", name, words, c.want)
		}
	}
	for _, more := range []string{"", `,"evaluations":[]`, `,"evaluations":null`} {
		if got := decode[decided](t, p.ask("evaluations", "{"+parts+more+"}").wantStatus(t, 200)); got.Decision == nil || !*got.Decision {
			t.Errorf("without evaluations %q it is not one", more)
		}
	}
	if a := p.ask("evaluations", `{"evaluations":[{"action":{"name":"read"}}]}`); compactJSON(t, a.wantStatus(t, 200).body) !=
		`{"evaluations":[{"decision":false,"context":{"error":{"status":400,"message":"The member 'subject' is missing."}}}]}` {
		t.Errorf("an evaluation without a subject: %s", a.body)
	}

	for subject, want := range map[string]string{
		`{"type":"client","id":"reporting"}`: `[{"name":"cancel"},{"name":"read"}]`, `{"type":"client","id":"nobody"}`: `[]`, `{"type":"x","id":"y"}`: `[]`,
		`{"type":"access_token","id":"` + s.reportingToken(t) + `"}`: `[{"name":"cancel"},{"name":"read"}]`, `{"type":"access_token","id":"x"}`: `[]`,
	} {
		body := `{"subject":` + subject + `,"resource":{"type":"orders","id":"1","properties":{"owner":"reporting"}},"action":{"name":"ignored"}}`
		if a := p.ask("search/action", body); compactJSON(t, a.wantStatus(t, 200).body) != `{"results":`+want+`}` {
			t.Errorf("actions of %s are %s", subject, a.body)
		}
	}
	p.ask("search/action", `{"subject":{"type":"client","id":"reporting"}}`).wantStatus(t, 400)

	metadata := decode[map[string]string](t, s.get("/.well-known/authzen-configuration", "").wantStatus(t, 200))
	for name, want := range map[string]string{
		"policy_decision_point": s.url, "access_evaluation_endpoint": s.url + "/access/v1/evaluation", "access_evaluations_endpoint": s.url + "/access/v1/evaluations",
		"search_action_endpoint": s.url + "/access/v1/search/action", "search_subject_endpoint": s.url + "/access/v1/search/subject",
		"search_resource_endpoint": s.url + "/access/v1/search/resource",
	} {
		if metadata[name] != want {
			t.Errorf("%s is %q", name, metadata[name])
		}
	}

	p.wantsCertified(t)
	p.setPolicy(ordersPolicy)
	p.wantsBundle(t)

	// The caller needs the permission, and where it serves no API or several it says which.
	ops := s.createClient("ops", "--grant", "client_credentials", "--api", "urn:signet:admin")
	s.signet("assign", "administrator", "--client", ops.ID)
	tokenFor := func(scope string) string {
		return s.issued(t, s.post("/oauth2/token", ops, with(clientCredentials(), "scope", scope, "resource", "urn:signet:admin"))).Access
	}
	p.token = tokenFor("users:read")
	if a := p.ask("evaluation", "{broken"); a.status != 403 || !strings.Contains(a.header.Get("WWW-Authenticate"), "insufficient_scope") {
		t.Errorf("without the permission: %d %s", a.status, a.header.Get("WWW-Authenticate"))
	}
	p.token = tokenFor("decisions:evaluate")
	p.ask("evaluation", "{"+parts+"}").wantStatus(t, 400)
	p.ask("evaluation", "{"+parts+`,"audience":"`+ordersAPI+`"}`).wantStatus(t, 200)
	p.ask("evaluation", strings.Replace("{"+parts+"}", `{"type":"client","id":"reporting"}`, `{"type":"access_token","id":"`+s.reportingToken(t)+`"}`, 1)).wantStatus(t, 200)
}

// wantsBundle checks the signed policy for services that decide by themselves.
func (p pdp) wantsBundle(t *testing.T) {
	t.Helper()
	path := "/access/v1/policy?audience=" + url.QueryEscape(ordersAPI)
	get := func(path string, by client, tag string) answer {
		r := p.request(http.MethodGet, path, nil)
		if by.ID != "" {
			r.SetBasicAuth(by.ID, by.Secret)
		}
		if tag != "" {
			r.Header.Set("If-None-Match", tag)
		}
		return do(r)
	}
	first := get(path, p.orders, "").wantStatus(t, 200)
	said := claims(t, first.body)
	if header := joseHeader(t, first.body); header["typ"] != "policy+jwt" || first.header.Get("Content-Type") != "application/policy+jwt" ||
		said["iss"] != p.url || said["aud"] != ordersAPI || said["number"] != 3.0 || said["policy"] != ordersPolicy ||
		said["exp"] != said["iat"].(float64)+24*60*60 {
		t.Errorf("the bundle is %v %v", header, said)
	}
	tag := first.header.Get("ETag")
	get(path, p.orders, tag).wantStatus(t, 304)
	p.setPolicy("rules: []")
	if second := get(path, p.orders, tag).wantStatus(t, 200); claims(t, second.body)["number"] != 4.0 {
		t.Errorf("after a change the bundle says %v", claims(t, second.body))
	}
	for status, a := range map[int]answer{
		401: get(path, client{ID: p.orders.ID, Secret: "wrong"}, ""), 403: get(path, p.invoices, tag), 400: get("/access/v1/policy", p.orders, ""),
	} {
		if a.status != status || a.header.Get("ETag") != "" || strings.Contains(a.body, "rules") {
			t.Errorf("status %d, want %d: %s", a.status, status, a.body)
		}
	}
	var policy decide.Policy
	verifier, err := resourceserver.New(p.url, ordersAPI, resourceserver.WithPolicy(p.orders.ID, p.orders.Secret, &policy))
	check(t, err)
	defer verifier.Close()
	check(t, verifier.Ready(t.Context()))
	reporting, err := verifier.Verify(t.Context(), p.reportingToken(t))
	check(t, err)
	order := decide.Resource{Type: "orders", ID: "1"}
	await(t, "the service knows the policy", func() bool { return policy.Allow(reporting, "read", order, nil).Permission == "orders:read" })
	get(path, client{}, "").wantStatus(t, 401)
	get(path, p.app, "").wantStatus(t, 401)
}

// tryHostile asks with a hostile value in each place of a request.
func (p pdp) tryHostile(t *testing.T, name, value string) {
	t.Helper()
	escaped, err := json.Marshal(value)
	check(t, err)
	for _, text := range []string{string(escaped), `"` + value + `"`, "[" + string(escaped) + "]", "{" + string(escaped) + ":1}", "1e999", strings.Repeat("[", 20_000)} {
		members := map[string]string{"type": `"user"`, "id": `"u"`, "name": `"read"`, "properties": `{"owner":"x"}`, "context": `{"ip":"x"}`, "audience": `"` + ordersAPI + `"`, "semantic": `"execute_all"`}
		for member := range members {
			given := members[member]
			members[member] = text
			entity := `{"type":` + members["type"] + `,"id":` + members["id"] + `,"properties":` + members["properties"] + `}`
			one := `"subject":` + entity + `,"resource":` + entity + `,"action":{"name":` + members["name"] + `},"context":` + members["context"] + `,"audience":` + members["audience"]
			p.wantNoFailure(t, name, p.ask("evaluation", "{"+one+"}"), "a decision's "+member)
			p.wantNoFailure(t, name, p.ask("evaluations", "{"+one+`,"evaluations":[{},`+text+`],"options":{"evaluations_semantic":`+members["semantic"]+"}}"), "decisions' "+member)
			members[member] = given
		}
		for what, body := range map[string]string{
			"action":   `{"subject":{"type":"user","id":"u"},"resource":{"type":` + text + `,"id":` + text + `}}`,
			"subject":  `{"subject":{"type":"user","id":` + text + `},"action":{"name":` + text + `},"resource":{"type":` + text + `,"id":` + text + `},"page":{"token":` + text + `}}`,
			"resource": `{"subject":{"type":"client","id":"reporting"},"action":{"name":"read"},"resource":{"type":` + text + `},"page":{"limit":` + text + `}}`,
		} {
			p.wantNoFailure(t, name, p.ask("search/"+what, body), "a search")
		}
		p.wantNoFailure(t, name, p.ask("evaluation", `{"subject":{"type":"access_token","id":`+text+`},"action":{"name":"read"},"resource":{"type":"orders","id":"1"}}`), "a decision's token")
	}
}
