package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUserinfoTakesTheTokenInTheBodyOfAPost(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		token := s.signIn(t, s.web).Access
		post := func(body, contentType, authorization string) answer {
			r := s.request(http.MethodPost, "/oauth2/userinfo", strings.NewReader(body))
			r.Header.Set("Content-Type", contentType)
			if authorization != "" {
				r.Header.Set("Authorization", authorization)
			}
			return do(r)
		}
		const form = "application/x-www-form-urlencoded"
		body := url.Values{"access_token": {token}}.Encode()
		want := decode[map[string]any](t, s.get("/oauth2/userinfo", token).wantStatus(t, http.StatusOK))
		for name, a := range map[string]answer{
			"in the body":                 post(body, form+"; charset=UTF-8", ""),
			"in the header":               post("", form, "Bearer "+token),
			"in the header, no form":      post("{}", "application/json", "Bearer "+token),
			"in the header, another form": post("a=b", form, "Bearer "+token),
		} {
			if diff := cmp.Diff(want, decode[map[string]any](t, a.wantStatus(t, http.StatusOK))); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
			if a.header.Get("Access-Control-Allow-Origin") != "*" {
				t.Errorf("%s: scripts may not read it", name)
			}
		}
		post(body, form, "Bearer "+token).wantError(t, http.StatusBadRequest, "invalid_request")
		post(body+"&"+body, form, "").wantError(t, http.StatusBadRequest, "invalid_request")
		refused := post("access_token=x", form, "")
		refused.wantError(t, http.StatusUnauthorized, "invalid_token")
		if !strings.Contains(refused.header.Get("Access-Control-Expose-Headers"), "WWW-Authenticate") {
			t.Error("scripts may not read why it was refused")
		}
		post("", form, "").wantError(t, http.StatusUnauthorized, "invalid_token")
		post(body, "multipart/form-data; boundary=x", "").wantError(t, http.StatusUnauthorized, "invalid_token")
		s.get("/oauth2/userinfo?"+body, "").wantStatus(t, http.StatusUnauthorized) // never in the query
	})
}

// A signed answer is for its client alone, and is no ID token (OpenID Connect Core §5.3.2).
func TestUserinfoIsSignedForAClientThatWantsIt(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		plain := decode[map[string]any](t, s.get("/oauth2/userinfo", s.signIn(t, s.web).Access).wantStatus(t, http.StatusOK))
		s.signet("client", "update", s.web.ID, "--userinfo-alg", "ES256", "--post-logout-redirect-uri", plainBye)
		user := s.signIn(t, s.web)
		a := s.get("/oauth2/userinfo", user.Access).wantStatus(t, http.StatusOK)
		if got := a.header.Get("Content-Type"); got != "application/jwt" {
			t.Errorf("Content-Type %q", got)
		}
		signed := claims(t, a.body)
		if signed["iss"] != s.issuer || signed["aud"] != s.web.ID {
			t.Errorf("iss %v, aud %v", signed["iss"], signed["aud"])
		}
		delete(signed, "iss")
		delete(signed, "aud")
		if diff := cmp.Diff(plain, signed); diff != "" {
			t.Errorf("(-plain +signed)\n%s", diff)
		}
		hint := url.Values{"id_token_hint": {a.body}, "post_logout_redirect_uri": {plainBye}}
		if p := newBrowser(t, s.server).open(s.url + "/oauth2/logout?" + hint.Encode()); p.left {
			t.Errorf("userinfo passes for an ID token, and leads to %s", p.url)
		}
		s.signet("client", "update", s.web.ID, "--no-userinfo-alg")
		if again := decode[map[string]any](t, s.get("/oauth2/userinfo", user.Access).wantStatus(t, http.StatusOK)); again["sub"] != plain["sub"] {
			t.Errorf("plain again: %v", again)
		}
	})
}
