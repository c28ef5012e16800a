package e2e

import (
	"net/http"
	"testing"
)

func TestAStolenRefreshTokenMakesNoTokensAfterItsAPIOrEverythingWasRevoked(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		for _, args := range [][]string{{"--all"}, {"--api", ordersAPI}, {"--user", alice}, {"--client", "web"}} {
			stolen := s.signIn(t, s.web)
			s.signet(append([]string{"token", "revoke", "--keep-grants"}, args...)...)
			s.wantActive(t, s.orders, stolen.Access, false)
			renewed := s.issued(t, s.post("/oauth2/token", s.web, refresh(stolen.Refresh)))
			s.signet(append([]string{"token", "revoke"}, args...)...)
			s.wantActive(t, s.orders, renewed.Access, false)
			s.post("/oauth2/token", s.web, refresh(renewed.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")
		}
		t.Run("an API's revocation does not end grants for others", func(t *testing.T) {
			got := s.signIn(t, s.web)
			s.signet("token", "revoke", "--api", invoicesAPI)
			s.issued(t, s.post("/oauth2/token", s.web, refresh(got.Refresh)))
		})
	})
}
