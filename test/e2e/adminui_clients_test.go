package e2e

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/store/pgtest"
)

func TestWhoMakesASecretOrALinkHasSignedInLately(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	s := openShop(t, database)
	const reporting = "/admin/clients/reporting"
	b := s.administer(t, "administrator", reporting).browser
	again := func(p *page) *page {
		t.Helper()
		return p.shows(http.StatusOK, "Password").submit("username", "with-administrator", "password", "a password of administrator")
	}
	for _, path := range []string{"/admin/new/user", "/admin/new/client/service", "/admin/new/invitation"} {
		b.open(s.url + path).shows(http.StatusOK).hides("Password")
		pgtest.Exec(t, database, `UPDATE sessions SET auth_time = auth_time - 3600 * 1000000::bigint`)
		again(b.open(s.url + path)).hides("Password")
	}
	client := b.open(s.url + reporting)
	client.form = client.formTo(reporting + "/secrets")
	pgtest.Exec(t, database, `UPDATE sessions SET auth_time = auth_time - 3600 * 1000000::bigint`)
	again(client.submit()).shows(http.StatusOK, "reporting")
	if n := len(signetJSON[struct{ Secrets []any }](s.installation, "client", "show", "reporting").Secrets); n != 1 {
		t.Errorf("%d secrets", n)
	}
}

