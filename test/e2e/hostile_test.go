package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
)

// hostileValues are what no honest caller sends.
var hostileValues = map[string]string{
	"empty": "", "NUL": "a\x00b", "not UTF-8": "a\xff\xfeb", "half a surrogate": "\xed\xa0\x80", "line feed": "a\r\nSet-Cookie: x=y",
	"33 bits": "9999999999", "32 bits": "2147483648", "65 bits": "18446744073709551616", "negative": "-1", "float": "1e400",
	"quotes": `'"; DROP TABLE users; --`, "path": "../../../etc/passwd", "long": strings.Repeat("x", 20_000), "broken cursor": "eyJhIjoxfQ==",
}

// hostileForms are the endpoints that take a form, and the fields of an honest one.
var hostileForms = map[string]url.Values{
	"/oauth2/token": {
		"grant_type": {"authorization_code"}, "code": {"c"}, "redirect_uri": {callback}, "code_verifier": {strings.Repeat("v", 43)},
		"refresh_token": {"r"}, "device_code": {"d"}, "scope": {"orders:read"}, "resource": {ordersAPI}, "client_id": {"app"}, "client_secret": {""},
	},
	"/oauth2/device":     {"client_id": {"app"}, "client_secret": {""}, "scope": {"openid"}, "resource": {ordersAPI}, "audience": {ordersAPI}, "nonce": {"n"}},
	"/device":            {"user_code": {"BBBB-BBBB"}},
	"/device/consent":    {"flow": {"f"}, "decision": {"allow"}},
	"/oauth2/introspect": {"token": {"t"}, "token_type_hint": {"access_token"}},
	"/oauth2/revoke":     {"token": {"t"}, "token_type_hint": {"access_token"}},
	"/revoke": {
		"token": {"t"}, "client_id": {"app"}, "client_assertion": {"eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJhcHAiLCJzdWIiOiJhcHAiLCJleHAiOjk5OTl9.AA"},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
	},
	"/oauth2/authorize":          {"client_id": {"app"}, "redirect_uri": {callback}, "response_type": {"code"}, "state": {"s"}, "response_mode": {"form_post"}, "scope": {"openid"}, "prompt": {"none"}, "max_age": {"1"}, "acr_values": {"1"}, "claims": {`{"userinfo":null}`}, "ui_locales": {"en"}, "nonce": {"n"}, "resource": {ordersAPI}, "code_challenge": {"x"}, "code_challenge_method": {"S256"}},
	"/oauth2/userinfo":           {"access_token": {"t"}},
	"/oauth2/logout":             {"id_token_hint": {"t"}, "logout_hint": {alice}, "client_id": {"app"}, "post_logout_redirect_uri": {callback}, "state": {"s"}, "ui_locales": {"en"}},
	"/login":                     {"username": {alice}, "password": {"p"}, "request": {"r"}},
	"/consent":                   {"request": {"r"}, "answer": {"allow"}},
	"/setup":                     {"token": {"t"}, "username": {"u"}, "password": {"p"}},
	"/logout":                    {"request": {"r"}},
	"/account/sessions/end":      {"sid": {"s"}},
	"/account/consents/withdraw": {"client_id": {"web"}},
	"/account/lock":              {"username": {alice}},
	"/account/password":          {"password": {"p"}, "password_again": {"p"}},
	"/password":                  {"flow": {"f"}, "token": {"t"}, "password": {"p"}, "password_again": {"p"}},
	"/events/poll":               {"maxEvents": {"1"}},
}

// unlimited are settings of a server that takes any number of requests, however long they take.
var unlimited = []string{
	"SIGNET_LIMITS_REQUESTS_PER_USER=0", "SIGNET_LIMITS_PAGES_PER_ADDRESS=0", "SIGNET_LIMITS_FAILURES_PER_ADDRESS=0",
	"SIGNET_ADMIN_API_REQUESTS_PER_SECOND=0", "SIGNET_TOKENS_ACCESS_TTL=1h",
}

