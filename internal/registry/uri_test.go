package registry

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/signet-auth/signet/internal/domain"
)

func TestRedirectURIRules(t *testing.T) {
	for _, tc := range []struct {
		uri  string
		want string // part of the message, empty: accepted
	}{
		{uri: "https://app.example/callback"},
		{uri: "https://app.example:8443/callback?tenant=1"},
		{uri: "https://app.example"},
		{uri: "https://localhost/callback"},
		{uri: "http://127.0.0.1/callback"},
		{uri: "http://127.0.0.1:49152/callback"},
		{uri: "http://[::1]:8080/"},
		{uri: "http://localhost:3000/cb"},
		{uri: "com.example.app:/callback"},
		{uri: "com.example.app://callback"},
		{uri: "com.example:/cb"},
		{uri: "cursor://anysphere.cursor-mcp/oauth/callback"},
		{uri: "vscode://vscode.github-authentication/did-authenticate"},
		{uri: "app.immich:///oauth-callback"},
		{uri: "myapp:/callback"},

		{uri: "", want: "absolute URI"},
		{uri: "/callback", want: "absolute URI"},
		{uri: "//app.example/callback", want: "absolute URI"},
		{uri: "app.example/callback", want: "absolute URI"},
		{uri: "http://app.example/cb", want: "http is only allowed for loopback (127.0.0.1, [::1], localhost); use https"},
		{uri: "http://127.0.0.2/cb", want: "only allowed for loopback"},
		{uri: "http://localhost.evil.example/cb", want: "only allowed for loopback"},
		{uri: "http://127.0.0.1.evil.example/cb", want: "only allowed for loopback"},
		{uri: "https://127.0.0.1/cb", want: "use http for a loopback address"},
		{uri: "https://127.8.8.8:443/cb", want: "use http for a loopback address"},
		{uri: "https://[::1]/cb", want: "use http for a loopback address"},
		{uri: "https://[0:0:0:0:0:0:0:1]/cb", want: "use http for a loopback address"},
		{uri: "https://[::ffff:127.0.0.1]/cb", want: "use http for a loopback address"},
		{uri: "com.example.app://127.0.0.1/cb", want: "use http for a loopback address"},
		{uri: "https://user@app.example/cb", want: "user name"},
		{uri: "https://user:pass@app.example/cb", want: "user name"},
		{uri: "https://@app.example/cb", want: "user name"},
		{uri: "http://127.0.0.1@evil.example/cb", want: "user name"},
		{uri: "https://app.example/cb#x", want: "fragment"},
		{uri: "https://app.example/cb#", want: "fragment"},
		{uri: "https://*.app.example/cb", want: "wildcards"},
		{uri: "https://app.example/*", want: "wildcards"},
		{uri: "https://app.example/a/../cb", want: "segments"},
		{uri: "https://app.example/./cb", want: "segments"},
		{uri: "https://app.example/%2e%2E/cb", want: "segments"},
		{uri: `https://app.example\@evil.example/cb`, want: "backslashes"},
		{uri: "https://app.example/a b", want: "spaces"},
		{uri: "https://app.example/cb\n", want: "spaces"},
		{uri: "https://app.example/\x00", want: "spaces"},
		{uri: "https://äpp.example/cb", want: "ASCII"},
		{uri: "https://app%2eexample/cb", want: "cannot be read"},
		{uri: "https:///cb", want: "host"},
		{uri: "https:cb", want: "host"},
		{uri: "https://-app.example/cb", want: "host"},
		{uri: "https://app.example:/cb", want: "colon"},
		{uri: "https://app.example:0/cb", want: "port"},
		{uri: "https://app.example:65536/cb", want: "port"},
		{uri: "javascript:alert(1)", want: "use https"},
		{uri: "data:text/html,x", want: "use https"},
		{uri: "file:///etc/passwd", want: "use https"},
		{uri: "JavaScript://x/alert(1)", want: "use https"},
		{uri: "vbscript:/x", want: "use https"},
		{uri: "blob:https://app.example/1", want: "use https"},
		{uri: "view-source:https://app.example/", want: "use https"},
		{uri: "intent://x/#Intent;end", want: "fragment"},
		{uri: "intent://x/", want: "use https"},
		{uri: "urn:ietf:wg:oauth:2.0:oob", want: "use https"},
		{uri: "com.example.app:callback", want: "write a slash"},
		{uri: "https://app.example/" + strings.Repeat("x", maxRedirectBytes), want: "at most 2000"},
	} {
		t.Run(shorten(tc.uri), func(t *testing.T) { checkMessage(t, checkRedirectURI(tc.uri), tc.want) })
	}
}

