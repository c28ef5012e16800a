package status_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestAListThatCannotBeRenewedIsServedAndLoggedOnceInAnOutage(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		var log bytes.Buffer
		f.A.Statuses.Log = slog.New(slog.NewTextHandler(&log, nil))
		id := f.Issue(t, f.A).Record.Status.List
		servicetest.Fetch(t, f.A, id)
		f.Pass(t, servicetest.StatusTTL) // it is due
		_, err := f.B.Keys.Rotate(eventtest.Context(t), []string{domain.ES256}, 0)
		servicetest.Must(t, err)
		f.A.Refresh(t) // forgets the ring
		db.Close()
		for range 3 {
			if list, err := f.A.Statuses.List(eventtest.Context(t), id); err != nil || len(list.Body) == 0 {
				t.Fatalf("the last list is not served: %v", err)
			}
		}
		if n := strings.Count(log.String(), "cannot be renewed"); n != 1 {
			t.Errorf("logged %d times: %s", n, log.String())
		}
		later := f.Clock().Add(time.Hour)
		f.Now.Store(&later)
		if _, err := f.A.Statuses.List(eventtest.Context(t), id); err == nil {
			t.Error("an expired list is served")
		}
	})
}
