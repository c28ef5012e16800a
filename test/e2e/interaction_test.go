package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// nativeApp registers a public client whose answers go to a private-use scheme, and an authorization request of it.
func (s *shop) nativeApp(id string, args ...string) *authorization {
	native := s.createClient(id, append([]string{"--grant", "authorization_code", "--api", ordersAPI, "--public",
		"--redirect-uri", "com.example.app:/back"}, args...)...)
	a := newAuthorization(native)
	a.query.Set("redirect_uri", "com.example.app:/back")
	a.query.Set("scope", "openid orders:read")
	return a
}

func (s *shop) authorizeURL(query url.Values) string {
	return s.url + "/oauth2/authorize?" + query.Encode()
}

// sealed opens the authorization endpoint and returns the request as the page carries it, without answering the page.
func (p *page) sealed(t *testing.T) string {
	t.Helper()
	flow := p.url.Query().Get("flow")
	if p.left || flow == "" {
		t.Fatalf("shown %s", p.url)
	}
	return flow
}

func (p *page) wantQuestion(t *testing.T, path string) *page {
	t.Helper()
	if p.left || p.url.Path != path {
		t.Errorf("shown %s, want %s", p.url, path)
	}
	return p
}

func (p *page) wantCode(t *testing.T) {
	t.Helper()
	if !p.left || !p.url.Query().Has("code") {
		t.Errorf("shown %s, want a code", p.url)
	}
}

func TestAYesCountsForTheVeryRequestThatItWasGivenTo(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		genuine := s.nativeApp("native")
		impostor := newAuthorization(genuine.client)
		impostor.query.Set("redirect_uri", "com.example.app:/back")
		impostor.query.Set("scope", "openid orders:read")

		// The impostor has its own request sealed, here and in the person's browser, before the person answers the genuine one.
		b := newBrowser(t, s.server)
		elsewhere := newBrowser(t, s.server).open(s.authorizeURL(impostor.query)).sealed(t)
		here := b.open(s.authorizeURL(impostor.query)).sealed(t)
		b.authorize(genuine.query).wantCode(t)
		for name, flow := range map[string]string{"sealed elsewhere": elsewhere, "sealed here": here} {
			if p := b.open(s.url + "/oauth2/authorize?flow=" + flow); p.left || p.url.Path != "/consent" {
				t.Errorf("%s: shown %s", name, p.url)
			}
		}
		b.open(s.authorizeURL(genuine.query)).wantQuestion(t, "/consent")
	})
}

func TestAnAnswerIsUsedOnceAndInItsBrowser(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		native := s.nativeApp("native")
		b := newBrowser(t, s.server)
		b.open(s.authorizeURL(with(native.query, "prompt", "login"))).submit("username", alice, "password", alicesSecret).
			wantQuestion(t, "/consent")
		p := b.open(s.authorizeURL(with(native.query, "prompt", "login"))).wantQuestion(t, "/login").
			submit("username", alice, "password", alicesSecret).wantQuestion(t, "/consent")
		answered := p.location("decision", "allow")
		other := newBrowser(t, s.server)
		other.authorize(newAuthorization(s.web).query)
		other.open(answered).wantQuestion(t, "/login") // the fresh sign-in is not the other browser's
		b.open(answered).wantCode(t)
		b.open(answered).wantQuestion(t, "/login")
	})
}

func TestPromptsAndMaxAgeAskForASignInInTheRequestItself(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		b := newBrowser(t, s.server)
		for _, asked := range [][2]string{{"prompt", "login"}, {"max_age", "0"}} {
			query := with(newAuthorization(s.web).query, asked[0], asked[1])
			waiting := b.open(s.authorizeURL(query)).wantQuestion(t, "/login")
			b.authorize(with(newAuthorization(s.web).query, "prompt", "login")).wantCode(t) // later, for another request
			b.open(s.url+"/oauth2/authorize?flow="+waiting.sealed(t)).wantQuestion(t, "/login").signIn().wantCode(t)
		}
		query := with(newAuthorization(s.web).query, "prompt", "consent")
		waiting := b.open(s.authorizeURL(query)).wantQuestion(t, "/consent")
		b.open(s.authorizeURL(with(newAuthorization(s.web).query, "prompt", "consent"))).wantQuestion(t, "/consent").signIn().wantCode(t)
		b.open(s.url+"/oauth2/authorize?flow="+waiting.sealed(t)).wantQuestion(t, "/consent").signIn().wantCode(t)
	})
}

