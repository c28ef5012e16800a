package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// administer signs somebody in who holds a role, and opens a page of the administration.
func (s *shop) administer(t *testing.T, role, path string) *page {
	t.Helper()
	name, secret := "with-"+role, "a password of "+role
	s.signetWithInput(s.secret(secret)+"\n", "user", "create", name, "--password-stdin")
	s.signet("assign", role, "--user", name)
	p := newBrowser(t, s.server).open(s.url + path)
	return p.submit("username", name, "password", secret)
}

// shows fails unless a page answers with a status and has all of these.
func (p *page) shows(status int, fragments ...string) *page {
	t := p.browser.t
	t.Helper()
	if p.status != status {
		t.Errorf("%s answers %d, want %d", p.url.Path, p.status, status)
	}
	for _, fragment := range fragments {
		if !strings.Contains(p.text, fragment) {
			t.Errorf("%s does not show %q:\n%s", p.url.Path, fragment, p.text)
		}
	}
	return p
}

func TestARoleIsManagedInTheBrowser(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		p := s.administer(t, "administrator", "/admin/roles")
		if p.shows(http.StatusOK, "clerk", "New role"); p.url.Path != "/admin/roles" {
			t.Errorf("the sign-in leads to %s", p.url.Path)
		}
		b := p.browser
		name := `Shop / manager <script>alert(1)</script> é`
		form := b.open(s.url + "/admin/new/role").shows(http.StatusOK)
		form.submit("name", "", "description", "x").shows(http.StatusUnprocessableEntity, `Invalid role name ""`)
		form.submit("name", name, "permissions", "orders:read").shows(http.StatusUnprocessableEntity, "API#permission")
		form.submit("name", name, "permissions", ordersAPI+"#none").shows(http.StatusUnprocessableEntity, "none")
		made := form.submit("name", name, "description", "Runs it", "permissions", ordersAPI+"#orders:read\r\n").
			shows(http.StatusOK, "The role was created.", "Runs it", "Shop / manager <script>alert(1)</script> é")
		edit := b.open(made.url.Scheme + "://" + made.url.Host + made.url.EscapedPath() + "/edit").shows(http.StatusOK)
		if got := edit.form.fields.Get("permissions"); got != ordersAPI+"#orders:read" {
			t.Errorf("the form holds the permissions %q", got)
		}
		s.signet("role", "update", name, "--description", "Changed meanwhile")
		again := edit.submit("description", "Mine").shows(http.StatusConflict, "Runs it", "Changed meanwhile", "changed by somebody else")
		if got := again.form.fields.Get("description"); got != "Mine" {
			t.Errorf("the form that is shown again holds %q", got)
		}
		again.submit("description", "Mine").shows(http.StatusOK, "The role was saved.", "Mine")
		edit.submit("description", "Old").shows(http.StatusConflict)
		untouched := b.open(made.url.Scheme + "://" + made.url.Host + made.url.EscapedPath() + "/edit")
		s.signet("role", "update", name, "--description", "By another")
		kept := untouched.submit("permissions", "").shows(http.StatusConflict, "you left it as it was")
		if got := kept.form.fields; got.Get("description") != "By another" || got.Get("permissions") != "" {
			t.Errorf("what the visitor left as it was, and what was changed, is %v", got)
		}
		kept.submit("description", "Mine")

		if found := b.open(s.url+"/admin/search?q=SHOP+%2F").shows(http.StatusOK, "Mine"); found.url.Path != made.url.Path {
			t.Errorf("the search leads to %s", found.url.Path)
		}
		b.open(s.url+"/admin/roles?search=sho&size=100").shows(http.StatusOK, "Mine")
		b.open(s.url+"/admin/roles?cursor=forged").shows(http.StatusOK, "clerk")
		drop := b.open(made.url.Scheme + "://" + made.url.Host + made.url.EscapedPath() + "/delete")
		drop.submit("name", "another").shows(http.StatusUnprocessableEntity, "This is not the name.")
		drop.submit("name", name).shows(http.StatusOK, "The role was deleted.")
		drop.submit("name", name).shows(http.StatusNotFound)
		edit.submit("description", "Mine").shows(http.StatusNotFound)
	})
}