func TestWhoGivesAdministrativePermissionsHasSignedInLately(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	s := openShop(t, database)
	s.signet("group", "create", "ops")
	s.signet("assign", "auditor", "--group", "ops")
	s.signet("group", "create", "packers")
	b := s.administer(t, "administrator", "/admin/").browser
	old := func() { pgtest.Exec(t, database, `UPDATE sessions SET auth_time = auth_time - 3600 * 1000000::bigint`) }
	old()
	form := func(path, action string) *page {
		t.Helper()
		p := b.open(s.url + path).shows(http.StatusOK)
		p.form = p.formTo(action)
		return p
	}
	// again signs in where p asks for it, which leads back to a path.
	again := func(p *page, path string) *page {
		t.Helper()
		if p.url.Path != "/login" {
			t.Fatalf("no sign-in is asked for, but (%d) %s:\n%s", p.status, p.url, p.text)
		}
		p = p.submit("username", "with-administrator", "password", "a password of administrator").shows(http.StatusOK, "You have signed in again")
		if p.url.Path != path {
			t.Fatalf("it leads back to %s", p.url)
		}
		return p
	}

	user := form("/admin/users/alice", "/admin/assignments")
	user.submit("role", "clerk").shows(http.StatusOK, "The role was assigned.")
	asked := user.submit("role", "auditor", "until", "2099-01-01")
	if held := s.signet("assignment", "list", "--user", alice); strings.Contains(held, "auditor") {
		t.Errorf("the role is assigned before the sign-in:\n%s", held)
	}
	late := again(asked, "/admin/assignments").shows(http.StatusOK, "Assign auditor to alice until 2099-01-01?")
	old()
	again(late.submit(), "/admin/assignments").submit().shows(http.StatusOK, "The role was assigned.")
	if held := s.signet("assignment", "list", "--user", alice); !strings.Contains(held, "auditor") || !strings.Contains(held, "2099-01-01") {
		t.Errorf("assigned is\n%s", held)
	}

	old()
	form("/admin/groups/packers", "/admin/groups/packers/members").submit("user", alice).shows(http.StatusOK, "The user is in the group now.")
	asked = form("/admin/groups/ops", "/admin/groups/ops/members").submit("user", alice)
	again(asked, "/admin/groups/ops/members").shows(http.StatusOK, "Add alice to ops?").submit().shows(http.StatusOK, "The user is in the group now.")
	b.open(s.url+"/admin/groups/ops/members").shows(http.StatusOK, "auditor")

	old()
	const given = "urn:signet:admin#users:read\n" + ordersAPI + "#orders:read"
	b.open(s.url+"/admin/new/role").submit("name", "packer", "permissions", ordersAPI+"#orders:read").shows(http.StatusOK, "The role was created.")
	filled := again(b.open(s.url+"/admin/new/role").submit("name", "helper", "description", "Looks <up> people", "permissions", given), "/admin/new/role")
	for name, want := range map[string]string{"name": "helper", "description": "Looks <up> people", "permissions": given} {
		if got := filled.form.fields.Get(name); got != want {
			t.Errorf("the form holds %s %q, want %q", name, got, want)
		}
	}
	filled.submit().shows(http.StatusOK, "The role was created.", "users:read")
	old()
	long := "urn:signet:admin#users:read" // more than an address can hold
	for range 800 {
		long += "\n" + ordersAPI + "#" + rand.Text()
	}
	kept := b.open(s.url+"/admin/new/role").submit("name", "long", "permissions", long).shows(http.StatusUnprocessableEntity, "too long to be kept")
	if got := kept.form.fields.Get("permissions"); got != long {
		t.Errorf("of %d bytes that were typed %d are left", len(long), len(got))
	}

	old()
	b.open(s.url+"/admin/roles/helper/edit").submit("description", "Of no <account>").shows(http.StatusOK, "The role was saved")
	edit := again(b.open(s.url+"/admin/roles/helper/edit").submit("permissions", given+"\nurn:signet:admin#users:write"), "/admin/roles/helper/edit")
	edit.submit().shows(http.StatusOK, "The role was saved", "users:write")

	old()
	client := "/admin/clients/reporting/edit"
	apis := b.open(s.url + client).form.fields.Get("apis")
	b.open(s.url+client).submit("name", "Reports").shows(http.StatusOK, "The client was saved")
	grown := again(b.open(s.url+client).submit("apis", apis+"\nurn:signet:admin#users:read"), client)
	other := newBrowser(t, s.server)
	other.open(s.url+"/admin/").submit("username", "with-administrator", "password", "a password of administrator").shows(http.StatusOK)
	if got := other.open(grown.url.String()).form.fields.Get("apis"); got != apis {
		t.Errorf("another browser sees what was typed: %q", got)
	}
	grown.submit().shows(http.StatusOK, "The client was saved", "urn:signet:admin")

	for path, command := range map[string]string{"/admin/users/alice": "user", "/admin/clients/reporting": "client", "/admin/clients/web": "client"} {
		_, name, _ := strings.Cut(strings.TrimPrefix(path, "/admin/"), "/")
		s.signet(command, "disable", name)
		old()
		p := form(path, path+"/enable").submit()
		if name != "web" {
			p = again(p, path+"/enable").shows(http.StatusOK, "Enable "+name+"?").submit()
		}
		p.shows(http.StatusOK, "enabled")
		if shown := s.signet(command, "show", name); strings.Contains(shown, "disabled_at") {
			t.Errorf("%s is not enabled:\n%s", name, shown)
		}
	}

	old()
	asked = form("/admin/groups/ops", "/admin/groups/ops/members").submit("user", "with-administrator")
	s.signetWithInput(s.secret("a password of somebody")+"\n", "user", "create", "somebody", "--password-stdin")
	s.signet("assign", "administrator", "--user", "somebody")
	p := asked.submit("username", "somebody", "password", "a password of somebody").shows(http.StatusOK, "auditor")
	if strings.Contains(p.text, "Add with-administrator to ops?") {
		t.Errorf("somebody else is asked to do what was typed before they signed in:\n%s", p.text)
	}
	b.open(s.url+"/admin/assignments?flow=none").shows(http.StatusOK, "Overview")
}

