package e2e

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// authorization is one run of the authorization code flow, as a client keeps it (RFC 6749 §4.1, RFC 7636).
type authorization struct {
	client   client
	verifier string
	query    url.Values // of the authorization request
}

// newAuthorization prepares a request for reading orders and staying connected.
func newAuthorization(c client) *authorization {
	a := &authorization{client: c, verifier: rand.Text() + rand.Text()}
	sum := sha256.Sum256([]byte(a.verifier))
	a.query = url.Values{
		"response_type":         {"code"},
		"client_id":             {c.ID},
		"redirect_uri":          {callback},
		"scope":                 {"openid offline_access orders:read"},
		"resource":              {ordersAPI},
		"state":                 {rand.Text()},
		"nonce":                 {rand.Text()},
		"code_challenge":        {base64.RawURLEncoding.EncodeToString(sum[:])},
		"code_challenge_method": {"S256"},
	}
	return a
}

// exchange is the token request for a code.
func (a *authorization) exchange(code string) url.Values {
	return url.Values{
		"grant_type":    {"authorization_code"},
		"code":          {code},
		"redirect_uri":  {callback},
		"code_verifier": {a.verifier},
	}
}

// refresh is the token request that renews.
func refresh(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}
}

// authorize opens the authorization endpoint, signs alice in and consents where it is asked to.
func (b *browser) authorize(query url.Values) *page {
	b.t.Helper()
	return b.open(b.server.url + "/oauth2/authorize?" + query.Encode()).signIn()
}

// signIn answers the sign-in page and the consent page as alice, until the browser is sent back to the client or shown
// something else.
func (p *page) signIn() *page {
	p.browser.t.Helper()
	if !p.left && strings.HasSuffix(p.url.Path, "/login") {
		p = p.submit("username", alice, "password", alicesSecret)
	}
	if !p.left && strings.HasSuffix(p.url.Path, "/consent") {
		p = p.submit("decision", "allow")
	}
	return p
}

// code runs the flow with a fresh browser up to the code.
func (s *shop) code(t *testing.T, a *authorization) string {
	t.Helper()
	p := newBrowser(t, s.server).authorize(a.query)
	if !p.left {
		t.Fatalf("not sent back, but shown %s (%d):\n%s", p.url.Path, p.status, p.text)
	}
	back := p.url.Query()
	if got := strings.TrimSuffix(p.url.String(), "?"+p.url.RawQuery); got != callback {
		t.Errorf("sent back to %s", got)
	}
	if back.Get("state") != a.query.Get("state") || back.Get("iss") != s.issuer {
		t.Errorf("sent back with state %q and iss %q", back.Get("state"), back.Get("iss"))
	}
	if back.Get("code") == "" {
		t.Fatalf("sent back without a code: %s", p.url)
	}
	return s.secret(back.Get("code"))
}

// signIn runs the whole flow.
func (s *shop) signIn(t *testing.T, c client) tokens {
	t.Helper()
	a := newAuthorization(c)
	code := s.code(t, a)
	return s.issued(t, s.post("/oauth2/token", c, a.exchange(code)))
}

// wantErrorBack fails unless the browser was sent back to the client with an error (RFC 6749 §4.1.2.1, RFC 9207).
func (p *page) wantErrorBack(t *testing.T, issuer, code string) {
	t.Helper()
	if !p.left {
		t.Fatalf("not sent back, but shown %s (%d):\n%s", p.url.Path, p.status, p.text)
	}
	back := p.url.Query()
	if back.Get("error") != code || back.Get("iss") != issuer || back.Has("code") {
		t.Errorf("sent back with %s, want the error %q", p.url.RawQuery, code)
	}
}

// wantRefusedHere fails unless the server keeps the browser and says 400: the redirect URI is not to be trusted.
func (p *page) wantRefusedHere(t *testing.T) {
	t.Helper()
	if p.left || p.status != http.StatusBadRequest {
		t.Errorf("shown %s with status %d, want an error page", p.url, p.status)
	}
}

func TestAConsentThatIsSentAgainGivesNoOtherCode(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		consent := newBrowser(t, s.server).open(s.url+"/oauth2/authorize?"+newAuthorization(s.app).query.Encode()).submit("username", alice, "password", alicesSecret)
		if first := consent.submit("decision", "allow"); !first.left || !first.url.Query().Has("code") {
			t.Fatalf("shown %s (%d)", first.url, first.status)
		}
		if again := consent.submit("decision", "allow"); again.left || again.url.Path != "/consent" {
			t.Errorf("shown %s (%d): the person is to be asked again", again.url, again.status)
		}
	})
}