// A pasted token is a secret: it is in no address, and so in no log of a proxy or history of a browser.
func TestWhatIsPastedLeadsToItsPage(t *testing.T) {
	s := openShop(t, newSQLiteDatabase(t))
	token := s.reportingToken(t)
	jti, _ := claims(t, token)["jti"].(string)
	kid := signetJSON[[]struct{ KID string }](s.installation, "key", "list")[0].KID
	home := s.administer(t, "administrator", "/admin/").shows(http.StatusOK, "Overview")
	csrf := home.browser.open(s.url + "/admin/new/group").form.fields.Get("csrf")
	paste := func(text string) *page {
		home.form = &form{action: "/admin/search", fields: url.Values{"csrf": {csrf}, "q": {text}}}
		return home.submit()
	}
	for text, path := range map[string]string{
		token + "\n": "/admin/tokens/" + jti, jti: "/admin/tokens/" + jti, kid: "/admin/keys/" + kid,
		"reporting": "/admin/clients/reporting", "a.b.c": "/admin/search", strings.Repeat("é", 5000): "/admin/search", "\x00\xff": "/admin/search",
	} {
		if p := paste(text); p.url.Path != path || p.status != http.StatusOK || strings.Contains(p.url.String(), token) {
			t.Errorf("%.40q leads to %s (%d), want %s", text, p.url, p.status, path)
		}
	}
	keys, _ := decryptionKeys(t)
	s.signet("api", "update", ordersAPI, "--encryption-jwks-file", keySetFile(t, keys...))
	if p := paste(s.reportingToken(t)); !strings.HasPrefix(p.url.Path, "/admin/tokens/") || p.status != http.StatusOK {
		t.Errorf("an encrypted token leads to %s (%d)", p.url, p.status)
	}
	home.browser.open(s.url+"/admin/users?search="+strings.Repeat("x", 300)).shows(http.StatusUnprocessableEntity, "200 bytes")
}

func TestPagesShowWhatTheVisitorsRolesAllow(t *testing.T) {
	s := openShop(t, newSQLiteDatabase(t))
	const admin = "urn:signet:admin#"
	s.signet("role", "create", "reader", "--grant", admin+"roles:read")
	p := s.administer(t, "reader", "/admin/roles").shows(http.StatusOK, "clerk")
	if strings.Contains(p.text, "New role") || strings.Contains(p.browser.open(s.url+"/admin/roles/clerk").text, "/edit") {
		t.Error("a reader is offered what is refused")
	}
	for _, path := range []string{"/admin/new/role", "/admin/roles/clerk/edit", "/admin/roles/clerk/delete"} {
		p.browser.open(s.url+path).shows(http.StatusForbidden, "Not allowed")
	}
	for _, path := range []string{"/admin/", "/admin/nothing", "/admin/roles/none", "/admin/roles/%00", "/admin/roles/%ff"} {
		if status := p.browser.open(s.url + path).status; status != http.StatusOK && status != http.StatusNotFound {
			t.Errorf("%s answers %d", path, status)
		}
	}
	s.administer(t, "clerk", "/admin/").shows(http.StatusForbidden, "Not allowed")
	s.signet("assignment", "list", "--role", "reader")
	s.signet("unassign", "reader", "--user", "with-reader")
	p.browser.open(s.url + "/admin/roles").shows(http.StatusForbidden)
}

