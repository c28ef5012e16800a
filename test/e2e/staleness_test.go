package e2e

import (
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"
)

func TestNoReplicaReportsARevokedTokenActive(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		replicas := []*server{s.server, s.serve()}
		var tries atomic.Int64
		clients := newLoad(t)
		for n, here := range replicas {
			there := replicas[1-n]
			clients.add(4, time.Millisecond, func() {
				a := here.post("/oauth2/token", s.reporting, clientCredentials())
				if a.status != http.StatusOK {
					return // a machine too busy to answer is not what this is about
				}
				token := a.accessToken(t)
				if said := there.introspect(s.orders, token); said.status == http.StatusOK && !decode[struct{ Active bool }](t, said).Active {
					t.Error("an issued token is inactive at the other replica")
				}
				if here.post("/oauth2/revoke", s.reporting, url.Values{"token": {token}}).status != http.StatusOK {
					return
				}
				said := there.introspect(s.orders, token)
				if said.status != http.StatusOK {
					return
				}
				tries.Add(1)
				if decode[struct{ Active bool }](t, said).Active {
					t.Error("a revoked token is active at the other replica")
				}
			})
		}
		await(t, "there are enough tries for a result", func() bool { return tries.Load() >= 100 || t.Failed() })
		for deadline := time.Now().Add(20 * time.Second); tries.Load() < 500 && time.Now().Before(deadline) && !t.Failed(); {
			time.Sleep(50 * time.Millisecond)
		}
		clients.end()
		t.Logf("%d revocations, 0 stale answers wanted", tries.Load())
	})
}
