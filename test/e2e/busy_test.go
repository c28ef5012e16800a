package e2e

import (
	"fmt"
	"net/http"
	"testing"
)

func TestCommandsGetTheirTurnBesideABusyServerOnSQLite(t *testing.T) {
	t.Parallel()
	s := openShop(t, newSQLiteDatabase(t))
	clients := newLoad(t)
	clients.add(32, 0, func() {
		if a := s.post("/oauth2/token", s.reporting, clientCredentials()); a.status != http.StatusOK {
			t.Errorf("a token: %d %s", a.status, a.body)
		}
	})
	for i := range 20 {
		s.signet("role", "create", fmt.Sprint("role", i))
	}
	clients.end()
}
