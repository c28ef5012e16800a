package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const interopDir = "../interop"

// application is a web application of test/interop, made of what other people wrote and set up as their documentation says.
// It signs in and then shows the person and the access token.
type application struct {
	file    string
	start   string // the path where signing in begins
	button  bool   // by a button of that page
	shows   string // the path that shows them, empty: start does
	refresh string // the path that gets a new access token, empty: it cannot
	logout  string // the path that signs out at Signet, too, empty: it ends its own session alone
}

// shown is what an application shows.
type shown struct {
	User   map[string]any `json:"userinfo"`
	Access string         `json:"access_token"`
}

var applications = []application{
	{file: "express-openid-connect.js", refresh: "/refresh", logout: "/logout"},
	{file: "passport-openidconnect.js"},
	{file: "auth-core.js", start: "/auth/signin", button: true, refresh: "/refresh"},
	{file: "openid-client.js", refresh: "/refresh", logout: "/logout"},
	{file: "oauth4webapi.js", refresh: "/refresh", logout: "/logout"},
	{file: "authlib_flask.py", refresh: "/refresh", logout: "/logout"},
	{file: "go-oidc/main.go", refresh: "/refresh", logout: "/logout"},
	{file: "zitadel-oidc/main.go", refresh: "/refresh", logout: "/logout"},
	{
		file: "mod_auth_openidc.conf", start: "/app", shows: "/redirect_uri?info=json",
		refresh: "/redirect_uri?info=json&access_token_refresh_interval=0", logout: "/redirect_uri?logout=BASE_URL/bye",
	},
}

func TestApplicationsSignPeopleInAsTheirOwnDocumentationSays(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t))
	s.signet("group", "create", "sales")
	s.signet("group", "add", "sales", alice)
	s.signetWithInput(alicesSecret+"\n", "user", "create", "bob", "--email", "bob@people.example", "--email-verified", "--password-stdin")
	s.signet("user", "update", alice, "--email-verified") // oauth2-proxy insists on it
	for _, a := range applications {
		t.Run(a.file, func(t *testing.T) { a.test(t, s) })
	}
	t.Run("oauth2-proxy.sh", func(t *testing.T) { testOAuth2Proxy(t, s) })
}

func (a application) test(t *testing.T, s *shop) {
	app := s.runApplication(t, a.file)
	b := newBrowser(t, s.server)
	b.app = app.url
	signIn := func() *page {
		t.Helper()
		p := b.open(app.url + a.start)
		if a.button {
			p = p.submit()
		}
		return p.wantSignIn(t)
	}
	p := signIn().signIn()
	if a.shows != "" {
		p = b.open(app.url + a.shows)
	}
	first := p.shown(t)
	first.want(t, "email", "name", "groups")
	userinfo := func(token string) {
		t.Helper()
		user := decode[map[string]any](t, s.get("/oauth2/userinfo", s.secret(token)).wantStatus(t, 200))
		if user["sub"] != first.User["sub"] {
			t.Errorf("the token is %v's", user["sub"])
		}
	}
	userinfo(first.Access)
	if a.refresh != "" {
		renewed := b.open(app.url + a.refresh).shown(t)
		if renewed.Access == first.Access {
			t.Error("refreshing gave the same access token")
		}
		userinfo(renewed.Access)
	}
	if a.logout != "" {
		b.open(app.url + strings.ReplaceAll(a.logout, "BASE_URL", app.url))
		b.wantSignedIn(t, false)
		signIn()
	}
}

// wantSignIn fails unless Signet asks the person to sign in.
func (p *page) wantSignIn(t *testing.T) *page {
	t.Helper()
	if p.left || p.url.Path != "/login" {
		t.Fatalf("shown %s (%d): %s", p.url, p.status, p.text)
	}
	return p
}

// shown reads what the application's page shows.
func (p *page) shown(t *testing.T) (s shown) {
	t.Helper()
	if err := json.Unmarshal([]byte(p.text), &s); err != nil || !p.left || s.Access == "" {
		t.Fatalf("shown %s (%d): %s", p.url, p.status, p.text)
	}
	return s
}

// want fails unless these claims are alice's.
func (s shown) want(t *testing.T, names ...string) {
	t.Helper()
	of := map[string]any{"email": "alice@people.example", "name": "Alice Example", "groups": []any{"sales"}}
	for _, name := range names {
		if diff := cmp.Diff(of[name], s.User[name]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
