package signin_test

import (
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
)

func TestSomeAdministratorCanAlwaysSignIn(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(t)
		only, other := w.user("only", "a long password of one"), w.user("other", "a long password of another")
		assign := func(name string) {
			w.check(w.Directory.Assign(ctx, domain.Assignment{Role: domain.RoleAdministrator, SubjectKind: domain.SubjectUser, Subject: name}))
		}
		remove := func(u domain.User) error {
			credentials, err := w.Passwords.Credentials(ctx, u.ID)
			w.check(err)
			return w.Passwords.Remove(ctx, u.Username, credentials[0].ID)
		}
		assign("only")
		w.refused(remove(only), domain.ErrInvalid, "this is the last administrator who can sign in")
		assign("other")
		w.check(remove(other))
		w.refused(w.Directory.DisableUser(ctx, "only", ""), domain.ErrInvalid, "this is the last administrator who can sign in")
		w.check(w.Directory.DisableUser(ctx, "other", ""))
	})
}
