package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

const reportsAPI = "https://reports.example"

// addReports registers an API with n permissions of 24 characters, a role that gives them all, and a client that has it.
func (s *shop) addReports(n int) client {
	api, role := []string{"api", "create", reportsAPI}, []string{"role", "create", "analyst"}
	for i := range n {
		permission := fmt.Sprintf("reports:of-the-year-%04d", i)
		api = append(api, "--permission", permission)
		role = append(role, "--grant", reportsAPI+"#"+permission)
	}
	s.signet(api...)
	s.signet(role...)
	c := s.createClient("analysis", "--grant", "client_credentials", "--api", reportsAPI)
	s.signet("assign", "analyst", "--client", c.ID)
	return c
}

// reports asks for the first n permissions.
func (s *server) reports(by client, n int) answer {
	var scopes []string
	for i := range n {
		scopes = append(scopes, fmt.Sprintf("reports:of-the-year-%04d", i))
	}
	return s.post("/oauth2/token", by, url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(scopes, " ")}})
}

func TestATokenThatWouldBeTooLargeIsNotIssuedAndOneThatIsIssuedCanBeUsedAndRevoked(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		const limit = 16 << 10
		c := s.addReports(229)
		service := s.createClient("reports-svc", "--serves", reportsAPI)
		refused := s.reports(c, 229)
		refused.wantError(t, http.StatusBadRequest, "invalid_scope")
		var size, said int
		description := decode[struct {
			Text string `json:"error_description"`
		}](t, refused).Text
		if _, err := fmt.Sscanf(description, "The access token would have %d bytes, and the limit is %d:", &size, &said); err != nil || size <= limit || said != limit {
			t.Errorf("%q does not say a size above the limit of %d", description, limit)
		}
		token := s.issued(t, s.reports(c, 226)).Access
		if len(token) < limit-256 || len(token) > limit {
			t.Errorf("the largest token has %d bytes", len(token))
		}
		s.wantActive(t, service, token, true)
		s.get("/oauth2/userinfo", token).wantStatus(t, http.StatusForbidden) // understood: it lacks the scope openid
		s.revoke(t, c, token)
		s.wantActive(t, service, token, false)
	})
}

func TestATokenThatWasIssuedUnderALargerLimitIsStillActiveAndRevocable(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t), "SIGNET_TOKENS_MAX_SIZE=32768")
	c := s.addReports(440)
	service := s.createClient("reports-svc", "--serves", reportsAPI)
	token := s.issued(t, s.reports(c, 440)).Access
	if len(token) < 30<<10 {
		t.Fatalf("the token has %d bytes only", len(token))
	}
	s.stop()
	s.env = append(s.env, "SIGNET_TOKENS_MAX_SIZE=4096")
	stricter := s.serve()
	stricter.reports(c, 440).wantError(t, http.StatusBadRequest, "invalid_scope")
	stricter.wantActive(t, service, token, true)
	stricter.get("/oauth2/userinfo", token).wantStatus(t, http.StatusForbidden)
	stricter.signetWithInput(token, "token", "inspect")
	stricter.revoke(t, c, token)
	stricter.wantActive(t, service, token, false)
}

func TestRevokingAnIDTokenIsRefused(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		got := s.signIn(t, s.web)
		s.post("/oauth2/revoke", s.web, url.Values{"token": {got.ID}}).wantError(t, http.StatusBadRequest, "unsupported_token_type")
		s.wantActive(t, s.orders, got.Access, true)
	})
}

func TestAnotherSpellingOfATokenRevokesIt(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		token := s.reportingToken(t)
		last := len(token) - 1
		spelling := token[:last] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", token[last])^1])
		s.post("/oauth2/revoke", s.web, url.Values{"token": {spelling}}).wantError(t, http.StatusBadRequest, "unauthorized_client")
		s.wantActive(t, s.orders, token, true)
		s.revoke(t, s.reporting, spelling)
		s.wantActive(t, s.orders, token, false)
	})
}
