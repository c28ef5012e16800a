package e2e

import (
	"net/http"
	"testing"
	"time"
)

func TestRevokingAllOrThoseOfAnAPIEndsARefreshTokenThatWasStolen(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		replicas := []*server{s.server, s.serve()}
		for _, criterion := range [][]string{{"--all"}, {"--api", ordersAPI}, {"--user", alice}, {"--client", "web"}} {
			stolen := s.signIn(t, s.web)
			s.signet(append([]string{"token", "revoke"}, criterion...)...)
			for _, replica := range replicas {
				replica.wantActive(t, s.orders, stolen.Access, false)
				replica.post("/oauth2/token", s.web, refresh(stolen.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")
			}
			kept := s.signIn(t, s.web)
			s.signet(append([]string{"token", "revoke", "--keep-grants"}, criterion...)...)
			s.wantActive(t, s.orders, kept.Access, false)
			kept = s.issued(t, s.post("/oauth2/token", s.web, refresh(kept.Refresh)))
			s.signet(append([]string{"token", "revoke", "--issued-before", time.Now().Add(time.Hour).Format(time.RFC3339)}, criterion...)...)
			s.wantActive(t, s.orders, kept.Access, false)
			renewed := s.issued(t, s.post("/oauth2/token", s.web, refresh(kept.Refresh)))
			s.signet(append([]string{"token", "revoke"}, criterion...)...)
			s.wantActive(t, s.orders, renewed.Access, false)
			s.post("/oauth2/token", s.web, refresh(renewed.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")
		}
		other := s.signIn(t, s.web)
		s.signet("token", "revoke", "--api", invoicesAPI)
		s.issued(t, s.post("/oauth2/token", s.web, refresh(other.Refresh)))
	})
}

func TestTheAdminAPIKeepsGrantsOnlyWhenAsked(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		ops := s.createClient("ops", "--grant", "client_credentials", "--api", "urn:signet:admin")
		s.signet("assign", "administrator", "--client", ops.ID)
		admin := s.issued(t, s.post("/oauth2/token", ops, with(clientCredentials(), "scope", "tokens:revoke", "resource", "urn:signet:admin"))).Access
		user := s.signIn(t, s.web)
		s.manage("/revocations", admin, `{"api":"`+ordersAPI+`","keep_grants":true}`).wantStatus(t, http.StatusAccepted)
		s.wantActive(t, s.orders, user.Access, false)
		user = s.issued(t, s.post("/oauth2/token", s.web, refresh(user.Refresh)))
		s.manage("/revocations", admin, `{"api":"`+ordersAPI+`"}`).wantStatus(t, http.StatusAccepted)
		s.wantActive(t, s.orders, user.Access, false)
		s.post("/oauth2/token", s.web, refresh(user.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")
	})
}
