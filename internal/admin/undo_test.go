package admin_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/servicetest"
)

func TestUndoGivesNothingToAnotherWhoIsCalledTheSame(t *testing.T) {
	each(t, func(w *world) {
		t, ctx := w.t, w.t.Context()
		w.AddUser(t, "bob", "")
		_, err := w.CreateGroup(ctx, w.root, "ops", "")
		servicetest.Must(t, err)
		servicetest.Must(t, w.Assign(ctx, w.root, domain.RoleAuditor, domain.SubjectUser, "bob", time.Time{}))
		servicetest.Must(t, w.AddMember(ctx, w.root, "ops", "bob"))
		servicetest.Must(t, w.Unassign(ctx, w.root, domain.RoleAuditor, domain.SubjectUser, "bob"))
		servicetest.Must(t, w.RemoveMember(ctx, w.root, "ops", "bob"))
		undo := func() (errs []error) {
			for action, target := range map[string]string{"role.unassign": "role:" + domain.RoleAuditor, "group.remove_member": "group:ops"} {
				seq, err := w.Done(ctx, w.root, action, target)
				servicetest.Must(t, err)
				errs = append(errs, w.Undo(ctx, w.root, seq, func(context.Context) error { return nil }))
			}
			return errs
		}
		servicetest.Must(t, errors.Join(undo()...))
		servicetest.Must(t, w.DeleteUser(ctx, w.root, "bob"))
		w.AddUser(t, "bob", "")
		for _, err := range undo() {
			if !errors.Is(err, domain.ErrConflict) {
				t.Errorf("it is undone for another: %v", err)
			}
		}
	})
}
