package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const (
	firstPolicy = "rules:\n- {name: own, effect: allow, actions: [cancel], resources: [orders], when: resource.properties.owner == subject.id}\n"
	policyCases = "- {name: an owner cancels, subject: {type: user, id: usr_1}, action: cancel, resource: {type: orders, id: '1', properties: {owner: usr_1}}, expect: allow}\n" +
		"- {name: others do not, subject: {type: user, id: usr_2}, action: cancel, resource: {type: orders, id: '1', properties: {owner: usr_1}}, expect: EXPECTED}\n"
)

func TestAPolicyIsWrittenTestedTriedAndRestoredInTheBrowser(t *testing.T) {
	s := openShop(t, newSQLiteDatabase(t))
	where := "/admin/apis/" + url.PathEscape(ordersAPI) + "/policy"
	p := s.administer(t, "administrator", "/admin/apis/"+url.PathEscape(ordersAPI)).shows(http.StatusOK, "Policy")
	b := p.browser
	form := b.open(s.url+where).shows(http.StatusOK, "none: permissions decide", "Nothing was published yet.")

	form.submit("text", "rules:\n- {name: own, effect: allow, actions: [cancel], resources: [orders], when: resource.owner == 1}\n", "act", "test").
		shows(http.StatusUnprocessableEntity, "policy:2:", "resource.owner == 1")
	form.submit("text", "rules: [", "act", "save").shows(http.StatusUnprocessableEntity, "policy:1:", "This is not YAML")
	form.submit("text", firstPolicy, "cases", "- {}\n", "act", "test").shows(http.StatusUnprocessableEntity, "cases:1:")
	tested := form.submit("text", firstPolicy, "cases", strings.Replace(policyCases, "EXPECTED", "deny", 1), "act", "test").
		shows(http.StatusOK, "All 2 cases pass", "1 of 1 rules decide a case.", "an owner cancels", "The rule own allows it.")
	if got := tested.form.fields.Get("text"); strings.ReplaceAll(got, "\r\n", "\n") != firstPolicy {
		t.Errorf("after the test the form holds %q", got)
	}
	form.submit("text", firstPolicy, "cases", strings.Replace(policyCases, "EXPECTED", "allow", 1), "act", "test").shows(http.StatusOK, "1 of 2 cases fail", "fails")
	form.submit("text", firstPolicy+"- {name: never, effect: deny, actions: [x], resources: [y]}\n", "cases", policyCases[:strings.Index(policyCases, "\n")+1], "act", "test").
		shows(http.StatusOK, "No case is decided by:", "never", "denied") // as it is by what is published

	form.submit("text", firstPolicy, "act", "save").shows(http.StatusOK, "The policy was published", "version 1 decides")
	second := strings.Replace(firstPolicy, "name: own", "name: owner", 1)
	form.submit("text", second, "act", "save").shows(http.StatusConflict, "Somebody else changed this meanwhile", "name: owner").
		submit("text", second, "act", "save").shows(http.StatusOK, "version 2 decides")

	form = b.open(s.url + where)
	try := func(values ...string) *page {
		t.Helper()
		return form.submit(append([]string{"act", "try", "action", "cancel", "resource_type", "orders", "resource_id", "1"}, values...)...)
	}
	sub := signetJSON[struct{ Sub string }](s.installation, "user", "show", alice).Sub
	try("subject", alice, "properties", `{"owner":"`+sub+`"}`).shows(http.StatusOK, "allowed", "The rule owner allows it.", "Its condition is true.")
	try("subject", alice, "properties", `{"owner":"else"}`).shows(http.StatusOK, "denied", "Its condition is false.")
	try("subject", "nobody", "properties", `{"owner":"else"}`).shows(http.StatusOK, "There is no such user")
	try("subject_kind", "client", "subject", "reporting", "properties", `{"owner":"reporting"}`).shows(http.StatusOK, "allowed")
	try("subject_kind", "claims", "claims", `{"sub":"me"}`, "properties", `{"owner":"me"}`).shows(http.StatusOK, "allowed")
	try("subject_kind", "claims", "claims", `{"sub":"me"`, "properties", `[]`).shows(http.StatusUnprocessableEntity, "This is no JSON object.")
	try("subject", "").shows(http.StatusUnprocessableEntity, "This is needed.")

	old := b.open(s.url+where+"/versions/1").shows(http.StatusOK, "Version 1 of the policy", "name: owner", "Let this version decide")
	b.open(s.url+where+"/versions/2").shows(http.StatusOK, "decides")
	b.open(s.url + where + "/versions/9").shows(http.StatusNotFound)
	b.open(s.url + where + "/versions/x").shows(http.StatusNotFound)
	b.open(s.url + where + "/restore").shows(http.StatusNotFound)
	old.submit().shows(http.StatusOK, "The version decides again.", "version 1 decides")
	old.submit().shows(http.StatusConflict, "Somebody else changed it meanwhile.")

	large := firstPolicy + "# " + strings.Repeat("x", 200_000) + "\n"
	b.open(s.url+where).submit("text", large, "act", "save").shows(http.StatusOK, "version 3 decides")

	auditor := s.administer(t, "auditor", where).shows(http.StatusOK, "version 3 decides", "Check and test")
	for _, text := range []string{"Try it", "Delete"} {
		if strings.Contains(auditor.text, text) {
			t.Errorf("the auditor sees %q", text)
		}
	}
	auditor.submit("text", firstPolicy, "act", "save").shows(http.StatusForbidden)
	auditor.submit("text", firstPolicy, "act", "try").shows(http.StatusForbidden)
	auditor.browser.open(s.url + where + "/delete").shows(http.StatusForbidden)

	s.signet("role", "create", "asker", "--grant", "urn:signet:admin#policies:read", "--grant", "urn:signet:admin#decisions:evaluate")
	asker := s.administer(t, "asker", where).shows(http.StatusOK, "Check and test")
	asker.submit("text", firstPolicy, "act", "try", "subject", alice, "action", "cancel", "resource_type", "orders").shows(http.StatusForbidden)

	drop := b.open(s.url + where + "/delete").shows(http.StatusOK)
	b.open(s.url+where).submit("text", firstPolicy, "act", "save").shows(http.StatusOK, "version 4 decides")
	drop.submit("name", ordersAPI).shows(http.StatusConflict, "Somebody else changed it meanwhile.")
	drop = b.open(s.url + where + "/delete")
	drop.submit("name", "else").shows(http.StatusUnprocessableEntity)
	drop.submit("name", ordersAPI).shows(http.StatusOK, "The policy was deleted.", "none: permissions decide")
	b.open(s.url+where).submit("text", firstPolicy, "act", "save").shows(http.StatusOK, "version 5 decides")
	s.registersResources(t, b)
}