func TestAClientIsManagedInTheBrowser(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		b := s.administer(t, "administrator", "/admin/clients").shows(http.StatusOK, "reporting", "Web application", "New client").browser
		s.signet("client", "create", "wiki", "--grant", "authorization_code", "--grant", "refresh_token", "--redirect-uri", "https://wiki.example/cb",
			"--api", ordersAPI+"#orders:read", "--default-api", ordersAPI, "--claim", `team=groups.filter(g, g.startsWith("team-"))`)
		wiki := s.url + "/admin/clients/wiki"
		b.open(wiki).shows(http.StatusOK, "https://wiki.example/cb", "orders:read", "People are asked for consent", "startsWith", "as long as the server says", "No role is assigned.")

		edit := b.open(wiki + "/edit")
		for name, want := range map[string]string{
			"apis": ordersAPI + "#orders:read", "default_api": ordersAPI, "redirect_uris": "https://wiki.example/cb",
			"claims": `team=groups.filter(g, g.startsWith("team-"))`, "id_token_alg": "RS256",
		} {
			if got := edit.form.fields.Get(name); got != want {
				t.Errorf("the form holds %s %q, want %q", name, got, want)
			}
		}
		for field, values := range map[string][]string{
			"redirect_uris": {"redirect_uris", "https://wiki.example/cb#x"}, "apis": {"apis", "https://none.example", "default_api", ""}, "default_api": {"default_api", "x"},
			"refresh_overlap": {"refresh_overlap", "6m"}, "claims": {"claims", "team=groups.("}, "jwks": {"jwks", "{}"}, "grants": {"grants", "none"},
			"backchannel_logout_uri": {"backchannel_logout_uri", "ftp://x"}, "name": {"name", strings.Repeat("x", 201)}, "serves": {"serves", "a\nb\na"},
		} {
			if wrong := edit.submit(values...); wrong.wrong(field) == "" || wrong.status != http.StatusUnprocessableEntity {
				t.Errorf("nothing (%d) is said beside %s: %s", wrong.status, field, wrong.text)
			}
		}
		s.signet("client", "update", "wiki", "--name", "Meanwhile")
		const name, claims = "Wiki <script>alert(1)</script>", "team=groups.filter(g,\n  g.startsWith(\"t\"))\nkind=\"a\""
		edit.submit("name", "x").shows(http.StatusConflict, "Meanwhile").
			submit("name", name, "redirect_uris", "https://wiki.example/a\r\nhttps://wiki.example/b", "apis", ordersAPI, "default_api", "", "refresh_overlap", "0s",
				"require_pkce", "yes", "first_party", "yes", "id_token_alg", "ES256", "group_names", "slash-name", "claims", claims,
				"session_refresh_tokens", "yes", "revoke_on_session_end", "yes", "backchannel_logout_uri", "https://wiki.example/out", "serves_userinfo", "yes").
			shows(http.StatusOK, "The client was saved.", name, "All permissions, later ones too", "People are not asked", "/sales")
		var saved struct {
			RedirectURIs []string                             `json:"redirect_uris"`
			PKCE         bool                                 `json:"require_pkce"`
			FirstParty   bool                                 `json:"first_party"`
			Overlap      *int                                 `json:"refresh_overlap"`
			Claims       []struct{ Claim, Expression string } `json:"claim_mappings"`
			APIs         []struct {
				Permissions []string
				Default     bool
			}
		}
		shown := s.signet("client", "show", "wiki", "-o", "json")
		check(t, json.Unmarshal([]byte(shown), &saved))
		if len(saved.RedirectURIs) != 2 || !saved.PKCE || !saved.FirstParty || saved.Overlap == nil || *saved.Overlap != 0 || saved.APIs[0].Default ||
			len(saved.APIs[0].Permissions) != 0 || saved.Claims[0].Expression != "groups.filter(g,\ng.startsWith(\"t\"))" || len(saved.Claims) != 2 {
			t.Errorf("the client is %s", shown)
		}
		if got := b.open(wiki + "/edit").form.fields.Get("claims"); got != claims {
			t.Errorf("the form holds the claims %q", got)
		}

		p := b.open(wiki)
		p.form = p.formTo("/admin/clients/wiki/secrets")
		p.submit("until", "2001-01-31").shows(http.StatusUnprocessableEntity, "still to come")
		end := time.Now().AddDate(50, 1, 0).Format(time.DateOnly)
		added := p.submit("until", end).shows(http.StatusOK, "it is not shown again")
		secret := s.secret(added.codes["client_secret"])
		if !strings.HasPrefix(secret, "signet_cs_") || strings.Contains(added.url.String(), secret) {
			t.Errorf("the secret is %q at %s", secret, added.url)
		}
		if a := s.post("/oauth2/introspect", client{ID: "wiki", Secret: secret}, nil); a.status == http.StatusUnauthorized {
			t.Errorf("the new secret is refused: %s", a.body)
		}
		p.submit("until", end).shows(http.StatusUnprocessableEntity, "sent before")
		again := b.open(added.url.String()).shows(http.StatusOK, "…"+secret[len(secret)-4:], "in 50 years")
		if strings.Contains(again.text, secret) {
			t.Error("the secret is shown once more")
		}
		secrets := signetJSON[struct{ Secrets []struct{ ID int } }](s.installation, "client", "show", "wiki").Secrets
		b.open(wiki + "/secrets/0/remove").shows(http.StatusNotFound)
		b.open(wiki+"/secrets/"+strconv.Itoa(secrets[0].ID)+"/remove").submit().shows(http.StatusOK, "The secret was removed.")

		s.signet("client", "trust", "add", "wiki", "--issuer", "https://ci.example", "--subject", "repo:octo-org/wiki:ref:refs/heads/main")
		trust := signetJSON[struct{ Trusts []struct{ ID int } }](s.installation, "client", "show", "wiki").Trusts[0]
		b.open(wiki).shows(http.StatusOK, "https://ci.example", "repo:octo-org", "It has a secret, too")
		b.open(s.url+"/admin/clients").shows(http.StatusOK, "see its warning")
		b.open(wiki+"/trusts/"+strconv.Itoa(trust.ID)+"/remove").submit().shows(http.StatusOK, "The issuer is no longer trusted.")

		b.open(wiki+"/disable").submit().shows(http.StatusOK, "The client was disabled.", "disabled")
		b.open(wiki).submit().shows(http.StatusOK, "The client was enabled.") // the first form enables
		drop := b.open(wiki + "/delete")
		drop.submit("name", "x").shows(http.StatusUnprocessableEntity, "This is not the name.")
		drop.submit("name", "wiki").shows(http.StatusOK, "The client was deleted.")
		b.open(wiki).shows(http.StatusNotFound)
		if found := b.open(s.url + "/admin/search?q=reporting"); found.url.Path != "/admin/clients/reporting" {
			t.Errorf("the search leads to %s", found.url.Path)
		}
		invite := b.open(s.url+"/admin/new/invitation").shows(http.StatusOK, "New invitation")
		if got := invite.submit("max_uses", "many").wrong("max_uses"); !strings.Contains(got, "give it as 5") {
			t.Errorf("beside the number is %q", got)
		}
		invite.submit("max_uses", "0").shows(http.StatusUnprocessableEntity)
		made := invite.submit("note", "Editors <b>", "max_uses", "2").shows(http.StatusOK, "it is not shown again")
		s.secret(made.codes["Token"])
		b.open(s.url+"/admin/invitations?search=edit").shows(http.StatusOK, "Editors <b>", "0 of 2").hides(made.codes["Token"])
		b.open(s.url+"/admin/invitations?search=x").shows(http.StatusOK, "Nothing begins so.")
		id := signetJSON[[]struct{ ID int }](s.installation, "invitation", "list")[0].ID
		b.open(s.url+"/admin/invitations/"+strconv.Itoa(id)+"/delete").submit().shows(http.StatusOK, "The invitation was taken back.").hides("Editors")
		b.open(s.url + "/admin/clients?origin=metadata").hides("reporting")
		b.open(s.url+"/admin/clients?state=enabled&api="+url.QueryEscape(ordersAPI)).shows(http.StatusOK, "reporting")
		b.open(s.url + "/admin/clients?state=disabled").hides("reporting")
		b.open(s.url+"/admin/roles?api="+url.QueryEscape(ordersAPI)).shows(http.StatusOK, "clerk").hides("auditor")
	})
}

