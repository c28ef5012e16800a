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
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/servicetest"
)

func TestNobodyTakesBackWhatBelongsToSomebodyWithMorePermissions(t *testing.T) {
	each(t, func(w *world) {
		ctx, operator := t.Context(), caller(t, "tokens:revoke")
		w.AddUser(t, "bob", "")
		robot, _ := w.AddClient(t, domain.Client{ClientID: "robot", GrantTypes: []string{domain.GrantClientCredentials}})
		bob, err := w.Directory.FindUser(ctx, "bob")
		servicetest.Must(t, err)
		issued := time.Now().UTC()
		tokens := map[string]domain.IssuedToken{
			"the user's":   {ID: domain.FirstTokenID(issued), Kind: domain.TokenAccess, UserID: bob.ID, ClientID: robot.ID, ExpiresAt: issued.Add(time.Hour)},
			"the client's": {ID: domain.FirstTokenID(issued.Add(time.Second)), Kind: domain.TokenAccess, ClientID: robot.ID, ExpiresAt: issued.Add(time.Hour)},
		}
		for _, token := range tokens {
			_, err := w.db.InsertIssuedTokens(ctx, []domain.IssuedToken{token}, []int64{1 << 40})
			servicetest.Must(t, err)
		}
		try := func(want error) {
			t.Helper()
			for name, op := range map[string]func() error{
				"a user's": func() error {
					_, err := w.Revoke(ctx, operator, admin.TokenFilter{Names: index.Names{User: "bob"}}, admin.Revoking{KeepGrants: true})
					return err
				},
				"a client's": func() error {
					_, err := w.Revoke(ctx, operator, admin.TokenFilter{Names: index.Names{Client: "robot"}}, admin.Revoking{KeepGrants: true})
					return err
				},
				"a user's of a client": func() error {
					_, err := w.Revoke(ctx, operator, admin.TokenFilter{Names: index.Names{User: "bob", Client: "robot"}, IssuedSince: issued}, admin.Revoking{})
					return err
				},
				"the chosen": func() error {
					_, err := w.RevokeChosen(ctx, operator, []domain.TokenID{tokens["the client's"].ID, tokens["the user's"].ID})
					return err
				},
				"suspend the user's":   func() error { return w.SuspendToken(ctx, operator, tokens["the user's"].ID) },
				"suspend the client's": func() error { return w.SuspendToken(ctx, operator, tokens["the client's"].ID) },
				"revoke the user's":    func() error { return w.RevokeToken(ctx, operator, tokens["the user's"].ID) },
				"revoke the client's":  func() error { return w.RevokeToken(ctx, operator, tokens["the client's"].ID) },
			} {
				if err := op(); !errors.Is(err, want) && !errors.Is(err, domain.ErrRevoked) {
					t.Errorf("%s: %v, want %v", name, err, want)
				}
			}
		}
		for subject, kind := range map[string]domain.SubjectKind{"bob": domain.SubjectUser, "robot": domain.SubjectClient} {
			servicetest.Must(t, w.Assign(ctx, w.root, domain.RoleAdministrator, kind, subject, time.Time{}))
		}
		try(domain.ErrDenied)
		_, err = w.Revoke(ctx, operator, admin.TokenFilter{}, admin.Revoking{All: true}) // spares nobody
		servicetest.Must(t, err)
		for name, narrow := range map[string]admin.TokenFilter{
			"a role": {Role: domain.RoleAdministrator}, "suspended tokens": {State: domain.TokenSuspended},
			"a moment": {Names: index.Names{Client: "robot"}, IssuedSince: issued, IssuedBefore: issued.Add(time.Second)},
		} {
			if _, err := w.Revoke(ctx, caller(t, "tokens:revoke", "assignments:read"), narrow, admin.Revoking{}); !errors.Is(err, domain.ErrDenied) {
				t.Errorf("%s, which may be one administrator's: %v, want ErrDenied", name, err)
			}
			_, err := w.Revoke(ctx, w.root, narrow, admin.Revoking{})
			servicetest.Must(t, err)
		}
		w.AddUser(t, "root", "correct horse battery")
		servicetest.Must(t, w.Assign(ctx, w.root, domain.RoleAdministrator, domain.SubjectUser, "root", time.Time{}))
		for subject, kind := range map[string]domain.SubjectKind{"bob": domain.SubjectUser, "robot": domain.SubjectClient} {
			servicetest.Must(t, w.Unassign(ctx, w.root, domain.RoleAdministrator, kind, subject))
		}
		try(nil)
	})
}

