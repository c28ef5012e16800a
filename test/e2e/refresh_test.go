package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// longOverlap is one that does not end while a busy machine takes its time.
var longOverlap = []string{"SIGNET_TOKENS_REFRESH_OVERLAP=5m"}

func TestAClientThatDidNotGetTheAnswerToARefreshGetsTheSameSuccessorAgain(t *testing.T) {
	eachDatabaseWith(t, longOverlap, func(t *testing.T, s *shop) {
		other := s.serve()
		first := s.signIn(t, s.app)
		lost := s.issued(t, s.post("/oauth2/token", s.app, refresh(first.Refresh))) // committed, and nobody reads it
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				again := s.issued(t, []*server{s.server, other}[i%2].post("/oauth2/token", s.app, refresh(first.Refresh)))
				mu.Lock()
				defer mu.Unlock()
				if again.Refresh != lost.Refresh {
					t.Error("the successor is another one")
				}
				s.wantActive(t, s.orders, again.Access, true)
			})
		}
		wg.Wait()
		next := s.issued(t, other.post("/oauth2/token", s.app, refresh(lost.Refresh)))
		s.wantActive(t, s.orders, next.Access, true)

		// The successor is used: now the first is a replay, and one of the two who have it is a thief.
		s.post("/oauth2/token", s.app, refresh(first.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")
		s.post("/oauth2/token", s.app, refresh(next.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")
		for _, token := range []string{first.Access, lost.Access, next.Access} {
			other.wantActive(t, s.orders, token, false)
		}
	})
}

// atOnce sends a token request many times at once.
func (s *shop) atOnce(n int, by client, form url.Values) []answer {
	answers := make([]answer, n)
	var wg sync.WaitGroup
	for i := range answers {
		wg.Go(func() {
			for range 20 { // as 503 says: SQLite writes one after the other
				if answers[i] = s.post("/oauth2/token", by, form); answers[i].status != http.StatusServiceUnavailable {
					break
				}
			}
		})
	}
	wg.Wait()
	return answers
}

func TestFiftyParallelRefreshesOfAnUnusedTokenGetOneSuccessor(t *testing.T) {
	eachDatabaseWith(t, longOverlap, func(t *testing.T, s *shop) {
		got := s.signIn(t, s.app)
		answers := s.atOnce(50, s.app, refresh(got.Refresh))
		successors := map[string]bool{}
		for _, a := range answers {
			successors[s.issued(t, a).Refresh] = true
		}
		if len(successors) != 1 {
			t.Errorf("%d successors", len(successors))
		}
	})
}

func TestAfterTheOverlapARefreshTokenThatWasUsedEndsItsGrant(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		s.stop()
		s.env = append(s.env, "SIGNET_TOKENS_REFRESH_OVERLAP=1s")
		s.server = s.serve()
		first := s.signIn(t, s.app)
		second := s.issued(t, s.post("/oauth2/token", s.app, refresh(first.Refresh)))
		time.Sleep(1100 * time.Millisecond)
		s.post("/oauth2/token", s.app, refresh(first.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")
		s.post("/oauth2/token", s.app, refresh(second.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")
		s.wantActive(t, s.orders, second.Access, false)
	})
}

func TestTheOverlapIsASettingOfAClient(t *testing.T) {
	eachDatabaseWith(t, longOverlap, func(t *testing.T, s *shop) {
		s.signet("client", "update", s.web.ID, "--refresh-overlap", "0s")
		first := s.signIn(t, s.web)
		second := s.issued(t, s.post("/oauth2/token", s.web, refresh(first.Refresh)))
		s.post("/oauth2/token", s.web, refresh(first.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")
		s.post("/oauth2/token", s.web, refresh(second.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")
		s.wantActive(t, s.orders, second.Access, false)

		s.signet("client", "update", s.web.ID, "--default-refresh-overlap")
		first = s.signIn(t, s.web)
		second = s.issued(t, s.post("/oauth2/token", s.web, refresh(first.Refresh)))
		if again := s.issued(t, s.post("/oauth2/token", s.web, refresh(first.Refresh))); again.Refresh != second.Refresh {
			t.Error("with the server's overlap the successor is another one")
		}
		for _, bad := range []string{"-1s", "301s", "1500ms"} {
			s.refused("client", "update", s.web.ID, "--refresh-overlap", bad)
		}
	})
}

func TestOfFiftyStrictRefreshesAtOnceOneWinsAndTheGrantEnds(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		s.signet("client", "update", s.web.ID, "--refresh-overlap", "0s")
		got := s.signIn(t, s.web)
		answers := s.atOnce(50, s.web, refresh(got.Refresh))
		var won int
		for _, a := range answers {
			if a.status == http.StatusOK {
				won++
				s.wantActive(t, s.orders, s.issued(t, a).Access, false)
				continue
			}
			a.wantError(t, http.StatusBadRequest, "invalid_grant")
		}
		if won > 1 {
			t.Errorf("%d refreshes won", won)
		}
	})
}

func TestAThiefInTheOverlapGetsNoMoreThanTheOwnerAndIsInTheAuditLog(t *testing.T) {
	eachDatabaseWith(t, longOverlap, func(t *testing.T, s *shop) {
		first := s.signIn(t, s.app)
		owners := s.issued(t, s.post("/oauth2/token", s.app, refresh(first.Refresh)))
		if log := s.signet("audit", "list"); strings.Contains(log, "refresh_token.repeat") {
			t.Errorf("the audit log has a repeat already: %s", log)
		}
		wider := refresh(first.Refresh)
		wider.Set("scope", "openid orders:write")
		s.post("/oauth2/token", s.app, wider).wantError(t, http.StatusBadRequest, "invalid_scope")
		stolen := s.issued(t, s.post("/oauth2/token", s.app, refresh(first.Refresh)))
		if stolen.Refresh != owners.Refresh || stolen.Scope != owners.Scope {
			t.Errorf("the thief has another token, for %q", stolen.Scope)
		}
		log := s.signet("audit", "list")
		if !strings.Contains(log, "refresh_token.repeat") || !strings.Contains(log, `"ip":"127.0.0.1"`) || !strings.Contains(log, "client:"+s.app.ID) {
			t.Errorf("the audit log is %s", log)
		}
		// Whoever of the two goes on first, the other then ends the grant.
		next := s.issued(t, s.post("/oauth2/token", s.app, refresh(stolen.Refresh)))
		s.issued(t, s.post("/oauth2/token", s.app, refresh(owners.Refresh))) // in the overlap of the second
		s.issued(t, s.post("/oauth2/token", s.app, refresh(next.Refresh)))
		s.post("/oauth2/token", s.app, refresh(owners.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")
		s.wantActive(t, s.orders, next.Access, false)
	})
}

func TestAClientThatAuthenticatesMayKeepItsRefreshTokens(t *testing.T) {
	eachDatabaseWith(t, longOverlap, func(t *testing.T, s *shop) {
		s.signet("client", "update", s.web.ID, "--keep-refresh-tokens")
		got := s.signIn(t, s.web)
		for _, a := range s.atOnce(50, s.web, refresh(got.Refresh)) {
			again := s.issued(t, a)
			if again.Refresh != got.Refresh {
				t.Error("the token was replaced")
			}
			s.wantActive(t, s.orders, again.Access, true)
		}
		if log := s.signet("audit", "list"); strings.Contains(log, "refresh_token.repeat") {
			t.Errorf("the audit log has repeats: %s", log)
		}
		// A token that was replaced before or after stays used.
		s.signet("client", "update", s.web.ID, "--keep-refresh-tokens=false")
		next := s.issued(t, s.post("/oauth2/token", s.web, refresh(got.Refresh)))
		if next.Refresh == got.Refresh {
			t.Error("the token was not replaced")
		}
		s.signet("client", "update", s.web.ID, "--keep-refresh-tokens")
		if again := s.issued(t, s.post("/oauth2/token", s.web, refresh(got.Refresh))); again.Refresh != next.Refresh {
			t.Error("in the overlap it gives no successor")
		}
		s.issued(t, s.post("/oauth2/token", s.web, refresh(next.Refresh)))
		s.revoke(t, s.web, next.Refresh)
		s.post("/oauth2/token", s.web, refresh(next.Refresh)).wantError(t, http.StatusBadRequest, "invalid_grant")
		s.refused("client", "update", s.app.ID, "--keep-refresh-tokens")
		s.refused("client", "create", "--public", "--grant", "authorization_code", "--redirect-uri", callback, "--keep-refresh-tokens")
	})
}
