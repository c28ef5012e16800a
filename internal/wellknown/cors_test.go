package wellknown

import (
	"net/http"
	"testing"

	"github.com/signet-auth/signet/internal/cors/corstest"
)

func TestPreflightsAreAnsweredWhereScriptsMayAskAndNowhereElse(t *testing.T) {
	mux := http.NewServeMux()
	(&Documents{}).Mount(mux)
	corstest.Preflights(t, mux, map[string]string{
		"/.well-known/openid-configuration": "GET", "/.well-known/oauth-authorization-server": "GET", "/.well-known/jwks.json": "GET",
		"/statuslists": "GET", "/statuslists/7": "GET",
	})
}
