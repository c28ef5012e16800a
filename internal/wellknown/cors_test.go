package wellknown

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/signet-auth/signet/internal/cors/corstest"
	"github.com/signet-auth/signet/internal/domain"
)

func TestPreflightsAreAnsweredWhereScriptsMayAskAndNowhereElse(t *testing.T) {
	mux := http.NewServeMux()
	(&Documents{}).Mount(mux)
	corstest.Preflights(t, mux, map[string]string{
		"/.well-known/openid-configuration": "GET", "/.well-known/oauth-authorization-server": "GET", "/.well-known/jwks.json": "GET", "/.well-known/ssf-configuration": "GET",
		"/statuslists": "GET", "/statuslists/7": "GET",
	})
}

func TestScriptsMayReadThatADocumentCannotBeHad(t *testing.T) {
	w := httptest.NewRecorder()
	d := &Documents{Log: slog.New(slog.DiscardHandler)}
	d.fail(w, httptest.NewRequest(http.MethodGet, "/statuslists", nil), domain.ErrUnavailable)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%d, for %q to read", w.Code, w.Header().Get("Access-Control-Allow-Origin"))
	}
}