// registersResources keeps resources of an API in the browser.
func (s *shop) registersResources(t *testing.T, b *browser) {
	t.Helper()
	api := s.url + "/admin/apis/" + url.PathEscape(ordersAPI)
	b.open(api).shows(http.StatusOK, "Resources")
	b.open(api+"/resources").shows(http.StatusOK, "There is none yet.", "Begin here: Register a resource")
	form := b.open(api + "/new/resource").shows(http.StatusOK)
	if p := form.submit("type", "or:der", "id", "1"); p.status != http.StatusUnprocessableEntity || p.wrong("type") == "" {
		t.Errorf("a type with a colon: %d %s", p.status, p.text)
	}
	if p := form.submit("type", "order", "id", "1", "properties", "[]"); p.status != http.StatusUnprocessableEntity || p.wrong("properties") == "" {
		t.Errorf("properties that are no object: %d %s", p.status, p.text)
	}
	const hostile = "a/<b>?#ü%2F"
	form.submit("type", "order", "id", hostile, "properties", `{"owner":"usr_1"}`).shows(http.StatusOK, "The resource is registered.", hostile, "usr_1")
	if p := form.submit("type", "order", "id", hostile, "properties", `{}`); p.status != http.StatusUnprocessableEntity || p.wrong("id") == "" {
		t.Errorf("a resource that is there already: %d %s", p.status, p.text)
	}
	form.submit("type", "bill", "id", "7").shows(http.StatusOK, "bill", "7")
	b.open(api+"/resources?type=order").shows(http.StatusOK, hostile).hides("bill")
	b.open(api+"/resources?search=BILL:").shows(http.StatusOK, "bill").hides(hostile)
	b.open(api+"/resources?type=bill&search=a").shows(http.StatusOK, "There is nothing that the filters choose.")
	path := strings.TrimPrefix(api, s.url) + "/resource"
	dots := form.submit("type", "..", "id", "..").shows(http.StatusOK, "The resource is registered.")
	b.open(dots.linkTo(t, path+"/delete?id=..")).submit("name", "..:..").shows(http.StatusOK, "The resource is no longer registered.")
	one := func(page, kind, id string) string {
		return api + "/resource" + page + "?" + url.Values{"type": {kind}, "id": {id}}.Encode()
	}
	edit, drop := b.open(one("", "order", hostile)).shows(http.StatusOK), b.open(one("/delete", "order", hostile)).shows(http.StatusOK)
	edit.submit("properties", `{"owner":"usr_2","at":9007199254740993}`).shows(http.StatusOK, "The resource is registered.", "usr_2", "9007199254740993")
	s.signet("resource", "set", ordersAPI, "order:9", "--properties", `{"at":9007199254740993}`) // a float64 has no such number
	if nine := s.signet("resource", "show", ordersAPI, "order:9", "-o", "json"); !strings.Contains(nine, "9007199254740993") {
		t.Errorf("the resource is %s", nine)
	}
	if p := form.submit("type", "order", "id", "8", "properties", `{"at":1e400}`); p.status != http.StatusUnprocessableEntity || p.wrong("properties") == "" {
		t.Errorf("a number that is too large: %d %s", p.status, p.text)
	}
	moved := edit.submit("properties", `{"owner":"usr_3"}`).shows(http.StatusConflict, "Somebody else changed this meanwhile", "usr_2")
	b.open(moved.linkTo(t, path+"?")).shows(http.StatusOK, "usr_2").hides("usr_3")
	drop.submit("name", "order:"+hostile).shows(http.StatusConflict, "Somebody else changed it meanwhile.")
	b.open(one("/delete", "order", hostile)).submit("name", "order:"+hostile).shows(http.StatusOK, "The resource is no longer registered.").hides(hostile)
	b.open(one("", "order", hostile)).shows(http.StatusNotFound)
	b.open(s.url + "/admin/apis/none/resources").shows(http.StatusNotFound)
	b.open(s.url + "/admin/apis/none/new/resource").shows(http.StatusNotFound)
	s.signet("role", "create", "looker", "--grant", "urn:signet:admin#resources:read")
	looker := s.administer(t, "looker", "/admin/apis/"+url.PathEscape(ordersAPI)+"/resources").shows(http.StatusOK, "bill").hides("Register a resource")
	looker.browser.open(one("", "bill", "7")).shows(http.StatusForbidden)
	looker.browser.open(one("/delete", "bill", "7")).shows(http.StatusForbidden)
}