// makeClient makes a client in the browser, and returns the page with its secret.
func (s *shop) makeClient(b *browser, kind string, values ...string) *page {
	s.t.Helper()
	p := b.open(s.url+"/admin/new/client/"+kind).submit(values...).shows(http.StatusOK, "is registered")
	s.secret(p.codes["client_secret"])
	return p
}

// run runs code of a page with the secret that the page shows, and returns what it prints.
func (p *page) run(title string) string {
	p.browser.t.Helper()
	return p.start(title).end()
}

// start is run of code that somebody talks with.
func (p *page) start(title string) *script {
	p.browser.t.Helper()
	return startScript(p.browser.t, p.command(title))
}

func (p *page) command(title string) *exec.Cmd {
	t := p.browser.t
	t.Helper()
	code, ok := p.codes[title]
	if !ok {
		t.Fatalf("the page has no code %q", title)
	}
	var argv []string
	switch {
	case strings.HasPrefix(title, "curl"):
		needs(t, "/usr/bin/openssl")
		argv = []string{"bash", "-ec", code}
	case strings.HasPrefix(title, "openid-client"):
		node := "./node_modules/.bin/node"
		needs(t, filepath.Join(interopDir, node))
		argv = []string{node, "--input-type=module", "-e", code}
	default:
		file := filepath.Join(t.TempDir(), "main.go")
		check(t, os.WriteFile(file, []byte(code), 0o600))
		argv = []string{build(t, interopDir, file)}
	}
	cmd := exec.CommandContext(t.Context(), argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = interopDir, append(os.Environ(), "CLIENT_SECRET="+p.codes["client_secret"])
	return cmd
}

func TestAServiceIsRegisteredByWhatItIsAndItsCodeWorks(t *testing.T) {
	s := openShop(t, newSQLiteDatabase(t))
	b := s.administer(t, "administrator", "/admin/new/client").shows(http.StatusOK, "Single-page application", "Resource server").browser
	b.open(s.url + "/admin/new/client/none").shows(http.StatusNotFound)
	form := b.open(s.url + "/admin/new/client/service")
	form.submit("client_id", "", "apis", ordersAPI).shows(http.StatusUnprocessableEntity, `Invalid client_id ""`)
	if got := form.submit("client_id", "night", "apis", "https://none.example").wrong("apis"); !strings.Contains(got, "create it first") {
		t.Errorf("beside the APIs is %q", got)
	}
	const name = `night 'job" $HOME` // a hostile one
	p := s.makeClient(b, "service", "client_id", name, "apis", ordersAPI+"#orders:read")
	if p.url.RawQuery != "" || p.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the secret is at %s, with Cache-Control %s", p.url, p.header.Get("Cache-Control"))
	}
	form.submit("client_id", name, "apis", ordersAPI).shows(http.StatusUnprocessableEntity, "already exists")
	if text := b.open(p.url.String()).text; strings.Contains(text, p.codes["client_secret"]) {
		t.Error("the secret is shown once more")
	}
	s.signet("assign", "clerk", "--client", name)
	for _, library := range []string{"curl", "openid-client", "golang.org/x/oauth2"} {
		token := strings.TrimSpace(p.run(library + " gets a token for the client itself"))
		if library == "curl" {
			var answer tokens
			check(t, json.Unmarshal([]byte(token), &answer))
			token = answer.Access
		}
		if got := claims(t, s.secret(token)); got["client_id"] != name || got["scope"] != "orders:read" {
			t.Errorf("%s gets a token with %v", library, got)
		}
	}
	if spring := p.codes["Spring gets a token for the client itself"]; !strings.Contains(spring, `client-id: "night 'job\" $HOME"`) || !strings.Contains(spring, s.issuer) {
		t.Errorf("for Spring:\n%s", spring)
	}

	for _, key := range keysOfClients(t) {
		id := "by-" + key.kty
		s.signet("client", "create", id, "--grant", "client_credentials", "--api", ordersAPI, "--serves", ordersAPI, "--jwks-file", key.public)
		s.signet("assign", "clerk", "--client", id)
		t.Setenv("CLIENT_KEY", key.private)
		p := b.open(s.url+"/admin/clients/"+id+"/setup").shows(http.StatusOK, "CLIENT_KEY")
		for _, library := range []string{"curl", "openid-client", "golang.org/x/oauth2"} {
			if library == "curl" && key.kty == "OKP" || library == "golang.org/x/oauth2" && key.kty != "EC" { // which takes long to build
				continue
			}
			if got := p.run(library + " gets a token for the client itself"); !strings.Contains(got, "ey") {
				t.Errorf("%s gets with an %s key: %s", library, key.kty, got)
			}
		}
		t.Setenv("TOKEN", s.reportingToken(t))
		if got := p.run("openid-client asks whether a token is still good"); !strings.HasPrefix(got, "true reporting") {
			t.Errorf("openid-client prints %s", got)
		}
		if spring := p.codes["Spring, its key gets a token for the client itself"]; !strings.Contains(spring, "NimbusJwtClientAuthenticationParametersConverter") {
			t.Errorf("for Spring: %s", spring)
		}
	}

	service := s.makeClient(b, "resource", "client_id", "orders-2", "serves", ordersAPI)
	t.Setenv("TOKEN", s.reportingToken(t))
	if got := service.run("curl asks whether a token is still good"); !strings.Contains(got, `"active":true`) {
		t.Errorf("curl prints %s", got)
	}
	if got := service.run("openid-client asks whether a token is still good"); !strings.HasPrefix(got, "true reporting") {
		t.Errorf("openid-client prints %s", got)
	}
}

