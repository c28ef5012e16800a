package directory_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
)

func TestGroupAndRoleNamesAreAllThatCountNow(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		alice := w.user("alice", "")
		named := func(groups, roles []string) {
			w.t.Helper()
			w.refresh()
			gotGroups, err := w.UserGroupNames(ctx, alice.ID)
			w.check(err)
			gotRoles, err := w.UserRoleNames(ctx, alice.ID)
			w.check(err)
			if diff := cmp.Diff([][]string{groups, roles}, [][]string{gotGroups, gotRoles}); diff != "" {
				w.t.Error(diff)
			}
		}
		named([]string{}, []string{})

		w.group("ops", "alice")
		w.group("Idle", "alice")
		w.group("others")
		w.role("reader", orders+"#read")
		w.role("empty")
		w.role("theirs", orders+"#read")
		w.assign("reader", domain.SubjectUser, "alice", time.Time{})
		w.assign("reader", domain.SubjectGroup, "ops", time.Time{})
		w.assign("empty", domain.SubjectGroup, "ops", w.now.Add(time.Minute))
		w.assign("theirs", domain.SubjectGroup, "others", time.Time{})
		named([]string{"Idle", "ops"}, []string{"empty", "reader"})

		w.now = w.now.Add(time.Minute) // nothing was changed: expiry is judged at use
		named([]string{"Idle", "ops"}, []string{"reader"})
		w.check(w.DeleteRole(ctx, "reader"))
		w.check(w.DeleteGroup(ctx, "Idle"))
		named([]string{"ops"}, []string{})
	})
}
