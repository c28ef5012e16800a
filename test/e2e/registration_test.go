package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
)

// registered is the registration endpoint's answer (RFC 7591 §3.2.1).
type registered struct {
	client
	Token       string   `json:"registration_access_token"`
	URI         string   `json:"registration_client_uri"`
	Method      string   `json:"token_endpoint_auth_method"`
	Application string   `json:"application_type"`
	Grants      []string `json:"grant_types"`
	Redirects   []string `json:"redirect_uris"`
	Name        string   `json:"client_name"`
	Scope       string   `json:"scope"`
	JWKS        any      `json:"jwks"`
	Back        string   `json:"backchannel_logout_uri"`
	Front       string   `json:"frontchannel_logout_uri"`
	FrontSID    bool     `json:"frontchannel_logout_session_required"`
}

// metadata sends JSON to the registration endpoint or a registration.
func (s *server) metadata(method, path, token string, body map[string]any) answer {
	s.t.Helper()
	text, err := json.Marshal(body)
	check(s.t, err)
	r := s.request(method, path, bytes.NewReader(text))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return do(r)
}

func TestClientsRegisterThemselvesWithAnInvitation(t *testing.T) {
	t.Parallel()
	for name, open := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, open(t), "SIGNET_SELF_REGISTRATION_ENDPOINT=invited", "SIGNET_SELF_REGISTRATION_PERMISSIONS="+ordersAPI+"#orders:read")
			if a := s.get("/.well-known/oauth-authorization-server", ""); !strings.Contains(a.body, s.issuer+"/oauth2/register") {
				t.Errorf("discovery has no registration_endpoint: %s", a.body)
			}
			invitation := signetJSON[struct{ Token string }](s.installation, "invitation", "create", "--uses", "2", "--note", "Editors")
			s.secret(invitation.Token)
			app := map[string]any{
				"client_name": "Editor", "redirect_uris": []string{callback}, "token_endpoint_auth_method": "none", "scope": "openid orders:read orders:write",
				"grant_types": []string{"authorization_code", "refresh_token", "implicit"}, "unheard_of": []any{nil},
			}
			for i := range 30 { // more than clients from one address
				token := []string{"", invitation.Token + "x", "signet_iat_"}[i%3]
				s.metadata(http.MethodPost, "/oauth2/register", token, app).wantError(t, http.StatusUnauthorized, "invalid_token")
			}
			for what, c := range map[string]struct {
				member string
				value  any
				code   string
			}{
				"no redirect": {"redirect_uris", []string{}, "invalid_redirect_uri"}, "a script": {"redirect_uris", []string{"javascript:alert(1)"}, "invalid_redirect_uri"},
				"web on the device": {"application_type", "web", "invalid_redirect_uri"}, "a statement": {"software_statement", "x.y.z", "unapproved_software_statement"},
				"no text": {"scope", []string{"openid"}, "invalid_client_metadata"}, "a machine": {"grant_types", []string{"client_credentials"}, "invalid_client_metadata"}, "a number": {"client_name", 5, "invalid_client_metadata"},
				"a shared key": {"token_endpoint_auth_method", "client_secret_jwt", "invalid_client_metadata"}, "too long": {"client_name", strings.Repeat("x", 500), "invalid_client_metadata"},
				"turned around": {"client_name", "Notes \u202etxt.exe", "invalid_client_metadata"}, "logout elsewhere": {"backchannel_logout_uri", "https://victim.example/logout", "invalid_client_metadata"},
				"logout here": {"backchannel_logout_uri", "http://127.0.0.1:1/logout", "invalid_client_metadata"}, "logout in a frame elsewhere": {"frontchannel_logout_uri", "https://victim.example/logout", "invalid_client_metadata"},
				"not a truth": {"frontchannel_logout_session_required", "yes", "invalid_client_metadata"}, "not a truth either": {"backchannel_logout_session_required", 1, "invalid_client_metadata"},
				"huge": {"client_name", strings.Repeat("x", 100_000), "invalid_client_metadata"}, "10,000 redirects": {"redirect_uris", make([]string, 10_000), "invalid_redirect_uri"},
			} {
				wrong := maps.Clone(app)
				wrong[c.member] = c.value
				t.Run(what, func(t *testing.T) {
					s.metadata(http.MethodPost, "/oauth2/register", invitation.Token, wrong).wantError(t, http.StatusBadRequest, c.code)
				})
			}
			got := decode[registered](t, s.metadata(http.MethodPost, "/oauth2/register", invitation.Token, app).wantStatus(t, http.StatusCreated))
			s.secret(got.Token)
			if got.Secret != "" || got.Method != "none" || got.Application != "native" || got.Scope != "openid orders:read" || len(got.Grants) != 2 || got.URI != s.issuer+"/oauth2/register/"+got.ID {
				t.Errorf("registered %+v", got)
			}
			signedIn := s.signIn(t, got.client)
			s.wantActive(t, s.orders, signedIn.Access, true)
			above := with(newAuthorization(got.client).query, "scope", "openid orders:write")
			newBrowser(t, s.server).open(s.url + "/oauth2/authorize?" + above.Encode()).wantRefusedHere(t)

			// With its own token, and no other's, it reads, replaces and deletes its registration (RFC 7592).
			path := "/oauth2/register/" + got.ID
			app["redirect_uris"] = []string{"https://editor.example/cb"}
			confidential := decode[registered](t, s.metadata(http.MethodPost, "/oauth2/register", invitation.Token,
				map[string]any{
					"redirect_uris": app["redirect_uris"], "token_endpoint_auth_method": "client_secret_post",
					"backchannel_logout_uri": "https://editor.example/back", "backchannel_logout_session_required": true,
					"frontchannel_logout_uri": "https://editor.example/front", "frontchannel_logout_session_required": true,
				}).wantStatus(t, http.StatusCreated))
			s.secret(confidential.Secret)
			s.secret(confidential.Token)
			if confidential.Secret == "" || confidential.Method != "client_secret_post" || confidential.Application != "web" ||
				confidential.Back != "https://editor.example/back" || confidential.Front != "https://editor.example/front" || !confidential.FrontSID {
				t.Errorf("registered %+v", confidential)
			}
			s.metadata(http.MethodPost, "/oauth2/register", invitation.Token, app).wantError(t, http.StatusUnauthorized, "invalid_token")
			for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
				for _, token := range []string{"", confidential.Token, invitation.Token} {
					s.metadata(method, path, token, app).wantError(t, http.StatusUnauthorized, "invalid_token")
				}
				s.metadata(method, "/oauth2/register/web", got.Token, app).wantError(t, http.StatusUnauthorized, "invalid_token")
			}
			s.metadata(http.MethodPut, path, got.Token, app).wantError(t, http.StatusBadRequest, "invalid_client_metadata") // without its client_id
			app["client_id"], app["scope"] = got.ID, "openid profile"
			changed := decode[registered](t, s.metadata(http.MethodPut, path, got.Token, app).wantStatus(t, http.StatusOK))
			if changed.Redirects[0] != "https://editor.example/cb" || changed.Application != "web" || changed.Scope != "openid profile" {
				t.Errorf("changed to %+v", changed)
			}
			newBrowser(t, s.server).open(s.url + "/oauth2/authorize?" + newAuthorization(got.client).query.Encode()).wantRefusedHere(t)
			s.metadata(http.MethodDelete, path, got.Token, nil).wantStatus(t, http.StatusNoContent)
			s.metadata(http.MethodGet, path, got.Token, nil).wantError(t, http.StatusUnauthorized, "invalid_token")
			s.wantActive(t, s.orders, signedIn.Access, false)
			if audit := s.signet("audit", "list"); !strings.Contains(audit, "invitation.use") || !strings.Contains(audit, "client.refuse_registration") {
				t.Errorf("audit log\n%s", audit)
			}
		})
	}
}