func TestARedirectURIHasNoParameterOfAnAnswer(t *testing.T) {
	for query, want := range map[string]string{ // want: the parameter that is refused
		"?tenant=1": "", "?encode=1": "", "?a=code": "", "?a=code=1": "", "?": "", "?&": "", "?statement": "", "?scope=x": "",
		"?code=1": "code", "?state=": "state", "?error": "error", "?a=1&error_description=x": "error_description", "?a=1;iss=x": "iss",
		"?session_state=1": "session_state", "?id_token=1": "id_token", "?access_token=1": "access_token", "?response=x": "response",
		"?error_uri=x": "error_uri", "?%63ode=1": "code", "?a&&st%61te": "state", "?Code=1": "Code",
	} {
		for _, base := range []string{"https://app.example/cb", "com.example.app:/cb"} {
			client := domain.Client{ClientID: "web", GrantTypes: []string{domain.GrantAuthorizationCode}, RedirectURIs: []string{base + query}}
			if want != "" {
				want = "remove " + strings.TrimPrefix(want, "remove ")
			}
			checkMessage(t, checkClient(&client, grantTypes), want)
		}
		client := domain.Client{
			ClientID: "web", GrantTypes: []string{domain.GrantAuthorizationCode}, RedirectURIs: []string{"https://app.example/cb"},
			PostLogoutRedirectURIs: []string{"https://app.example/bye" + query},
		}
		if want != "remove state" {
			want = ""
		}
		checkMessage(t, checkClient(&client, grantTypes), want)
	}
}

func TestAudienceRules(t *testing.T) {
	for _, tc := range []struct{ audience, want string }{
		{audience: "https://orders.example"},
		{audience: "https://orders.example/v1?x=y"},
		{audience: "http://127.0.0.1:9000"},
		{audience: "urn:example:orders"},

		{"", "use a URL or a name"},
		{"-orders", "use a URL or a name"},
		{"//orders.example", "use a URL or a name"},
		{"orders read", "use a URL or a name"},
		{"orders#read", "use a URL or a name"},
		{"ördérs", "use a URL or a name"},
		{"HTTPS://u@orders.example", "user name"},
		{audience: "orders"},
		{audience: "api://orders"},
		{audience: "api://3f2504e0-4f89-11d3-9a0c-0305e82c3301/access"},
		{audience: "orders@example.com"},
		{audience: "https://orders.example/"},
		{"http://orders.example", "only allowed for loopback"},
		{"https://orders.example#x", "fragment"},
		{"https://orders.example /", "spaces"},
		{"https://u@orders.example", "user name"},
		{"https://", "host"},
		{"urn:", "use a URL or a name"},
		{"https://orders.example/" + strings.Repeat("x", maxAudienceBytes), "at most 500"},
	} {
		t.Run(shorten(tc.audience), func(t *testing.T) { checkMessage(t, checkAudience(tc.audience), tc.want) })
	}
}