func TestAPersonWhoIsSignedInChoosesTheAccountIfTheApplicationWantsIt(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		const bob, bobsSecret = "bob", "another horse battery staple"
		s.signetWithInput(s.secret(bobsSecret)+"\n", "user", "create", bob, "--password-stdin")
		b := newBrowser(t, s.server)
		query := func() url.Values { return with(newAuthorization(s.web).query, "prompt", "select_account") }
		b.open(s.authorizeURL(query())).wantQuestion(t, "/login").signIn().wantCode(t) // nobody was signed in: that is the choice

		p := b.open(s.authorizeURL(query())).wantQuestion(t, "/select-account")
		if !strings.Contains(p.text, "Alice Example") || !strings.Contains(p.text, "Use another account") {
			t.Errorf("the page shows\n%s", p.text)
		}
		chosen := p.location("flow", p.sealed(t))
		b.open(chosen).wantCode(t)
		b.open(chosen).wantQuestion(t, "/select-account") // a choice is for one answer

		p = b.open(s.authorizeURL(query())).wantQuestion(t, "/select-account")
		p = b.open(s.url+"/login?flow="+p.sealed(t)).submit("username", bob, "password", bobsSecret)
		p.wantQuestion(t, "/consent").submit("decision", "allow").wantCode(t)
		if p := b.open(s.authorizeURL(query())).wantQuestion(t, "/select-account"); !strings.Contains(p.text, "bob") {
			t.Errorf("the page shows\n%s", p.text)
		}
		// Where a new sign-in is asked for too, that is the choice; and another browser's choice is none.
		b.open(s.authorizeURL(with(query(), "prompt", "login select_account"))).wantQuestion(t, "/login").signIn().wantCode(t)
		b.open(s.authorizeURL(with(query(), "max_age", "0"))).wantQuestion(t, "/login").signIn().wantCode(t)
		other := newBrowser(t, s.server)
		other.authorize(newAuthorization(s.web).query)
		other.open(chosen).wantQuestion(t, "/select-account")
	})
}

func TestTheAuthenticationContextIsAskedForInVainAndSaid(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		before := time.Now().Unix()
		a := newAuthorization(s.web)
		a.query = with(a.query, "acr_values", "urn:mace:incommon:iap:silver 2", "ui_locales", "fr-CA fr x-"+strings.Repeat("y", 500), "max_age", "600")
		got := claims(t, s.issued(t, s.post("/oauth2/token", s.web, a.exchange(s.code(t, a)))).ID)
		metadata := decode[map[string]any](t, s.get("/.well-known/openid-configuration", ""))
		if supported := metadata["acr_values_supported"].([]any); len(supported) != 1 || got["acr"] != supported[0] {
			t.Errorf("the acr is %v, of %v", got["acr"], supported)
		}
		if at, ok := got["auth_time"].(float64); !ok || int64(at) < before || int64(at) > time.Now().Unix() {
			t.Errorf("auth_time is %v", got["auth_time"])
		}
		if locales := metadata["ui_locales_supported"].([]any); len(locales) != 1 || locales[0] != "en" {
			t.Errorf("ui_locales_supported is %v", locales)
		}
	})
}

func TestAFirstPartyAppThatAnotherProgramCanPoseAsIsNeverAnsweredWithoutThePerson(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		native := s.nativeApp("native", "--first-party")
		b := newBrowser(t, s.server)
		b.open(s.authorizeURL(native.query)).wantQuestion(t, "/login").submit("username", alice, "password", alicesSecret).wantCode(t)
		b.open(s.authorizeURL(native.query)).wantQuestion(t, "/consent").submit("decision", "allow").wantCode(t)
		b.open(s.authorizeURL(native.query)).wantQuestion(t, "/consent")
		p := b.open(s.authorizeURL(with(native.query, "prompt", "none")))
		if !p.left || p.url.Query().Get("error") != "consent_required" {
			t.Errorf("prompt=none: shown %s", p.url)
		}
	})
}

func TestARequestOfFourKilobytesBesideItsRedirectURITravelsThroughThePages(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		for name, state := range map[string]string{"text": strings.Repeat("k0L1m2N3", 440), "escapes": strings.Repeat("\"\x01 é", 230)} {
			query := with(newAuthorization(s.web).query, "state", state)
			p := newBrowser(t, s.server).authorize(query)
			p.wantCode(t)
			if p.url.Query().Get("state") != state {
				t.Errorf("%s: the state came back changed", name)
			}
		}
		long := with(newAuthorization(s.web).query, "state", strings.Repeat("s", 20_000))
		if p := newBrowser(t, s.server).open(s.authorizeURL(long)); !strings.Contains(p.text, "The request is too long.") {
			t.Errorf("shown %s: %s", p.url, p.text)
		}
	})
}

func TestAFormOfAnotherSiteLeavesThePersonSignedIn(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		r, err := http.NewRequest(http.MethodPost, s.url+"/oauth2/authorize", strings.NewReader(newAuthorization(s.web).query.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response := newBrowser(t, s.server).send(r)
		response.Body.Close()
		if cookies := response.Cookies(); len(cookies) > 0 {
			t.Errorf("it sets %v in place of the session, which browsers keep from such a form", cookies)
		}
	})
}