// Who could take them from an administrator could then take over the account, and have them when they are given back.
func TestNobodyTakesAwayPermissionsThatTheyLack(t *testing.T) {
	each(t, func(w *world) {
		ctx := t.Context()
		w.AddUser(t, "boss", "")
		powers := domain.RolePermission{Audience: domain.AdminAudience, Permission: "keys:revoke"}
		const rulers = "kind: role\nname: ruler\npermissions: ['urn:signet:admin#keys:revoke']\n---\n"
		const ruling = "kind: group\nname: rulers\n---\nkind: assignment\nrole: ruler\ngroup: rulers\n---\nkind: assignment\nrole: ruler\nuser: boss\n---\n"
		const member = "kind: group\nname: rulers\nmembers: [boss]\n---\nkind: assignment\nrole: ruler\ngroup: rulers\n---\nkind: assignment\nrole: ruler\nuser: boss\n---\n"
		const other = "kind: group\nname: other\n"
		_, err := w.apply(ctx, w.root, rulers+member+other, nil)
		servicetest.Must(t, err)
		mallory := caller(t, slices.DeleteFunc(admin.PermissionNames(), func(name string) bool { return name == powers.Permission })...)
		prune := func(text string) error {
			_, err := w.apply(ctx, mallory, text, func(r *admin.ApplyRequest) { r.Prune = true })
			return err
		}
		empty := func(role *domain.Role) error { role.Permissions = nil; return nil }
		_, errEmpty := w.UpdateRole(ctx, mallory, "ruler", nil, empty)
		_, _, errEmptyRevoke := w.UpdateRoleAndRevoke(ctx, mallory, "ruler", nil, empty)
		_, errUnassign := w.UnassignAndRevoke(ctx, mallory, "ruler", domain.SubjectUser, "boss")
		for what, err := range map[string]error{
			"unassign": w.Unassign(ctx, mallory, "ruler", domain.SubjectUser, "boss"), "unassign and revoke": errUnassign,
			"delete the role": w.DeleteRole(ctx, mallory, "ruler"), "empty the role": errEmpty, "empty the role and revoke": errEmptyRevoke,
			"delete the group": w.DeleteGroup(ctx, mallory, "rulers"), "take a member out": w.RemoveMember(ctx, mallory, "rulers", "boss"),
			"unassign by files":          prune(rulers + "kind: group\nname: rulers\nmembers: [boss]\n---\nkind: assignment\nrole: ruler\ngroup: rulers\n---\n" + other),
			"delete everything by files": prune(other),
			"empty the role by files":    prune("kind: role\nname: ruler\n---\n" + member + other),
			"empty the group by files":   prune(rulers + strings.Replace(ruling, "name: rulers", "name: rulers\nmembers: []", 1) + other),
		} {
			if denied, ok := errors.AsType[*admin.DeniedError](err); !ok || denied.Permission != powers.Permission {
				t.Errorf("%s: %v, want a refusal", what, err)
			}
		}
		// What gives less than the caller has, the caller takes away.
		ruler := caller(t, "roles:write", "groups:write", "assignments:write", "keys:revoke")
		servicetest.Must(t, w.Unassign(ctx, ruler, "ruler", domain.SubjectUser, "boss"))
		servicetest.Must(t, w.RemoveMember(ctx, ruler, "rulers", "boss"))
		servicetest.Must(t, w.DeleteGroup(ctx, ruler, "rulers"))
		servicetest.Must(t, w.DeleteRole(ctx, ruler, "ruler"))
		w.AddRole(t, "clerk")
		servicetest.Must(t, w.Assign(ctx, mallory, "clerk", domain.SubjectUser, "boss", time.Time{}))
		servicetest.Must(t, w.Unassign(ctx, mallory, "clerk", domain.SubjectUser, "boss"))
		servicetest.Must(t, w.DeleteRole(ctx, mallory, "clerk"))
	})
}