func TestPeopleAreManagedInTheBrowser(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		b := s.administer(t, "administrator", "/admin/users").shows(http.StatusOK, alice, "Alice Example").browser
		form := b.open(s.url + "/admin/new/user")
		form.submit("username", "BAD NAME").shows(http.StatusUnprocessableEntity, "Invalid username")
		form.submit("username", "bob", "attributes", "none=1").shows(http.StatusUnprocessableEntity, "none")
		form.submit("username", alice).shows(http.StatusUnprocessableEntity, "exists")
		const name = "Bob <b>bold</b> \u05e9\u05dcevil 🎉"
		form.submit("username", "bob", "link_wanted", "", "name", name, "attributes", "nickname=Bo\r\naddress.formatted=Main St 1\\nBern").
			shows(http.StatusOK, "The user was added.", name, "Main St 1 Bern", "No role is assigned.")
		edit := b.open(s.url + "/admin/users/bob/edit")
		if got := edit.form.fields.Get("attributes"); got != "address.formatted=Main St 1\\nBern\nnickname=Bo" {
			t.Errorf("the form holds the attributes %q", got)
		}
		edit.submit("email", "bob@people.example", "email_verified", "yes", "attributes", "").shows(http.StatusOK, "The user was saved.", "bob@people.example")
		if user := s.signet("user", "show", "bob", "-o", "json"); !strings.Contains(user, `"email_verified": true`) || strings.Contains(user, "nickname") {
			t.Errorf("the user is %s", user)
		}

		b.open(s.url+"/admin/new/group").submit("name", "night shift", "description", "At night").shows(http.StatusOK, "The group was created.")
		group := s.url + "/admin/groups/night%20shift"
		b.open(group).submit("user", "nobody").shows(http.StatusUnprocessableEntity, "This was not done")
		b.open(group).submit("user", "bob").shows(http.StatusOK, "The user is in the group now.", "bob")
		if members := s.signet("group", "show", "night shift"); !strings.Contains(members, "bob") {
			t.Errorf("the group is %s", members)
		}
		b.open(s.url+"/admin/groups?user=bob").shows(http.StatusOK, "night shift", "Clear the filters").hides("ops-team")
		b.open(s.url+"/admin/groups?user=nobody").shows(http.StatusOK, "There is nothing that the filters choose.")
		removed := b.open(group).submit().shows(http.StatusOK, "The user is no longer in the group.") // the first form removes
		s.signet("group", "add", "night shift", alice)                                                // is another's change, of another member
		removed.undo().shows(http.StatusOK, "It was undone.", "bob")
		removed = b.open(group)
		removed.form = removed.forms[1] // of bob
		removed = removed.submit().shows(http.StatusOK, "The user is no longer in the group.")
		s.signet("group", "add", "night shift", "bob")
		s.signet("group", "remove", "night shift", "bob")
		removed.undo().shows(http.StatusUnprocessableEntity, "Somebody else changed this since")
		b.open(group+"/delete").submit("name", "night shift").shows(http.StatusOK, "The group was deleted.")

		bob := b.open(s.url + "/admin/users/bob")
		bob.form = bob.formTo("/admin/assignments")
		bob.submit("role", "clerk", "until", "soon").shows(http.StatusUnprocessableEntity, "2027-01-31")
		bob.submit("role", "none").shows(http.StatusUnprocessableEntity, "This was not done")
		bob = bob.submit("role", "clerk", "until", "2100-01-31").shows(http.StatusOK, "The role was assigned.", "clerk", "Take away")
		bob.form = bob.formTo("/admin/assignments/remove")
		bob.submit().shows(http.StatusOK, "Nothing is changed yet.", "orders:read").submit("act", "save").
			shows(http.StatusOK, "The role was taken away.", "No role is assigned.")

		disabled := b.open(s.url+"/admin/users/bob/disable").submit().shows(http.StatusOK, "The user was disabled.", "disabled")
		b.open(s.url+"/admin/users?state=disabled").shows(http.StatusOK, "bob").hides(alice)
		for _, list := range []string{"audit", "sessions", "users/" + alice + "/grants"} {
			b.open(s.url+"/admin/"+list+"?search=zz").shows(http.StatusOK, "Name begins with", "Clear the filters")
		}
		if refused := b.open(s.url + "/admin/users?cursor=forged&search=a&state=enabled"); refused.url.RawQuery != "search=a&state=enabled" {
			t.Errorf("a cursor that is refused leads to %s", refused.url)
		}
		b.open(s.url+"/admin/users?state=enabled&search=a").shows(http.StatusOK, alice).hides("bob@")
		s.signet("user", "update", "bob", "--name", "Robert")
		disabled.undo().shows(http.StatusUnprocessableEntity, "Somebody else changed this since")
		b.open(s.url+"/admin/users/bob").submit().shows(http.StatusOK, "The user was enabled.") // the first form enables
		b.open(s.url+"/admin/users/bob/delete").submit("name", "bob").shows(http.StatusOK, "The user was deleted.")
		b.open(s.url + "/admin/users/bob").shows(http.StatusNotFound)
		attribute := b.open(s.url + "/admin/new/attribute")
		attribute.submit("name", "no name").shows(http.StatusUnprocessableEntity, "no name")
		attribute.submit("name", "given_name").shows(http.StatusUnprocessableEntity, "exists")
		attribute.submit("name", "badge", "type", "number", "description", "Of the door").shows(http.StatusOK, "The attribute was defined.", "Of the door", "number")
		b.open(s.url+"/admin/attributes/badge/edit").submit("description", "Of the gate").shows(http.StatusOK, "The attribute was saved.", "Of the gate")
		b.open(s.url+"/admin/attributes/badge/delete").submit("name", "badge").shows(http.StatusOK, "The attribute was deleted.")
		if p := b.open(s.url+"/admin/attributes/given_name").shows(http.StatusOK, "Given names"); strings.Contains(p.text, "Delete") {
			t.Error("an attribute that is built in is offered to be deleted")
		}
		own := b.open(s.url + "/admin/users/with-administrator/delete")
		own.submit("name", "with-administrator").shows(http.StatusUnprocessableEntity, "last administrator")
	})
}

// undo presses the button of what the page says was done.
func (p *page) undo() *page {
	p.browser.t.Helper()
	p.form = p.formTo("/admin/undo")
	return p.submit()
}

// hides fails if the page shows a text.
func (p *page) hides(text string) *page {
	p.browser.t.Helper()
	if strings.Contains(p.text, text) {
		p.browser.t.Errorf("%s shows %q", p.url, text)
	}
	return p
}

