package directory_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
)

func TestHoldingsSayThroughWhatEachRoleIsHeld(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		alice := w.user("alice", "")
		w.group("ops", "alice")
		w.role("clerk", orders+"#write", orders+"#read", billing+"#read")
		w.role("empty")
		soon := w.now.Add(time.Minute)
		w.assign("empty", domain.SubjectUser, "alice", time.Time{})
		w.assign("clerk", domain.SubjectGroup, "ops", time.Time{})
		w.assign("clerk", domain.SubjectUser, "alice", soon)
		w.assign("clerk", domain.SubjectClient, "svc", time.Time{})
		clerk := []domain.RolePermission{{Audience: billing, Permission: "read"}, {Audience: orders, Permission: "read"}, {Audience: orders, Permission: "write"}}

		ops, err := w.FindGroup(ctx, "ops")
		w.check(err)
		holds := func(s directory.Subject, want ...directory.Holding) {
			w.t.Helper()
			w.refresh()
			got, err := w.Holdings(ctx, s)
			w.check(err)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				w.t.Error(diff)
			}
		}
		direct := directory.Holding{Role: "clerk", Permissions: clerk}
		holds(subjectOf(alice), directory.Holding{Role: "clerk", ExpiresAt: soon, Permissions: clerk},
			directory.Holding{Role: "clerk", Group: "ops", Permissions: clerk}, directory.Holding{Role: "empty"})
		holds(directory.Subject{Kind: domain.SubjectGroup, ID: ops.ID}, direct)
		holds(svc, direct)

		w.now = soon
		holds(subjectOf(alice), directory.Holding{Role: "clerk", Group: "ops", Permissions: clerk}, directory.Holding{Role: "empty"})
		w.check(w.DeleteRole(ctx, "empty"))
		w.check(w.RemoveMember(ctx, "ops", "alice"))
		holds(subjectOf(alice))

		_, err = w.Holdings(ctx, directory.Subject{Kind: "api"})
		w.refused(err, domain.ErrInvalid, "kind of subject")
	})
}
