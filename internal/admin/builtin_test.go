package admin_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/servicetest"
)

// holder is a caller with what a role gives of urn:signet:admin.
func (w *world) holder(role string) authn.Caller {
	w.t.Helper()
	found, err := w.FindRole(w.t.Context(), w.root, role)
	servicetest.Must(w.t, err)
	var permissions []string
	for _, p := range found.Permissions {
		permissions = append(permissions, p.Permission)
	}
	return caller(w.t, permissions...)
}

// The verbs of operations that give access, or take away for good; and of those that only take access back, or keep Signet running.
var (
	managingVerbs  = []string{"create", "update", "delete", "set_", "add_", "remove_", "assign", "unassign", "erase", "import", "invite", "apply"}
	operatingVerbs = []string{"revoke", "suspend", "resume", "pause", "purge", "begin", "finish", "disable", "enable", "rotate", "end", "lock", "unlock"}
)

func TestAnAuditorChangesNothingAndAnOperatorGivesNoAccess(t *testing.T) {
	each(t, func(w *world) {
		administrator, operator, auditor := w.holder(domain.RoleAdministrator), w.holder(domain.RoleOperator), w.holder(domain.RoleAuditor)
		for _, o := range admin.Operations {
			_, verb, _ := strings.Cut(o.Name, ".")
			begins := func(with string) bool { return strings.HasPrefix(verb, with) }
			manages, operates := slices.ContainsFunc(managingVerbs, begins), slices.ContainsFunc(operatingVerbs, begins)
			if reads := strings.HasSuffix(o.Permission, ":read"); !administrator.May(o.Permission) || auditor.May(o.Permission) != reads || reads && !operator.May(o.Permission) {
				t.Errorf("%s: who may is not what the name of %s says", o.Name, o.Permission)
			}
			if (manages || operates) && auditor.May(o.Permission) || manages && operator.May(o.Permission) {
				t.Errorf("%s: an auditor may: %v, an operator may: %v", o.Name, auditor.May(o.Permission), operator.May(o.Permission))
			}
		}
	})
}

func TestAnOperatorCannotBecomeAnAdministrator(t *testing.T) {
	each(t, func(w *world) {
		ctx := t.Context()
		w.AddUser(t, "boss", "correct horse battery staple")
		w.AddUser(t, "op", "correct horse battery staple")
		servicetest.Must(t, w.Assign(ctx, w.root, domain.RoleAdministrator, domain.SubjectUser, "boss", time.Time{}))
		operator := w.holder(domain.RoleOperator)
		_, errRole := w.CreateRole(ctx, operator, domain.Role{Name: "mine"})
		_, errUpdate := w.UpdateRole(ctx, operator, domain.RoleOperator, nil, func(*domain.Role) error { return nil })
		_, errEnable := w.EnableUser(ctx, operator, "boss")
		for what, err := range map[string]error{
			"assign a role": w.Assign(ctx, operator, domain.RoleAdministrator, domain.SubjectUser, "op", time.Time{}),
			"make a role":   errRole, "change its own role": errUpdate,
			"set a password":              w.SetPassword(ctx, operator, "op", "correct horse battery staple"),
			"disable an administrator":    w.DisableUser(ctx, operator, "boss", ""),
			"enable an administrator":     errEnable,
			"join a group":                w.AddMember(ctx, operator, "none", "op"),
			"take the administrator role": w.Unassign(ctx, operator, domain.RoleAdministrator, domain.SubjectUser, "boss"),
		} {
			if !errors.Is(err, domain.ErrDenied) {
				t.Errorf("%s: %v, want a refusal", what, err)
			}
		}
		servicetest.Must(t, w.DisableUser(ctx, operator, "op", ""))
	})
}

func TestBuiltInRolesKeepTheirPermissionsOfSignet(t *testing.T) {
	each(t, func(w *world) {
		ctx := t.Context()
		w.AddAPI(t, "https://orders.example", "orders:read")
		orders := domain.RolePermission{Audience: "https://orders.example", Permission: "orders:read"}
		for _, name := range domain.BuiltInRoles {
			servicetest.Refused(t, w.DeleteRole(ctx, w.root, name), domain.ErrInvalid, "built in")
			_, err := w.UpdateRole(ctx, w.root, name, nil, func(role *domain.Role) error { role.Permissions = nil; return nil })
			servicetest.Refused(t, err, domain.ErrInvalid, "built in")
			role, err := w.UpdateRole(ctx, w.root, name, nil, func(role *domain.Role) error {
				role.Permissions = append(role.Permissions, orders)
				return nil
			})
			if servicetest.Must(t, err); !slices.Contains(role.Permissions, admin.RolePermission(orders)) {
				t.Errorf("%s lacks a permission of another API", name)
			}
		}
		more := domain.RolePermission{Audience: domain.AdminAudience, Permission: "roles:write"}
		add := func(role *domain.Role) error { role.Permissions = append(role.Permissions, more); return nil }
		for _, name := range []string{domain.RoleOperator, domain.RoleAuditor} {
			_, err := w.UpdateRole(ctx, w.root, name, nil, add)
			servicetest.Refused(t, err, domain.ErrInvalid, "built in")
			servicetest.Must(t, w.Directory.SyncRole(event.WithActor(ctx, event.System), name, add)) // as a version did in which it had more
		}
		servicetest.Must(t, w.Sync(ctx))
		for _, name := range []string{domain.RoleOperator, domain.RoleAuditor} {
			role, err := w.FindRole(ctx, w.root, name)
			servicetest.Must(t, err)
			if slices.Contains(role.Permissions, admin.RolePermission(more)) || !slices.Contains(role.Permissions, admin.RolePermission(orders)) {
				t.Errorf("%s has %v", name, role.Permissions)
			}
		}
	})
}

func TestARefusedChangeOfARoleIsRecordedThatWouldHaveRevokedTokens(t *testing.T) {
	each(t, func(w *world) {
		w.AddRole(t, "clerk")
		_, _, err := w.UpdateRoleAndRevoke(t.Context(), caller(t, "roles:write", "tokens:revoke"), "clerk", nil, func(role *domain.Role) error {
			role.Permissions = []domain.RolePermission{{Audience: domain.AdminAudience, Permission: "users:write"}}
			return nil
		})
		if _, denied := errors.AsType[*admin.DeniedError](err); !denied {
			t.Fatalf("error %v", err)
		}
		events, err := w.ListEvents(t.Context(), w.root, domain.EventFilter{Action: "management.refuse"}, admin.Query{Limit: 10})
		if servicetest.Must(t, err); len(events.Items) != 1 {
			t.Errorf("%d refusals are recorded", len(events.Items))
		}
	})
}

func TestServersThatStartAtOnceSetUpWhatIsBuiltIn(t *testing.T) {
	each(t, func(w *world) {
		servicetest.Must(t, w.db.DeleteClients(t.Context(), []string{domain.CLIClient}))
		errs := make(chan error)
		for range 4 {
			go func() { errs <- w.Sync(t.Context()) }()
		}
		for range 4 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}
