package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

// manage sends JSON to the admin API.
func (s *server) manage(path, bearer, body string) answer {
	s.t.Helper()
	r := s.request(http.MethodPost, "/api/v1"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+bearer)
	r.Header.Set("Content-Type", "application/json")
	return do(r)
}

func TestARevocationByTheAdminAPIHoldsAtTheOtherReplicaAtOnce(t *testing.T) {
	t.Parallel()
	s := openShop(t, pgtest.Database(t))
	other := s.serve()
	ops := s.createClient("ops", "--grant", "client_credentials", "--api", "urn:signet:admin")
	s.signet("assign", "administrator", "--client", ops.ID)
	administer := func() string {
		return s.issued(t, s.post("/oauth2/token", ops, url.Values{
			"grant_type": {"client_credentials"}, "scope": {"tokens:revoke keys:revoke"},
		})).Access
	}
	admin := administer()
	for _, body := range []string{`{"client":"reporting"}`, `{"api":"` + ordersAPI + `"}`, `{"all":true}`} {
		token := s.reportingToken(t)
		other.wantActive(t, s.orders, token, true)
		s.manage("/revocations", admin, body).wantStatus(t, http.StatusAccepted)
		other.wantActive(t, s.orders, token, false)
	}
	s.manage("/revocations", admin, `{"user":"`+alice+`"}`).wantStatus(t, http.StatusUnauthorized) // all were revoked, this one too

	admin = administer()
	user := s.signIn(t, s.web)
	other.wantActive(t, s.orders, user.Access, true)
	s.manage("/revocations", admin, `{"user":"`+alice+`"}`).wantStatus(t, http.StatusAccepted)
	other.wantActive(t, s.orders, user.Access, false)
	other.post("/oauth2/token", s.web, refresh(user.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")

	token := s.reportingToken(t)
	kid := joseHeader(t, token)["kid"].(string)
	s.manage("/keys/"+kid+"/revoke", admin, "").wantStatus(t, http.StatusOK)
	if other.published(t)[kid] {
		t.Error("the other replica publishes a revoked key")
	}
	other.wantActive(t, s.orders, token, false)
}

func TestTheAdminAPIRefusesWhatIsTooLargeOrNotJSON(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		ops := s.createClient("ops", "--grant", "client_credentials", "--api", "urn:signet:admin")
		s.signet("assign", "administrator", "--client", ops.ID)
		admin := s.issued(t, s.post("/oauth2/token", ops, url.Values{"grant_type": {"client_credentials"}, "scope": {"tokens:revoke"}})).Access
		token := s.reportingToken(t)
		for body, want := range map[string]int{
			`{"client":"` + strings.Repeat("x", 70<<10) + `"}`: http.StatusRequestEntityTooLarge,
			strings.Repeat(`[`, 30_000):                        http.StatusBadRequest,
			`[]`:                                               http.StatusUnprocessableEntity,
			`null`:                                             http.StatusUnprocessableEntity,
			``:                                                 http.StatusBadRequest,
			`{"client":"reporting","client":["x"]}`:            http.StatusUnprocessableEntity,
			`{"client":"reporting"} {"all":true}`:              http.StatusBadRequest,
		} {
			a := s.manage("/revocations", admin, body)
			a.wantDiscreet(t)
			if a.status != want {
				t.Errorf("%.40s: status %d, want %d: %s", body, a.status, want, a.body)
			}
		}
		twice := s.request(http.MethodGet, "/api/v1/tokens", nil)
		twice.Header["Authorization"] = []string{"Bearer " + admin, "Bearer " + admin}
		do(twice).wantStatus(t, http.StatusUnauthorized)
		s.get("/api/v1/tokens?access_token="+admin, "").wantStatus(t, http.StatusUnauthorized)
		s.wantActive(t, s.orders, token, true)
	})
}
