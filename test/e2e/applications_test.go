package e2e

import (
	"encoding/json"
	"slices"
	"testing"
)

const interopDir = "../interop"

// application is a web application of test/interop, made of what other people wrote and set up as their documentation says.
// Its page / signs in and shows the person and the access token.
type application struct {
	file    string
	signsIn string // the path of its page with a button that signs in, empty: / goes there by itself
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
	{file: "auth-core.js", signsIn: "/auth/signin", refresh: "/refresh"},
	{file: "oauth4webapi.js", refresh: "/refresh", logout: "/logout"},
}

func TestApplicationsSignPeopleInAsTheirOwnDocumentationSays(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t))
	s.signet("group", "create", "sales")
	s.signet("group", "add", "sales", alice)
	for _, a := range applications {
		t.Run(a.file, func(t *testing.T) { a.test(t, s) })
	}
}

func (a application) test(t *testing.T, s *shop) {
	app := s.runApplication(t, a.file)
	b := newBrowser(t, s.server)
	b.app = app.url
	p := b.open(app.url + a.signsIn)
	if a.signsIn != "" {
		p = p.submit()
	}
	first := p.wantSignIn(t).signIn().shown(t)
	for name, want := range map[string]any{"email": "alice@people.example", "name": "Alice Example"} {
		if first.User[name] != want {
			t.Errorf("%s is %v, want %v", name, first.User[name], want)
		}
	}
	if groups, ok := first.User["groups"].([]any); !ok || !slices.Equal(groups, []any{"sales"}) {
		t.Errorf("groups are %v", first.User["groups"])
	}
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
		b.open(app.url + a.logout)
		b.wantSignedIn(t, false)
		b.open(app.url).wantSignIn(t)
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