// Who could change what administrators' tokens say, for how long they are valid or who may ask about them would act as they do.
func TestTheAdministrationIsAnAPIThatOnlyWhoHasAllOfItChanges(t *testing.T) {
	each(t, func(w *world) {
		ctx := t.Context()
		w.AddClient(t, domain.Client{ClientID: "harmless", GrantTypes: []string{domain.GrantClientCredentials}})
		spy := domain.Client{ClientID: "spy", GrantTypes: []string{domain.GrantClientCredentials}, Serves: []string{domain.AdminAudience}}
		serve := func(client *domain.Client) error { client.Serves = spy.Serves; return nil }
		longer := func(api *domain.API) error { api.AccessTokenTTL = 24 * time.Hour; return nil }
		mallory := caller(t, slices.DeleteFunc(admin.PermissionNames(), func(name string) bool { return name == "keys:revoke" })...)
		_, errAPI := w.UpdateAPI(ctx, mallory, domain.AdminAudience, nil, longer)
		_, errCreate := w.CreateClient(ctx, mallory, spy, admin.GivenSecret{})
		_, errUpdate := w.UpdateClient(ctx, mallory, "harmless", nil, serve)
		_, errFile := w.apply(ctx, mallory, "kind: client\nclient_id: spy\ngrant_types: [client_credentials]\nserves: ['urn:signet:admin']\n", nil)
		for what, err := range map[string]error{"change the API": errAPI, "register a client": errCreate, "change a client": errUpdate, "by files": errFile} {
			if !errors.Is(err, domain.ErrDenied) {
				t.Errorf("%s: %v, want a refusal", what, err)
			}
		}
		all := caller(t, admin.PermissionNames()...)
		_, err := w.UpdateAPI(ctx, all, domain.AdminAudience, nil, longer)
		servicetest.Must(t, err)
		_, err = w.CreateClient(ctx, all, spy, admin.GivenSecret{})
		servicetest.Must(t, err)
	})
}

func TestNobodyMakesAUserLookLikeSomebodyWithMorePermissions(t *testing.T) {
	each(t, func(w *world) {
		ctx := t.Context()
		w.AddUser(t, "boss", "")
		w.AddUser(t, "chief@corp.example", "") // who has no other address
		w.AddUser(t, "alice", "")
		w.AddUser(t, "twin", "")
		mail := func(address string) func(*domain.User) error {
			return func(user *domain.User) error { user.Email, user.EmailVerified = address, true; return nil }
		}
		for username, address := range map[string]string{"boss": "boss@corp.example", "alice": "alice@corp.example"} {
			_, err := w.UpdateUser(ctx, w.root, username, nil, mail(address))
			servicetest.Must(t, err)
		}
		_, err := w.apply(ctx, w.root, "kind: role\nname: ruler\npermissions: ['urn:signet:admin#keys:revoke']\n---\nkind: assignment\nrole: ruler\nuser: boss\n"+
			"---\nkind: assignment\nrole: ruler\nuser: chief@corp.example\n", nil)
		servicetest.Must(t, err)
		mallory := caller(t, slices.DeleteFunc(admin.PermissionNames(), func(name string) bool { return name == "keys:revoke" })...)
		create := func(n admin.NewUser) error { _, err := w.CreateUser(ctx, mallory, n); return err }
		update := func(edit func(*domain.User) error) error {
			_, err := w.UpdateUser(ctx, mallory, "twin", nil, edit)
			return err
		}
		refused := func(what string, err error) {
			t.Helper()
			if denied, ok := errors.AsType[*admin.DeniedError](err); !ok || denied.Permission != "keys:revoke" {
				t.Errorf("%s: %v, want a refusal", what, err)
			}
		}
		for _, state := range []string{"enabled", "disabled"} {
			refused("a new user of the address of an "+state+" one", create(admin.NewUser{Username: "double", Email: "Boss@Corp.example", EmailVerified: true}))
			refused("one called by the address of an "+state+" one", create(admin.NewUser{Username: "boss@corp.example"}))
			refused("a user who gets the address of an "+state+" one", update(mail("boss@corp.example")))
			refused("a new user of the address that an "+state+" one is called by", create(admin.NewUser{Username: "double", Email: "Chief@Corp.example"}))
			refused("a user who gets the address that an "+state+" one is called by", update(mail("chief@corp.example")))
			for _, username := range []string{"boss", "chief@corp.example"} {
				servicetest.Must(t, w.DisableUser(ctx, w.root, username, ""))
			}
		}
		// People without such permissions may share an address, and one that is shared already hinders no other change.
		servicetest.Must(t, create(admin.NewUser{Username: "double", Email: "alice@corp.example"}))
		servicetest.Must(t, create(admin.NewUser{Username: "eve@corp.example", Email: "eve@corp.example"}))
		_, err = w.UpdateUser(ctx, mallory, "eve@corp.example", nil, mail("Eve@corp.example"))
		servicetest.Must(t, err)
		_, err = w.UpdateUser(ctx, w.root, "twin", nil, mail("boss@corp.example"))
		servicetest.Must(t, err)
		servicetest.Must(t, update(func(user *domain.User) error { user.Name = "Twin"; return nil }))
		// One who shares it is not enabled again without them.
		servicetest.Must(t, w.DisableUser(ctx, mallory, "twin", ""))
		enable := func(caller authn.Caller) error { _, err := w.EnableUser(ctx, caller, "twin"); return err }
		refused("enabling a user of the address", enable(mallory))
		servicetest.Must(t, enable(w.root))
	})
}