func TestHostileValuesNeverFailTheServer(t *testing.T) {
	eachDatabaseWith(t, unlimited, func(t *testing.T, s *shop) {
		bearer := s.reportingToken(t)
		tv := s.createTV()
		decisions := newPDP(t, s, ordersPolicy)
		entering := newBrowser(t, s.server)
		entering.open(s.url+"/login").submit("username", alice, "password", alicesSecret)
		for name, value := range hostileValues {
			for _, path := range []string{
				"/statuslists/", "/.well-known/", "/static/", "/api/v1/users/", "/api/v1/tokens/", "/api/v1/keys/", "/api/v1/revocations/", "/",
				"/login?request=", "/consent?request=", "/admin/audit?actor=", "/admin/audit?since=", "/admin/audit/", "/api/v1/audit/export?since=", "/select-account?flow=", "/setup?token=", "/logout?request=", "/logout?id_token_hint=", "/account?x=",
				"/device?user_code=", "/device/consent?flow=", "/device/done?flow=",
				"/api/v1/tokens?cursor=", "/api/v1/users?cursor=", "/api/v1/users?search=", "/statuslists?time=", "/access/v1/policy?audience=", "/forward-auth?api=", "/forward-auth?", "/.signet/sign-in?client=", "/.signet/callback?code=x&state=",
			} {
				s.wantNoFailure(t, name, s.get(path+url.QueryEscape(value), bearer), path)
			}
			for path, form := range hostileForms {
				for field := range form {
					hostile := with(form, field, value)
					for _, by := range []client{{}, s.orders, s.web} {
						s.wantNoFailure(t, name, s.post(path, by, hostile), path+" "+field)
					}
					s.wantNoFailure(t, name, s.get(path+"?"+hostile.Encode(), ""), path+" "+field)
				}
				s.wantNoFailure(t, name, s.post(path, client{ID: value, Secret: value + "x"}, form), path+" by")
			}
			s.wantNoFailure(t, name, s.get("/oauth2/userinfo", url.QueryEscape(value)), "bearer")
			s.wantNoFailure(t, name, s.post("/oauth2/device", tv, with(deviceRequest(), "nonce", value)), "a device's nonce")
			s.wantNoFailure(t, name, s.pollDevice(tv, deviceCodes{DeviceCode: value}), "a device's code")
			if page := entering.open(s.url+"/device").submit("user_code", value); page.status >= http.StatusInternalServerError {
				t.Errorf("%s: entering a code answers %d", name, page.status)
			}
			decisions.tryHostile(t, name, value)
			page := newBrowser(t, s.server).open(s.url+"/login").submit("username", value, "password", value)
			if page.status >= http.StatusInternalServerError {
				t.Errorf("%s: signing in answers %d", name, page.status)
			}
		}
		s.get("/forward-auth?api="+ordersAPI, bearer).wantStatus(t, http.StatusForbidden) // this machine is no trusted proxy
		if log := s.log.String(); strings.Contains(log, "level=ERROR") {
			t.Errorf("hostile values are logged as errors:\n%s", firstLine(log, "level=ERROR"))
		}
	})
}

func TestHostileMetadataOfClientsNeverFailTheServer(t *testing.T) {
	t.Parallel()
	for name, open := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t, open(t), "SIGNET_SELF_REGISTRATION_ENDPOINT=anybody", "SIGNET_SELF_REGISTRATION_METADATA_DOCUMENTS=anybody")
			honest := map[string]any{"redirect_uris": []string{callback}, "token_endpoint_auth_method": "none"}
			made := decode[registered](t, s.metadata(http.MethodPost, "/oauth2/register", "", honest).wantStatus(t, http.StatusCreated))
			s.secret(made.Token)
			send := func(name, method, path, token, body string) {
				t.Helper()
				r := s.request(method, path, strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				r.Header.Set("Authorization", "Bearer "+token)
				s.wantNoFailure(t, name, do(r), method+" "+path+" "+body)
			}
			members := []string{
				"client_id", "client_secret", "client_name", "token_endpoint_auth_method", "application_type", "jwks_uri", "jwks", "scope", "software_statement",
				"id_token_signed_response_alg", "redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types", "subject_type", "sector_identifier_uri",
			}
			for name, value := range hostileValues {
				escaped, err := json.Marshal(value)
				check(t, err)
				send(name, http.MethodPost, "/oauth2/register", "", value)
				for _, method := range []string{http.MethodGet, http.MethodPut, http.MethodDelete} {
					send(name, method, "/oauth2/register/"+url.PathEscape(value), made.Token, "{}")
					send(name, method, "/oauth2/register/"+made.ID, url.QueryEscape(value), "{}")
				}
				for _, member := range members {
					for _, text := range []string{string(escaped), `"` + value + `"`} {
						for _, of := range []string{text, "[" + text + "]", `{"keys":[{"kty":` + text + `}]}`, `[{},1]`, "1e999"} {
							whole := map[string]string{"client_id": strconv.Quote(made.ID), "redirect_uris": `["` + callback + `"]`, member: of}
							var body []string
							for name, value := range whole {
								body = append(body, strconv.Quote(name)+":"+value)
							}
							send(name, http.MethodPut, "/oauth2/register/"+made.ID, made.Token, "{"+strings.Join(body, ",")+"}")
						}
					}
				}
				s.wantNoFailure(t, name, s.get("/oauth2/authorize?client_id="+url.QueryEscape("https://x.invalid/"+value), ""), "a document")
			}
			if log := s.log.String(); strings.Contains(log, "level=ERROR") {
				t.Errorf("hostile metadata are logged as errors:\n%s", firstLine(log, "level=ERROR"))
			}
		})
	}
}

// wantNoFailure wants an answer that is no failure of the server's; 503 is none that a caller may cause either. 501 says what there is not.
func (s *server) wantNoFailure(t *testing.T, value string, a answer, what string) {
	t.Helper()
	if a.status == 0 || a.status >= http.StatusInternalServerError && a.status != http.StatusNotImplemented {
		t.Errorf("%s: %s answers %d: %s", value, what, a.status, fmt.Sprintf("%.200s", a.body))
	}
	a.wantDiscreet(t)
}

func firstLine(text, with string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, with) {
			return line
		}
	}
	return ""
}