func TestAFloodOfRegistrationsIsBounded(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t), "SIGNET_SELF_REGISTRATION_ENDPOINT=anybody")
	made, refused := 0, 0
	for range 60 {
		switch a := s.metadata(http.MethodPost, "/oauth2/register", "", map[string]any{"redirect_uris": []string{callback}}); a.status {
		case http.StatusCreated:
			made++
			got := decode[registered](t, a)
			s.secret(got.Secret)
			s.secret(got.Token)
		case http.StatusTooManyRequests:
			refused++
		default:
			t.Fatalf("%d: %s", a.status, a.body)
		}
	}
	if made != 20 || refused != 40 {
		t.Errorf("%d registered, %d refused", made, refused)
	}
}

func TestNobodysLinkLeadsOnByAClientThatNamedItself(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t), "SIGNET_SELF_REGISTRATION_ENDPOINT=anybody")
	evil := "https://evil.example/cb"
	got := decode[registered](t, s.metadata(http.MethodPost, "/oauth2/register", "", map[string]any{
		"redirect_uris": []string{evil, "https://wiki.example/.signet/callback"}, "post_logout_redirect_uris": []string{evil}, "token_endpoint_auth_method": "none",
	}).wantStatus(t, http.StatusCreated))
	s.secret(got.Token)
	silent := with(newAuthorization(got.client).query, "redirect_uri", evil, "scope", "openid", "resource", "", "prompt", "none")
	newBrowser(t, s.server).open(s.url + "/oauth2/authorize?" + silent.Encode()).wantRefusedHere(t)

	// A POST seals the request into a link, which counts no more than the request itself.
	sealed := s.post("/oauth2/authorize", client{}, silent).wantStatus(t, http.StatusSeeOther).header.Get("Location")
	if !strings.HasPrefix(sealed, "/oauth2/authorize?flow=") {
		t.Fatalf("sent to %s", sealed)
	}
	newBrowser(t, s.server).open(s.url + sealed).wantRefusedHere(t)

	// It is no application behind a proxy, on whose host others would be signed in to it.
	there := s.request(http.MethodGet, "/.signet/sign-in?client="+got.ID, nil)
	there.Host = "wiki.example"
	do(there).wantStatus(t, http.StatusForbidden)

	logout := s.logoutURL("client_id", got.ID, "post_logout_redirect_uri", evil)
	if p := newBrowser(t, s.server).open(logout); p.left {
		t.Errorf("who is not signed in is sent to %s", p.url)
	}
	b := newBrowser(t, s.server)
	b.open(s.url+"/login").submit("username", alice, "password", alicesSecret)
	if p := b.open(logout).submit(); p.header.Get("Location") != evil {
		t.Errorf("who has said yes is shown %s (%d): %s", p.url, p.status, p.text)
	}
}
