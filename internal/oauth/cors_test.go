package oauth

import (
	"net/http"
	"testing"

	"github.com/signet-auth/signet/internal/cors/corstest"
	"github.com/signet-auth/signet/internal/registration"
)

func TestPreflightsAreAnsweredWhereScriptsMayAskAndNowhereElse(t *testing.T) {
	mux := http.NewServeMux()
	(&Provider{Config: Config{Registrations: registration.New(registration.Config{})}}).Mount(mux)
	corstest.Preflights(t, mux, map[string]string{
		"/oauth2/device": "POST", "/oauth2/token": "POST", "/oauth2/revoke": "POST", "/revoke": "POST", "/oauth2/userinfo": "GET, POST",
		"/oauth2/authorize": "", "/oauth2/introspect": "", "/introspect": "",
	})
}