func TestAnAPIIsManagedInTheBrowser(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		b := s.administer(t, "administrator", "/admin/apis").shows(http.StatusOK, ordersAPI, "New API").browser
		const audience = "https://stock.example/v1"
		form := b.open(s.url + "/admin/new/api")
		wrong := form.submit("audience", "no url at all", "permissions", "stock:read", "access_token_ttl", "soon")
		wrong.shows(http.StatusUnprocessableEntity, `Invalid access token lifetime "soon": write it as`)
		wrong = form.submit("audience", "no url at all", "permissions", "stock:read").shows(http.StatusUnprocessableEntity, `Invalid audience "no url at all"`)
		if got := wrong.wrong("audience"); !strings.Contains(got, "use a URL") {
			t.Errorf("beside the audience is %q", got)
		}
		wrong = form.submit("audience", audience, "permissions", `stock:"read"`)
		if got := wrong.wrong("permissions"); !strings.Contains(got, "printable ASCII") {
			t.Errorf("beside the permissions is %q", got)
		}
		wrong = form.submit("audience", ordersAPI)
		if got := wrong.wrong("audience"); !strings.Contains(got, "already exists") {
			t.Errorf("beside the audience is %q", got)
		}
		wrong = form.submit("audience", audience, "encryption_jwks", `{"keys":[{"kty":"EC","crv":"P-256","d":"AA"}]}`)
		if got := wrong.wrong("encryption_jwks"); !strings.Contains(got, "it is a private key") {
			t.Errorf("beside the keys is %q", got)
		}
		wrong = form.submit("audience", audience, "encryption_jwks_uri", "https://stock.example/keys", "encrypted_claims", "roles\r\nexp")
		if got := wrong.wrong("encrypted_claims"); !strings.Contains(got, "use roles, groups") {
			t.Errorf("beside the claims is %q", got)
		}
		made := form.submit("audience", audience, "name", "Stock <b>", "encryption_jwks_uri", "https://stock.example/keys", "encrypted_claims", "roles", "permissions", "stock:read See what is there\r\nstock:write\r\n",
			"signing_alg", "RS256", "access_token_ttl", "90m", "memberships", "none", "group_names", "slash-name", "no_userinfo", "yes").
			shows(http.StatusOK, "The API was registered.", "Stock <b>", "stock:read", "See what is there", "RS256", "1h30m", "/sales", "do not open", "https://stock.example/keys")
		page := made.url.Scheme + "://" + made.url.Host + made.url.EscapedPath()
		edit := b.open(page + "/edit")
		for name, want := range map[string]string{
			"permissions": "stock:read See what is there\nstock:write", "signing_alg": "RS256", "access_token_ttl": "1h30m", "memberships": "none",
			"group_names": "slash-name", "no_userinfo": "yes", "name": "Stock <b>", "encryption_jwks_uri": "https://stock.example/keys", "encrypted_claims": "roles",
		} {
			if got := edit.form.fields.Get(name); got != want {
				t.Errorf("the form holds %s %q, want %q", name, got, want)
			}
		}
		s.signet("api", "update", audience, "--name", "Meanwhile")
		edit.submit("name", "Mine").shows(http.StatusConflict, "Meanwhile").
			submit("name", "Mine", "access_token_ttl", "", "permissions", "stock:read").shows(http.StatusOK, "The API was saved.", "Mine", "the server’s default")
		if shown := s.signet("api", "show", audience, "-o", "json"); strings.Contains(shown, "stock:write") || !strings.Contains(shown, `"memberships": "none"`) {
			t.Errorf("the API is %s", shown)
		}
		if found := b.open(s.url + "/admin/search?q=https://stock"); found.url.Path != made.url.Path {
			t.Errorf("the search leads to %s", found.url.Path)
		}
		s.signet("role", "create", "stocker", "--grant", audience+"#stock:read")
		asked := b.open(page+"/edit").submit("permissions", "stock:count").shows(http.StatusUnprocessableEntity, "Role stocker loses stock:read.", "They may lose it")
		if shown := s.signet("role", "show", "stocker"); !strings.Contains(shown, "stock:read") {
			t.Errorf("the role is %s", shown)
		}
		asked.submit("lose", "yes").shows(http.StatusOK, "The API was saved.", "stock:count")
		if shown := s.signet("role", "show", "stocker"); strings.Contains(shown, "stock:read") {
			t.Errorf("the role is %s", shown)
		}
		b.open(page+"/edit").submit("permissions", "").shows(http.StatusOK, "The API was saved.") // nobody loses anything
		b.open(s.url+"/admin/apis/"+url.PathEscape(ordersAPI)+"/delete").shows(http.StatusOK, "Roles that give permissions of it: clerk", "Clients that may use it or serve it: ")
		b.open(page+"/delete").shows(http.StatusOK).hides("Roles that give").hides("Clients that may").submit("name", audience).shows(http.StatusOK, "The API was deleted.")
		b.open(page).shows(http.StatusNotFound)
		b.open(s.url+"/admin/apis/urn:signet:admin/delete").submit("name", "urn:signet:admin").shows(http.StatusUnprocessableEntity, "built in")
	})
}
