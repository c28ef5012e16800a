package resourceserver_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signet-auth/signet/resourceserver"
)

const metadataAt = `resource_metadata="https://orders.example/.well-known/oauth-protected-resource"`

// ask sends a request to a handler that says whom it serves.
func ask(t *testing.T, protect resourceserver.Middleware, authorization ...string) *httptest.ResponseRecorder {
	t.Helper()
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header["Authorization"] = authorization
	protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := resourceserver.FromContext(r.Context())
		if !ok {
			t.Error("there are no claims")
			return
		}
		w.Write([]byte(c.Subject))
	})).ServeHTTP(w, r)
	return w
}

func TestRequestsAreServedOrChallenged(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready()
		read := v.Require("orders:read")
		good := i.token(nil)
		for _, authorization := range []string{"Bearer " + good, "bearer " + good, "BEARER   " + good + " "} {
			if w := ask(t, read, authorization); w.Code != 200 || w.Body.String() != "usr_alice" {
				t.Errorf("%d %s", w.Code, w.Body)
			}
		}
		const notValid = `Bearer error="invalid_token", error_description="The access token is not valid.", ` + metadataAt
		for _, c := range []struct {
			protect       resourceserver.Middleware
			authorization []string
			status        int
			challenge     string
		}{
			{read, nil, 401, `Bearer scope="orders:read", ` + metadataAt},
			{v.Require(), nil, 401, `Bearer ` + metadataAt},
			{read, []string{""}, 401, `Bearer scope="orders:read", ` + metadataAt},
			{read, []string{"Basic eDp5"}, 401, `Bearer scope="orders:read", ` + metadataAt},
			{read, []string{"DPoP " + good}, 401, `Bearer scope="orders:read", ` + metadataAt},
			{read, []string{good}, 401, `Bearer scope="orders:read", ` + metadataAt},
			{read, []string{"Bearer " + good, "Bearer " + good}, 400, `Bearer error="invalid_request", error_description="Send one Authorization header.", ` + metadataAt},
			{read, []string{"Bearer x"}, 401, notValid},
			{read, []string{"Bearer " + good + " " + good}, 401, notValid},
			{read, []string{"Bearer " + i.token(claims{"aud": "x"})}, 401, notValid},
			{read, []string{"Bearer " + i.token(claims{"exp": 1})}, 401, strings.Replace(notValid, "is not valid", "has expired", 1)},
			{read, []string{"Bearer " + i.token(claims{"cnf": claims{"jkt": "x"}})}, 401, strings.Replace(notValid, "is not valid", "is bound to a key and was sent without a proof", 1)},
			{v.Require("orders:read", "orders:write"), []string{"Bearer " + good}, 403,
				`Bearer error="insufficient_scope", error_description="The access token lacks a permission.", scope="orders:read orders:write", ` + metadataAt},
			{v.RequireSignIn(time.Minute), []string{"Bearer " + good}, 401,
				`Bearer error="insufficient_user_authentication", error_description="A newer or stronger sign-in is needed.", max_age="60", ` + metadataAt},
			{v.RequireSignIn(0, "mfa", "x"), []string{"Bearer " + good}, 401,
				`Bearer error="insufficient_user_authentication", error_description="A newer or stronger sign-in is needed.", acr_values="mfa x", ` + metadataAt},
			{v.RequireSignIn(0), []string{"Bearer " + i.token(claims{"auth_time": nil})}, 401,
				`Bearer error="insufficient_user_authentication", error_description="A newer or stronger sign-in is needed.", ` + metadataAt},
		} {
			w := ask(t, c.protect, c.authorization...)
			if w.Code != c.status || w.Header().Get("WWW-Authenticate") != c.challenge {
				t.Errorf("%.30q: %d %s, want %d %s", c.authorization, w.Code, w.Header().Get("WWW-Authenticate"), c.status, c.challenge)
			}
			var body map[string]string
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body["error_description"] == "" || w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("%.30q: %v %s", c.authorization, w.Header(), w.Body)
			}
			if body["error"] != "" && !strings.Contains(c.challenge, body["error"]) {
				t.Errorf("%.30q: %s", c.authorization, w.Body)
			}
		}
		for _, protect := range []resourceserver.Middleware{
			v.RequireSignIn(2 * time.Minute), v.RequireSignIn(0, "mfa", "pwd"), v.RequireSignIn(100*time.Second, "pwd"),
			func(h http.Handler) http.Handler { return read(v.RequireSignIn(time.Hour)(h)) },
		} {
			if w := ask(t, protect, "Bearer "+good); w.Code != 200 {
				t.Errorf("%d %s", w.Code, w.Header())
			}
		}
	})
}

func TestRequestsAreNotServedWhileTokensCannotBeJudged(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		i.answer(metadata, down)
		v := i.verifier()
		synctest.Wait()
		w := ask(t, v.Require(), "Bearer "+i.token(nil))
		if w.Code != 503 || w.Header().Get("Retry-After") == "" || w.Header().Get("WWW-Authenticate") != "" || !strings.Contains(w.Body.String(), "temporarily_unavailable") {
			t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		if w := ask(t, v.Require()); w.Code != 401 {
			t.Errorf("without a token: %d", w.Code)
		}
	})
}

func TestTheServiceSaysWhoIssuesItsTokens(t *testing.T) {
	bubble(t, func(t *testing.T, i *issuer) {
		v := i.ready(resourceserver.WithName("Orders"), resourceserver.WithScopes("orders:read", "orders:write"))
		get := func(v *resourceserver.Verifier, method string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			v.MetadataHandler().ServeHTTP(w, httptest.NewRequest(method, resourceserver.MetadataPath, nil))
			return w
		}
		w := get(v, "GET")
		var said struct {
			Resource, Resource_name                 string
			Authorization_servers, Scopes_supported []string
		}
		check(t, json.Unmarshal(w.Body.Bytes(), &said))
		if said.Resource != audience || said.Resource_name != "Orders" || !slices.Equal(said.Authorization_servers, []string{issuerURL}) ||
			!slices.Equal(said.Scopes_supported, []string{"orders:read", "orders:write"}) || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%v %s", w.Header(), w.Body)
		}
		if w := get(v, "POST"); w.Code != 405 {
			t.Errorf("a POST: %d", w.Code)
		}
		for audience, challenge := range map[string]string{
			"https://orders.example/v1":   `Bearer resource_metadata="https://orders.example/.well-known/oauth-protected-resource/v1"`,
			"https://orders.example/":     `Bearer resource_metadata="https://orders.example/.well-known/oauth-protected-resource"`,
			"https://orders.example/?a=1": `Bearer resource_metadata="https://orders.example/.well-known/oauth-protected-resource?a=1"`,
			"urn:orders":                  "Bearer", "orders": "Bearer",
		} {
			v, err := resourceserver.New(issuerURL, audience, resourceserver.WithHTTPClient(&http.Client{Transport: i}))
			check(t, err)
			if got := ask(t, v.Require()).Header().Get("WWW-Authenticate"); got != challenge {
				t.Errorf("%s: %s, want %s", audience, got, challenge)
			}
			v.Close()
		}
	})
}