// Whatever is accepted must be understood the same by every reader: glue pieces that are trouble together in any order.
func TestAcceptedRedirectURIsAreNeverAmbiguous(t *testing.T) {
	pieces := rapid.SampledFrom([]string{
		"https", "http", "HTTPS", "javascript", "data", "com.example.app", ":", "/", "//", "\\", "@", "#", "?", "*", "%", "%2e", "%2F", "%40",
		".", "..", "app.example", "127.0.0.1", "localhost", "[::1]", "[", "]", ":80", "a", "user", " ", "\n", "\x00", "\u00e9", "\u2028", "&x=1",
	})
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.SampledFrom([]string{"", "https://", "http://", "com.example.app:"}).Draw(t, "start")
		raw := start + strings.Join(rapid.SliceOfN(pieces, 0, 8).Draw(t, "pieces"), "")
		if checkRedirectURI(raw) != nil {
			return
		}
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatalf("%q was accepted: %v", raw, err)
		}
		loopback := u.Hostname() == "127.0.0.1" || u.Hostname() == "::1" || u.Hostname() == "localhost"
		switch {
		case u.User != nil, u.Opaque != "", strings.ContainsAny(raw, "\\#* \n\x00\"<>"):
			t.Fatalf("%q was accepted", raw)
		case u.Scheme == "http" && !loopback, u.Scheme == "https" && u.Hostname() == "":
			t.Fatalf("%q was accepted", raw)
		case slices.Contains([]string{"javascript", "data"}, u.Scheme):
			t.Fatalf("%q was accepted", raw)
		}
		for segment := range strings.SplitSeq(u.Path, "/") {
			if segment == "." || segment == ".." {
				t.Fatalf("%q was accepted", raw)
			}
		}
		for i := range len(raw) {
			if raw[i] <= ' ' || raw[i] > '~' {
				t.Fatalf("%q was accepted", raw)
			}
		}
	})
}

func checkMessage(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && err == nil:
		t.Errorf("accepted, want %q", want)
	case want != "" && !strings.Contains(err.Error(), want):
		t.Errorf("got %q, want %q in it", err, want)
	}
}

func TestAudiencesOfSignetItselfAreReservedInEverySpelling(t *testing.T) {
	const issuer = "https://id.example/auth"
	for _, audience := range []string{
		issuer, issuer + "/", issuer + "//", "HTTPS://ID.example/AUTH", "https://id.example:443/auth", "https://id.example./auth",
		"https://id.example/%61uth", "https://id.example:0443/auth", "https://id.example/./auth", "https://id.example/x/../auth",
		"https://id.example/auth?", "urn:signet:admin", "URN:signet:admin", "urn:Signet:ADMIN", "urn:signet:%61dmin",
		issuer + "/oauth2", issuer + "/oauth2/userinfo", issuer + "//oauth2/token?x", issuer + "/api/v1/", issuer + "/.well-known/jwks.json",
		issuer + "/statuslists/1", issuer + "/login?x=1", "https://ID.example:443/auth/OAuth2/token", issuer + "/x/../oauth2",
	} {
		if err := checkReserved("audience", audience, issuer); !errors.Is(err, domain.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", audience, err)
		}
	}
	for _, audience := range []string{
		"https://id.example", "https://id.example/auth/orders", "https://id.example/auth/oauth2x", "https://id.example/auth/orders/oauth2", "https://id.example/authoauth2",
		"https://id.example:8443/auth", "http://id.example/auth", "urn:signet:orders",
		"https://orders.example",
	} {
		if err := checkReserved("audience", audience, issuer); err != nil {
			t.Errorf("%s: %v", audience, err)
		}
	}
}

func TestTheIssuersPortWithAZeroIsReserved(t *testing.T) {
	const issuer = "http://127.0.0.1:18080"
	for _, name := range []string{"http://127.0.0.1:018080", "HTTP://127.0.0.1:0018080/./"} {
		if err := checkReserved("audience", name, issuer); !errors.Is(err, domain.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	if err := checkReserved("audience", "http://127.0.0.1:8080", issuer); err != nil {
		t.Error(err)
	}
}
