package clock_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/clock/clocktest"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

func TestDeletionsGoByTheEarlierClockAndStopWhereTheClocksDiffer(t *testing.T) {
	there := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		ahead time.Duration
		want  time.Duration // from the database's time
		says  string        // if it is refused
	}{
		{0, 0, ""},
		{5 * time.Minute, 0, ""},
		{-5 * time.Minute, -5 * time.Minute, ""},
		{5*time.Minute + time.Second, 0, "this machine's is 5m1s ahead of the database's"},
		{2 * time.Hour, 0, "this machine's is 2h0m0s ahead of the database's"},
		{-2 * time.Hour, 0, "this machine's is 2h0m0s behind the database's"},
	} {
		c := clock.New(clocktest.Database(func() time.Time { return there }), func() time.Time { return there.Add(test.ahead) })
		got, err := c.DeletionTime(t.Context())
		switch {
		case test.says != "":
			if !errors.Is(err, domain.ErrClocksDiffer) || !strings.Contains(err.Error(), test.says) || !got.IsZero() {
				t.Errorf("%v ahead: %v, %v; want %q", test.ahead, got, err, test.says)
			}
		case err != nil || !got.Equal(there.Add(test.want)):
			t.Errorf("%v ahead: %v, %v; want %v from %v", test.ahead, got, err, test.want, there)
		}
		if ahead, err := c.Ahead(t.Context()); err != nil || ahead != test.ahead {
			t.Errorf("ahead by %v, %v; want %v", ahead, err, test.ahead)
		}
	}
}

func TestEveryDatabaseHasAClock(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		before := time.Now().Add(-time.Second)
		got, err := db.Clock(t.Context())
		if err != nil || got.Before(before) || got.After(time.Now().Add(time.Second)) {
			t.Errorf("Clock = %v, %v; it is %v", got, err, time.Now())
		}
	})
}
