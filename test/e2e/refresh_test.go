package e2e

import (
	"net/http"
	"sync"
	"testing"
	"time"
)

func TestAClientThatDidNotGetTheAnswerToARefreshGetsTheSameSuccessorAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
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

func TestFiftyParallelRefreshesOfAnUnusedTokenGetOneSuccessor(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		got := s.signIn(t, s.app)
		answers := make([]answer, 50)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() {
				for range 20 { // as 503 says: SQLite writes one after the other
					answers[i] = s.post("/oauth2/token", s.app, refresh(got.Refresh))
					if answers[i].status != http.StatusServiceUnavailable {
						break
					}
				}
			})
		}
		wg.Wait()
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
