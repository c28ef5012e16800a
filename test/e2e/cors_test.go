package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// notForScripts are the endpoints of the metadata that go by cookies or need a secret.
var notForScripts = map[string]bool{"authorization_endpoint": true, "introspection_endpoint": true, "end_session_endpoint": true}

func TestScriptsOfOtherOriginsMayAskEveryEndpointThatIsForThemAndNoOther(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		ask := func(method, address string, header ...string) answer {
			r, err := http.NewRequest(method, address, nil)
			check(t, err)
			r.Header.Set("Origin", "https://app.example")
			for i := 0; i < len(header); i += 2 {
				r.Header.Set(header[i], header[i+1])
			}
			return do(r)
		}
		const asked = "authorization, content-type, dpop, mcp-protocol-version, traceparent"
		preflight := func(address string) answer {
			return ask(http.MethodOptions, address, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", asked)
		}
		list := statusRefOf(t, s.reportingToken(t)).uri
		endpoints := map[string]string{"a status list": list, "the metadata": s.issuer + "/.well-known/oauth-authorization-server"}
		for name, value := range decode[map[string]any](t, s.get("/.well-known/openid-configuration", "").wantStatus(t, http.StatusOK)) {
			if address, ok := value.(string); ok && name != "issuer" && strings.HasPrefix(address, s.issuer) {
				endpoints[name] = address
			}
		}
		if len(endpoints) < 10 {
			t.Errorf("only %v", endpoints)
		}
		for name, address := range endpoints {
			if notForScripts[name] {
				for _, a := range []answer{preflight(address), ask(http.MethodGet, address), ask(http.MethodPost, address)} {
					for header := range a.header {
						if strings.HasPrefix(header, "Access-Control-") {
							t.Errorf("%s: %s is %q", name, header, a.header.Get(header))
						}
					}
				}
				continue
			}
			h := preflight(address).wantStatus(t, http.StatusNoContent).header
			allowed := strings.ToLower(h.Get("Access-Control-Allow-Headers"))
			for wanted := range strings.SplitSeq(asked, ", ") {
				if h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(allowed, wanted) {
					t.Errorf("%s: a preflight allows %q the headers %q", name, h.Get("Access-Control-Allow-Origin"), allowed)
				}
			}
			method, _, _ := strings.Cut(h.Get("Access-Control-Allow-Methods"), ",")
			a := ask(method, address) // refused where it needs more, which a script has to see
			exposed := a.header.Get("Access-Control-Expose-Headers")
			if a.status == 0 || a.status == http.StatusMethodNotAllowed || a.header.Get("Access-Control-Allow-Origin") != "*" ||
				!strings.Contains(exposed, "WWW-Authenticate") || !strings.Contains(exposed, "DPoP-Nonce") {
				t.Errorf("%s: %s is answered %d, for %q to read, with %q", name, method, a.status, a.header.Get("Access-Control-Allow-Origin"), exposed)
			}
		}
	})
}
