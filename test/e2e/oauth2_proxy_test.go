package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// testOAuth2Proxy has a person of the allowed group and one of no group come to an application behind oauth2-proxy.
func testOAuth2Proxy(t *testing.T, s *shop) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		check(t, json.NewEncoder(w).Encode(shown{Access: r.Header.Get("X-Forwarded-Access-Token"), User: map[string]any{
			"email": r.Header.Get("X-Forwarded-Email"), "groups": strings.Split(r.Header.Get("X-Forwarded-Groups"), ","),
		}}))
	}))
	t.Cleanup(upstream.Close)
	app := s.runApplication(t, "oauth2-proxy.sh", "UPSTREAM="+upstream.URL)
	b := newBrowser(t, s.server)
	b.app = app.url
	first := b.open(app.url).wantSignIn(t).signIn().shown(t)
	first.want(t, "email", "groups")
	app.await(func() bool { return b.open(app.url).shown(t).Access != first.Access }) // after --cookie-refresh

	out := s.url + "/oauth2/logout?" + url.Values{"post_logout_redirect_uri": {app.url + "/"}}.Encode() + "&id_token_hint={id_token}"
	b.open(app.url + "/oauth2/sign_out?rd=" + url.QueryEscape(out)).wantSignIn(t)
	b.wantSignedIn(t, false)

	p := b.open(app.url).wantSignIn(t).submit("username", "bob", "password", alicesSecret).submit("decision", "allow")
	if p.status != http.StatusForbidden || !p.left {
		t.Errorf("somebody of no group is shown %s (%d): %s", p.url, p.status, p.text)
	}
}
