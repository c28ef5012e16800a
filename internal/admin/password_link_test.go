package admin_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
)

func TestALinkOpensNothingOnceItsUserHasMorePermissionsThanWhoMadeIt(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(t)
		link := func(maker authn.Caller) string {
			t.Helper()
			made, err := w.LinkPassword(ctx, maker, "bob")
			servicetest.Must(t, err)
			parsed, err := url.Parse(made.URL)
			servicetest.Must(t, err)
			return parsed.Query().Get("token")
		}
		w.AddUser(t, "boss", "") // an administrator has to stay
		servicetest.Must(t, w.Assign(ctx, w.root, domain.RoleAdministrator, domain.SubjectUser, "boss", time.Time{}))
		w.AddUser(t, "bob", "")
		w.AddRole(t, "clerk", domain.AdminAudience+"#users:write")
		w.AddRole(t, "keeper", domain.AdminAudience+"#keys:revoke")
		team, err := w.CreateGroup(ctx, w.root, "team", "")
		servicetest.Must(t, err)
		servicetest.Must(t, w.Assign(ctx, w.root, "keeper", domain.SubjectGroup, team.Name, time.Time{}))

		helper := caller(t, "users:write")
		token := link(helper)
		servicetest.Must(t, w.Assign(ctx, w.root, "clerk", domain.SubjectUser, "bob", time.Time{}))
		_, err = w.Links.Check(ctx, token)
		servicetest.Must(t, err)
		for name, change := range map[string]struct{ promote, demote func() error }{
			"administrator": {
				func() error {
					return w.Assign(ctx, w.root, domain.RoleAdministrator, domain.SubjectUser, "bob", time.Time{})
				},
				func() error {
					return w.Unassign(ctx, w.root, domain.RoleAdministrator, domain.SubjectUser, "bob")
				},
			},
			"member of a group": {
				func() error { return w.AddMember(ctx, w.root, "team", "bob") },
				func() error { return w.RemoveMember(ctx, w.root, "team", "bob") },
			},
		} {
			servicetest.Must(t, change.promote())
			_, err := w.Links.Check(ctx, token)
			servicetest.Refused(t, err, domain.ErrNotFound)
			_, err = w.Links.Set(ctx, token, "battery staple of mine")
			servicetest.Refused(t, err, domain.ErrNotFound)
			servicetest.Must(t, change.demote())
			if _, err := w.Links.Check(ctx, token); err != nil {
				t.Errorf("%s no more: %v", name, err)
			}
		}
		_, err = w.Links.Set(ctx, token, "battery staple of mine")
		servicetest.Must(t, err)

		for _, maker := range []authn.Caller{w.root, caller(t, "users:write", "keys:revoke")} {
			token := link(maker)
			servicetest.Must(t, w.AddMember(ctx, w.root, "team", "bob"))
			_, err = w.Links.Set(ctx, token, "battery staple of mine")
			servicetest.Must(t, err)
			servicetest.Must(t, w.RemoveMember(ctx, w.root, "team", "bob"))
		}
		token = link(w.root)
		servicetest.Must(t, w.Assign(ctx, w.root, domain.RoleAdministrator, domain.SubjectUser, "bob", time.Time{}))
		_, err = w.Links.Set(ctx, token, "battery staple of mine")
		servicetest.Must(t, err)
	})
}
