package e2e

import (
	"net/http"
	"regexp"
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
	await(t, "the difference is logged", func() bool { return regexp.MustCompile(`ahead=2h0m\ds`).MatchString(f.log.String()) })
	const ahead = `2h0m\ds ahead of the database's` // and the time that the database's answer takes
	if says := f.get("/readyz", "").wantStatus(t, http.StatusServiceUnavailable).body; !regexp.MustCompile(ahead).MatchString(says) {
		t.Errorf("/readyz says %q", says)
	}
	if says := fast.refused("token", "purge"); !regexp.MustCompile("the clocks differ: this machine's is " + ahead).MatchString(says) {
		t.Errorf("token purge says %q", says)
	}

	wantUnavailable(t, map[string]func() answer{ // rather than a token from the future, or the judgement of another time
		"a token":       func() answer { return f.post("/oauth2/token", s.reporting, clientCredentials()) },
		"introspection": func() answer { return f.introspect(s.orders, token) },
	})

	s.signet("token", "purge")
	s.awaitReady()
	s.wantActive(t, s.orders, token, true)
	s.getList(statusRefOf(t, token)).wantStatus(t, http.StatusOK)
}

func TestPurgeWarnsOfClocksThatDiffer(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	i := newInstallation(t, database)
	i.signet("migrate", "up")
	purge := func() string {
		out, err := i.command("token", "purge").CombinedOutput()
		if err != nil {
			t.Fatalf("token purge: %v: %s", err, out)
		}
		return string(out)
	}
	i.env = append(i.env, "SIGNET_DATABASE_URL="+pgtest.SkewClock(t, database, -2*time.Minute))
	if says := purge(); !strings.Contains(says, "clock and the database's differ by 2m") || !strings.Contains(says, "purged 0 rows") {
		t.Errorf("token purge says %q", says)
	}
	if says := i.signet("token", "purge", "-o", "json"); !strings.Contains(says, `"warnings"`) {
		t.Errorf("token purge -o json says %q", says)
	}
	i.env = append(i.env, "SIGNET_DATABASE_URL="+database)
	pgtest.SkewClock(t, database, 0)
	if says := purge(); says != "purged 0 rows\n" {
		t.Errorf("token purge with equal clocks says %q", says)
	}
}
