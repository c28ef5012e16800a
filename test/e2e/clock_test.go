package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

func TestAServerWhoseClockDiffersFromTheDatabasesIsNotReadyAndPurgesNothing(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	s := openShop(t, database)
	token := s.reportingToken(t)

	fast := newInstallation(t, pgtest.SkewClock(t, database, -2*time.Hour))
	fast.issuer, fast.env = s.issuer, append(fast.env, s.env[1]) // the master key
	f := fast.start()
	await(t, "the difference is logged", func() bool { return strings.Contains(f.log.String(), "ahead=2h0m0s") })
	if says := f.get("/readyz", "").wantStatus(t, http.StatusServiceUnavailable).body; !strings.Contains(says, "2h0m0s ahead of the database's") {
		t.Errorf("/readyz says %q", says)
	}
	if says := fast.refused("token", "purge"); !strings.Contains(says, "the clocks differ: this machine's is 2h0m0s ahead of the database's") {
		t.Errorf("token purge says %q", says)
	}

	s.signet("token", "purge")
	s.awaitReady()
	s.wantActive(t, s.orders, token, true)
	s.getList(statusRefOf(t, token)).wantStatus(t, http.StatusOK)
}