// clientKey is a key by which a client authenticates: files with its private part, as PEM, and with its public one, as a JWK set.
type clientKey struct{ kty, private, public string }

// keysOfClients are a key of each kind.
func keysOfClients(t *testing.T) (keys []clientKey) {
	t.Helper()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	check(t, err)
	_, okp, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	for _, key := range []crypto.Signer{ec, rsaKey, okp} {
		public, err := jwk.FromRaw(key.Public())
		check(t, err)
		check(t, public.Set(jwk.KeyIDKey, "k1"))
		set, err := json.Marshal(map[string]any{"keys": []any{public}})
		check(t, err)
		der, err := x509.MarshalPKCS8PrivateKey(key)
		check(t, err)
		k := clientKey{public.KeyType().String(), filepath.Join(t.TempDir(), "key.pem"), filepath.Join(t.TempDir(), "keys.json")}
		check(t, os.WriteFile(k.private, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
		check(t, os.WriteFile(k.public, set, 0o600))
		keys = append(keys, k)
	}
	return keys
}

func TestWhatAnApplicationHearsAndKnowsOfUsersIsSetOnItsPage(t *testing.T) {
	s := openShop(t, newSQLiteDatabase(t))
	s.signet("client", "create", "--client-id", "crm", "--grant", "authorization_code", "--redirect-uri", "https://crm.example/callback")
	b := s.administer(t, "administrator", "/admin/clients/crm/edit").browser
	edit := s.url + "/admin/clients/crm/edit"
	if got := b.open(edit).submit("frontchannel_logout_uri", "https://other.example/out").wrong("frontchannel_logout_uri"); !strings.Contains(got, "of a redirect URI") {
		t.Errorf("beside the front-channel logout URI is %q", got)
	}
	if got := b.open(edit).submit("sector_identifier", "https://crm.example").wrong("sector_identifier"); !strings.Contains(got, "use a host") {
		t.Errorf("beside the sector is %q", got)
	}
	b.open(edit).submit("frontchannel_logout_uri", "https://crm.example/out", "frontchannel_logout_session", "yes", "subject_type", "pairwise", "userinfo_alg", "ES256").
		shows(http.StatusOK, "https://crm.example/out", "Pairwise", "ES256")
	got := signetJSON[admin.Client](s.installation, "client", "show", "crm")
	if got.FrontchannelLogoutURI != "https://crm.example/out" || !got.FrontchannelLogoutSID || got.SubjectType != "pairwise" || got.SectorIdentifier != "crm.example" || got.UserinfoAlg != "ES256" {
		t.Errorf("the client is %+v", got)
	}
}

func TestAnApplicationIsRegisteredByWhatItIsAndItsCodeWorks(t *testing.T) {
	s := openShop(t, newSQLiteDatabase(t))
	b := s.administer(t, "administrator", "/admin/new/client").browser
	if got := b.open(s.url+"/admin/new/client/web").submit("client_id", "shop").wrong("redirect_uris"); !strings.Contains(got, "needs a redirect URI") {
		t.Errorf("beside the redirect URIs is %q", got)
	}
	web := s.makeClient(b, "web", "client_id", "shop", "redirect_uris", callback, "apis", ordersAPI, "first_party", "yes")
	made := signetJSON[struct {
		PKCE   bool     `json:"require_pkce"`
		Grants []string `json:"grant_types"`
		Method string   `json:"token_endpoint_auth_method"`
	}](s.installation, "client", "show", "shop")
	if !made.PKCE || strings.Join(made.Grants, " ") != "authorization_code refresh_token" || made.Method != "client_secret_basic" {
		t.Errorf("the web application is %+v", made)
	}
	if spring := web.codes["Spring signs a person in"]; !strings.Contains(spring, "withPkce()") {
		t.Errorf("for Spring:\n%s", spring)
	}
	spa := s.makeClient(b, "spa", "client_id", "spa", "redirect_uris", "https://app.example/", "apis", ordersAPI)
	device := s.makeClient(b, "native", "client_id", "tv", "device", "yes")
	native := s.makeClient(b, "native", "client_id", "cli", "redirect_uris", "http://127.0.0.1/callback\ncom.example.cli:/callback").
		shows(http.StatusOK, "Any program on a user's device can claim the scheme com.example.cli")
	for _, p := range []*page{spa, device, native} {
		if _, ok := p.codes["client_secret"]; ok {
			t.Errorf("%s has a secret", p.url)
		}
	}
	for id, kind := range map[string]string{"spa": "Single-page application", "tv": "Native or device application", "cli": "Native or device application"} {
		b.open(s.url+"/admin/clients?search="+id).shows(http.StatusOK, kind)
		b.open(s.url+"/admin/clients/"+id+"/setup").shows(http.StatusOK, "How to set up "+id, "signs a person in")
	}
	var televisions []*script
	for _, library := range []string{"curl", "openid-client"} {
		tv := device.start(library + " signs a person in on another device")
		_, code, ok := strings.Cut(tv.readLine(), " and type ")
		if !ok {
			t.Fatalf("%s prints no code", library)
		}
		newBrowser(t, s.server).enterCode(s.secret(code)).submit("decision", "allow").wantShown(t, 200, "/device/done")
		televisions = append(televisions, tv)
	}
	for _, p := range []*page{web, spa} {
		curl := p.start("curl signs a person in")
		back := newBrowser(t, s.server).open(curl.readLine()).signIn()
		curl.writeLine(s.secret(back.url.Query().Get("code")))
		s.wantTokens(t, curl.end())
	}
	s.wantTokens(t, televisions[0].end())
	if got := televisions[1].end(); !strings.Contains(got, "sub:") {
		t.Errorf("openid-client prints %s", got)
	}

	// Applications that listen at the redirect URI.
	for _, library := range []string{"openid-client", "golang.org/x/oauth2"} {
		port := freePort(s.installation)
		address := "http://localhost:" + port + "/callback"
		p := s.makeClient(b, "web", "client_id", "at-"+port, "redirect_uris", address)
		const title = " signs a person in"
		app := s.runUntilEnd(t, library, p.command(library+title), port)
		person := newBrowser(t, s.server)
		person.app = app.url
		if shown := person.open(address).signIn(); shown.status != http.StatusOK || !strings.Contains(shown.text, "usr_") {
			t.Errorf("%s shows %s", library, shown.text)
		}
	}
}

// wantTokens fails unless an answer has tokens of a sign-in, which must not be seen in a log from then on.
func (s *shop) wantTokens(t *testing.T, answer string) {
	t.Helper()
	var got tokens
	if err := json.Unmarshal([]byte(answer), &got); err != nil {
		t.Fatalf("%v: %s", err, answer)
	}
	for _, token := range []string{got.Access, got.Refresh, got.ID} {
		if s.secret(token) == "" {
			t.Errorf("the answer lacks a token; its scope is %q", got.Scope)
		}
	}
}
