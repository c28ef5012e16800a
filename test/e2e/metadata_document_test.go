package e2e

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// documentHost serves metadata documents, over TLS, for a Signet that is set to trust it and to fetch from this machine.
type documentHost struct {
	*httptest.Server
	name atomic.Value // client_name
	keys atomic.Value // jwks by which the client authenticates, empty: it does not
	env  []string     // the settings
}

func newDocumentHost(t *testing.T, redirectURI string) *documentHost {
	t.Helper()
	h := &documentHost{}
	h.name.Store("Editor")
	h.keys.Store("")
	h.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		document := map[string]any{
			"client_id": h.URL + r.URL.Path, "client_name": h.name.Load(), "redirect_uris": []string{redirectURI},
			"grant_types": []string{"authorization_code", "refresh_token"}, "token_endpoint_auth_method": "none",
		}
		if keys, _ := h.keys.Load().(string); keys != "" {
			document["token_endpoint_auth_method"], document["jwks"] = "private_key_jwt", json.RawMessage(keys)
		}
		json.NewEncoder(w).Encode(document)
	}))
	t.Cleanup(h.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	check(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: h.Certificate().Raw}), 0o600))
	h.env = []string{
		"SSL_CERT_FILE=" + file, "SIGNET_SELF_REGISTRATION_METADATA_DOCUMENTS=anybody", "SIGNET_SELF_REGISTRATION_METADATA_PRIVATE=true",
		"SIGNET_SELF_REGISTRATION_PERMISSIONS=" + ordersAPI + "#orders:read",
	}
	return h
}

func TestAnApplicationThatDescribesItselfSignsIn(t *testing.T) {
	t.Parallel()
	for name, open := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newDocumentHost(t, callback)
			s := openShop(t, open(t), h.env...)
			for _, path := range []string{"/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"} {
				if a := s.get(path, ""); !strings.Contains(a.body, `"client_id_metadata_document_supported":true`) {
					t.Errorf("%s says nothing of metadata documents: %s", path, a.body)
				}
			}
			app := client{ID: h.URL + "/editor.json"}
			a := newAuthorization(app)
			b := newBrowser(t, s.server)
			p := b.open(s.url+"/oauth2/authorize?"+a.query.Encode()).submit("username", alice, "password", alicesSecret)
			for _, want := range []string{"Allow Editor?", "named itself", "described at " + strings.TrimPrefix(h.URL, "https://"), "own device"} {
				if !strings.Contains(p.text, want) {
					t.Errorf("the consent page does not say %q:\n%s", want, p.text)
				}
			}
			p = p.submit("decision", "allow")
			got := s.issued(t, s.post("/oauth2/token", app, a.exchange(s.secret(p.url.Query().Get("code")))))
			if c := claims(t, got.Access); c["client_id"] != app.ID || c["aud"] != ordersAPI || got.Refresh == "" {
				t.Errorf("claims %v", c)
			}
			s.wantActive(t, s.orders, got.Access, true)
			got = s.issued(t, s.post("/oauth2/token", app, refresh(got.Refresh)))

			// Consent is asked for each time, and what lies above the ceiling is refused, without leading anybody on.
			if p := b.open(s.url + "/oauth2/authorize?" + newAuthorization(app).query.Encode()); p.url.Path != "/consent" {
				t.Errorf("the second time the browser is at %s", p.url)
			}
			above := with(newAuthorization(app).query, "scope", "openid orders:write")
			newBrowser(t, s.server).open(s.url + "/oauth2/authorize?" + above.Encode()).wantRefusedHere(t)

			if listed := s.signet("client", "list", "--origin", "metadata"); !strings.Contains(listed, app.ID) || strings.Contains(listed, "reporting") {
				t.Errorf("listed\n%s", listed)
			}
			if shown := s.signet("client", "show", app.ID); !strings.Contains(shown, ordersAPI+"#orders:read") {
				t.Errorf("shown\n%s", shown)
			}
			if said := s.refused("client", "create", h.URL+"/taken", "--grant", "client_credentials"); !strings.Contains(said, "metadata document") {
				t.Errorf("an administrator takes the name of a document: %s", said)
			}
			s.signet("client", "delete", app.ID)
			s.wantActive(t, s.orders, got.Access, false)
		})
	}
}

func TestNobodysDocumentsCountAtFirst(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		h := newDocumentHost(t, callback)
		newBrowser(t, s.server).open(s.url + "/oauth2/authorize?" + newAuthorization(client{ID: h.URL + "/x"}).query.Encode()).wantRefusedHere(t)
		if a := s.get("/.well-known/openid-configuration", ""); strings.Contains(a.body, "client_id_metadata_document_supported") || strings.Contains(a.body, "registration_endpoint") {
			t.Errorf("discovery has %s", a.body)
		}
	})
}
