package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// certifiedPolicy is the policy that the AuthZEN certification scenario asks for. Its users are called by their "sub" here.
const certifiedPolicy = `
rules:
- {name: read, effect: allow, actions: [read], resources: [record], roles: [cert-writer, cert-admin]}
- name: write
  effect: allow
  actions: [write]
  resources: [record]
  roles: [cert-writer]
  when: '!has(resource.properties.status) || resource.properties.status != "archived"'
- name: admin-by-property
  effect: allow
  actions: [write]
  resources: [record]
  when: has(subject.properties.role) && subject.properties.role == "admin" && has(resource.properties.status) && resource.properties.status == "archived"
- name: admin-by-role
  effect: allow
  actions: [write]
  resources: [record]
  roles: [cert-admin]
  when: has(resource.properties.status) && resource.properties.status == "archived"
- {name: soft, effect: allow, actions: [delete], resources: [record], roles: [cert-writer], when: has(action.properties.soft) && action.properties.soft == true}
`

// The requests of the AuthZEN Authorization API 1.0 certification scenario: basic, batch, search and discovery, core and properties. Left out
// is "batch with default value merging", which is advisory, and contradicts the standard.
func (p pdp) wantsCertified(t *testing.T) {
	t.Helper()
	p.setPolicy(certifiedPolicy)
	subs := map[string]string{}
	for name, role := range map[string]string{"cert-alice": "cert-writer", "cert-bob": "cert-admin"} {
		p.signet("user", "create", name)
		p.signet("role", "create", role, "--grant", ordersAPI+"#orders:read")
		p.signet("assign", role, "--user", name)
		subs[name] = signetJSON[struct{ Sub string }](p.installation, "user", "show", name).Sub
	}
	p.signet("resource", "set", ordersAPI, "record:record-1", "--property", "status=active")
	p.signet("resource", "set", ordersAPI, "record:record-2", "--property", "status=archived")
	const (
		alice, bob   = `"subject":{"type":"user","id":"ALICE"}`, `"subject":{"type":"user","id":"BOB"}`
		bobAdmin     = `"subject":{"type":"user","id":"BOB","properties":{"role":"admin"}}`
		read, write  = `"action":{"name":"read"}`, `"action":{"name":"write"}`
		one          = `"resource":{"type":"record","id":"record-1"}`
		oneActive    = `"resource":{"type":"record","id":"record-1","properties":{"status":"active"}}`
		twoArchived  = `"resource":{"type":"record","id":"record-2","properties":{"status":"archived"}}`
		two, records = `"resource":{"type":"record","id":"record-2"}`, `"resource":{"type":"record"}`
		users        = `"subject":{"type":"user"}`
	)
	for _, c := range []struct {
		path, body, want string // a status, decisions, or what is found at least
	}{
		{"evaluation", alice + "," + read + "," + one, "true"},
		{"evaluation", alice + "," + write + "," + one, "true"},
		{"evaluation", bob + "," + read + "," + one, "true"},
		{"evaluation", bob + "," + write + "," + one, "false"},
		{"evaluation", alice + "," + read + "," + one + `,"context":{"time":"2025-06-27T18:03-07:00","ip":"192.168.1.1"}`, "true"},
		{"evaluation", alice + "," + write + "," + twoArchived, "false"},
		{"evaluation", bobAdmin + "," + write + "," + twoArchived, "true"},
		{"evaluation", alice + `,"action":{"name":"delete","properties":{"soft":true}},` + one, "true"},
		{"evaluation", alice + `,"action":{"name":"delete","properties":{"soft":false}},` + one, "false"},
		{"evaluation", `"subject":{"type":"user","id":"ALICE","properties":{"department":"Sales","role":"manager"}},"action":{"name":"read","properties":{"method":"GET"}},` +
			`"resource":{"type":"record","id":"record-1","properties":{"status":"active","owner":"bob"}}`, "true"},
		{"evaluation", alice + "," + read + "," + one + `,"foo":"bar","futureField":{"nested":true}`, "true"},
		{"evaluation", read + "," + one, "400"},
		{"evaluation", alice + "," + one, "400"},
		{"evaluation", alice + "," + read, "400"},
		{"evaluation", `"subject":{"id":"ALICE"},` + read + "," + one, "400"},
		{"evaluation", users + "," + read + "," + one, "400"},
		{"evaluation", alice + `,"action":{},` + one, "400"},
		{"evaluation", alice + "," + read + `,"resource":{"id":"record-1"}`, "400"},
		{"evaluation", alice + "," + read + "," + records, "400"},
		{"evaluation", `"subject":"ALICE",` + read + "," + one, "400"},
		{"evaluation", alice + `,"action":{"name":123},` + one, "400"},

		{"evaluations", alice + "," + read + `,"evaluations":[{` + one + `},{` + two + `}]`, "true true"},
		{"evaluations", bob + "," + one + `,"evaluations":[{` + read + `},{` + write + `}]`, "true false"},
		{"evaluations", alice + "," + write + `,"evaluations":[{` + oneActive + `},{` + twoArchived + `}]`, "true false"},
		{"evaluations", write + "," + twoArchived + `,"evaluations":[{` + alice + `},{` + bobAdmin + `}]`, "false true"},
		{"evaluations", `"evaluations":[{` + alice + "," + read + "," + one + `},{` + bob + "," + write + "," + one + `}]`, "true false"},
		{"evaluations", alice + "," + read + `,"context":{"time":"a"},"evaluations":[{` + one + `},{` + two + `,"context":{"source":"batch-override"}}]`, "true true"},
		{"evaluations", alice + "," + read + `,"evaluations":[{` + one + `},{}]`, "true false"},
		{"evaluations", alice + "," + read + "," + one, "true"},
		{"evaluations", alice + "," + read + "," + one + `,"evaluations":[]`, "true"},

		{"search/subject", users + "," + read + "," + one, "ALICE BOB"},
		{"search/subject", users + "," + read + "," + one + `,"context":{"time":"a"}`, "ALICE BOB"},
		{"search/subject", users + "," + write + "," + twoArchived, "BOB"},
		{"search/subject", `"subject":{"type":"spaceship"},` + read + "," + one, "nothing"},
		{"search/subject", users + "," + one, "400"},
		{"search/subject", users + "," + read + "," + records, "400"},
		{"search/resource", alice + "," + read + "," + records, "record-1"},
		{"search/resource", bobAdmin + "," + write + "," + records, "record-2"},
		{"search/resource", read + "," + records, "400"},
		{"search/resource", users + "," + read + "," + records, "400"},
		{"search/action", alice + "," + one, "read write"},
		{"search/action", alice + "," + one + `,"context":{"time":"a"}`, "read write"},
		{"search/action", bobAdmin + "," + twoArchived, "write"},
		{"search/action", `"subject":{"type":"user","id":"nonexistent-user"},` + one, "nothing"},
		{"search/action", alice, "400"},
	} {
		body, want := named(subs, "{"+c.body+"}"), strings.Fields(named(subs, c.want))
		for range 2 { // the same each time
			if got := p.came(t, c.path, body); !slices.Equal(got, want) && (!strings.HasPrefix(c.path, "search") || !holds(got, want)) {
				t.Errorf("%s %s: %s, want %s", c.path, body, got, want)
			}
		}
	}

	// Pages, in which each subject is once.
	asked := named(subs, users+","+read+","+one)
	var found []string
	token := ""
	for range 10 {
		a := p.ask("search/subject", `{`+asked+`,"page":{"limit":1,"token":"`+token+`"}}`).wantStatus(t, http.StatusOK)
		answer := decode[struct {
			Results []struct{ ID string }
			Page    struct {
				NextToken *string `json:"next_token"`
				Count     *int
			}
		}](t, a)
		if len(answer.Results) > 1 || answer.Page.NextToken == nil || answer.Page.Count == nil || *answer.Page.Count != len(answer.Results) {
			t.Fatalf("a page of one is %s", a.body)
		}
		for _, r := range answer.Results {
			found = append(found, r.ID)
		}
		if token = *answer.Page.NextToken; token == "" {
			break
		}
		p.ask("search/subject", `{`+named(subs, users+","+read+","+two)+`,"page":{"token":"`+token+`"}}`).wantStatus(t, 400) // of another search
		p.ask("search/resource", `{`+asked+`,"page":{"token":"`+token+`"}}`).wantStatus(t, 400)
	}
	if slices.Sort(found); !slices.Equal(found, slices.Sorted(slices.Values([]string{subs["cert-alice"], subs["cert-bob"]}))) || token != "" {
		t.Errorf("the pages have %s, and then %q", found, token)
	}
	for _, page := range []string{`{"token":"forged"}`, `{"limit":-1}`, `{"limit":1.5}`, `{"limit":"1"}`, `[]`} {
		p.ask("search/subject", `{`+asked+`,"page":`+page+`}`).wantStatus(t, 400)
	}
	p.ask("search/subject", `{`+asked+`,"page":{"limit":0,"token":""}}`).wantStatus(t, 200)
}

func named(subs map[string]string, text string) string {
	return strings.NewReplacer("ALICE", subs["cert-alice"], "BOB", subs["cert-bob"]).Replace(text)
}

func holds(got, want []string) bool {
	return !slices.ContainsFunc(want, func(name string) bool { return !slices.Contains(got, name) })
}

// came is what an answer says: decisions, what was found, or the status of one that refuses.
func (p pdp) came(t *testing.T, path, body string) (words []string) {
	t.Helper()
	a := p.ask(path, body)
	if a.status != http.StatusOK {
		return []string{strconv.Itoa(a.status)}
	}
	answer := decode[struct {
		Decision    *bool
		Evaluations []struct{ Decision *bool }
		Results     []struct{ ID, Name, Type string }
	}](t, a)
	word := func(decision *bool) {
		text, err := json.Marshal(decision)
		check(t, err)
		words = append(words, string(text))
	}
	if answer.Decision != nil {
		word(answer.Decision)
	}
	for _, e := range answer.Evaluations {
		word(e.Decision)
	}
	for _, r := range answer.Results {
		words = append(words, r.ID+r.Name)
	}
	if strings.HasPrefix(path, "search") && len(words) == 0 {
		words = []string{"nothing"}
	}
	return words
}
