package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// namesOf are the names of objects.
func namesOf[T any](objects []T, name func(T) string) (names []string) {
	for _, o := range objects {
		names = append(names, name(o))
	}
	return names
}

var filterTests = map[string]func(*testing.T, *store.DB){
	"users and clients are chosen by whether they are disabled, clients by origin and API too": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		ctx, yes, no := t.Context(), true, false
		must(db.InsertUser(ctx, domain.User{Subject: "sub-bob", Username: "bob", DisabledAt: t0}))(t)
		must(db.InsertClient(ctx, domain.Client{ClientID: "robot", IDTokenAlg: domain.ES256, CreatedAt: t0, UpdatedAt: t0, DisabledAt: t0}))(t)
		username := func(u domain.User) string { return u.Username }
		users := func(f domain.UserFilter, p domain.Page, want ...string) {
			t.Helper()
			same(t, namesOf(must(db.ListUsers(ctx, f, p))(t), username), want)
		}
		first := domain.Page{Limit: 10}
		users(domain.UserFilter{}, first, "alice", "bob")
		users(domain.UserFilter{Disabled: &yes}, first, "bob")
		users(domain.UserFilter{Disabled: &no}, first, "alice")
		users(domain.UserFilter{Disabled: &yes}, domain.Page{Search: "A", Limit: 10})
		users(domain.UserFilter{Disabled: &yes}, domain.Page{Search: "B", Limit: 10}, "bob")
		clients := func(f domain.ClientFilter, want ...string) {
			t.Helper()
			same(t, namesOf(must(db.ListClients(ctx, f, first))(t), func(c domain.Client) string { return c.ClientID }), want)
		}
		clients(domain.ClientFilter{}, "robot", "shop")
		clients(domain.ClientFilter{Disabled: &yes}, "robot")
		clients(domain.ClientFilter{Disabled: &no, Origin: domain.OriginAdministrator, Audience: audience}, "shop")
		clients(domain.ClientFilter{Disabled: &yes, Audience: audience})
		clients(domain.ClientFilter{Audience: "https://other.example"})
		same(t, len(must(db.ListGrants(ctx, domain.GrantFilter{UserID: w.user, ClientID: w.client, Now: t0}, first))(t)), 0)
		w.grant(t, db)
		same(t, len(must(db.ListGrants(ctx, domain.GrantFilter{UserID: w.user, ClientID: w.client, Now: t0}, first))(t)), 1)
		same(t, len(must(db.ListGrants(ctx, domain.GrantFilter{UserID: w.user, ClientID: 99, Now: t0}, first))(t)), 0)
	},
	"groups are chosen by a member, roles by an API": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		ctx := t.Context()
		must(db.InsertGroup(ctx, domain.Group{Name: "sales", CreatedAt: t0}))(t)
		must(db.InsertRole(ctx, domain.Role{Name: "nothing", CreatedAt: t0, UpdatedAt: t0}))(t)
		check(t, db.AddMember(ctx, "ops", "alice"))
		groups := func(user, search string, want ...string) {
			t.Helper()
			found := must(db.ListGroups(ctx, domain.GroupFilter{User: user}, domain.Page{Search: search, Limit: 10}))(t)
			same(t, namesOf(found, func(g domain.Group) string { return g.Name }), want)
		}
		groups("", "", "ops", "sales")
		groups("alice", "", "ops")
		groups("alice", "OP", "ops")
		groups("alice", "s")
		groups("nobody", "")
		roles := must(db.ListRoles(ctx, domain.RoleFilter{Audience: audience}, domain.Page{Limit: 10}))(t)
		same(t, namesOf(roles, func(r domain.Role) string { return r.Name }), []string{"clerk"})
	},
	"revocations are listed, the newest first, by kind and by whether they are done": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		ctx, yes, no := t.Context(), true, false
		var ids []string
		for _, r := range []domain.Revocation{
			{Kind: domain.RevokeOfUser, TargetID: w.user}, {Kind: domain.RevokeOfAPI, TargetID: w.api}, {Kind: domain.RevokeOfAll},
		} {
			r.CreatedAt = t0
			ids = append(ids, text(must(db.InsertRevocation(ctx, r))(t).ID))
		}
		for done := (domain.Revocation{}); done.DoneAt.IsZero(); {
			done = must(db.StepRevocation(ctx, must(db.OpenRevocations(ctx))(t)[0].ID, 100, t0.Add(time.Second)))(t)
		}
		lists := func(f domain.RevocationFilter, p domain.Page, want ...string) []domain.Revocation {
			t.Helper()
			p.Limit = 10
			found := must(db.ListRevocations(ctx, f, p))(t)
			same(t, namesOf(found, func(r domain.Revocation) string { return text(r.ID) }), want)
			return found
		}
		all := lists(domain.RevocationFilter{}, domain.Page{}, ids[2], ids[1], ids[0])
		same(t, namesOf(all, func(r domain.Revocation) string { return r.Name }), []string{"", audience, "alice"})
		lists(domain.RevocationFilter{}, domain.Page{After: ids[2]}, ids[1], ids[0])
		lists(domain.RevocationFilter{}, domain.Page{Before: ids[0]}, ids[2], ids[1])
		lists(domain.RevocationFilter{Done: &yes}, domain.Page{}, ids[0])
		lists(domain.RevocationFilter{Done: &no}, domain.Page{}, ids[2], ids[1])
		lists(domain.RevocationFilter{Kind: domain.RevokeOfAPI}, domain.Page{}, ids[1])
		found := must(db.FindRevocation(ctx, all[1].ID))(t)
		same(t, found.Name, audience)
		_, err := db.FindRevocation(ctx, 99)
		wantErr(t, err, domain.ErrNotFound)
	},
	"revocations are found by the names of what they are of, as those were": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		ctx := t.Context()
		key := must(db.InsertSigningKey(ctx, domain.SigningKey{KID: "Key-1", Alg: domain.ES256, State: domain.KeyActive, PublicJWK: []byte("{}"), CreatedAt: t0}))(t)
		ids := map[string]string{}
		for name, r := range map[string]domain.Revocation{
			"user": {Kind: domain.RevokeOfUser, TargetID: w.user}, "client": {Kind: domain.RevokeOfClient, TargetID: w.client},
			"api": {Kind: domain.RevokeOfAPI, TargetID: w.api}, "key": {Kind: domain.RevokeOfKey, TargetID: key}, "all": {Kind: domain.RevokeOfAll},
			"group": {Kind: domain.RevokeOfGroup, TargetID: w.group, Lost: []domain.LostAccess{}}, "role": {Kind: domain.RevokeOfRole, TargetID: w.role, Lost: []domain.LostAccess{}},
			"criteria": {Kind: domain.RevokeByCriteria, Criteria: &domain.TokenCriteria{
				UserID: w.user, ClientID: w.client, KeyID: key, Role: "nurse", Users: []int64{1, 2, 3}, Clients: []int64{4}, User: "alice", Client: "shop", KID: "Key-1",
			}},
		} {
			r.CreatedAt = t0
			ids[text(must(db.InsertRevocation(ctx, r))(t).ID)] = name
		}
		check(t, db.DeleteUser(ctx, "alice"))
		finds := func(search string, want ...string) []domain.Revocation {
			t.Helper()
			found := must(db.ListRevocations(ctx, domain.RevocationFilter{}, domain.Page{Search: search, Limit: 10}))(t)
			names := namesOf(found, func(r domain.Revocation) string { return ids[text(r.ID)] })
			slices.Sort(names)
			same(t, names, want)
			return found
		}
		found := finds("ALI", "criteria", "user")
		finds("shop", "client", "criteria")
		finds("https://", "api")
		finds("key-", "criteria", "key")
		finds("clerk", "role")
		finds("nurse", "criteria")
		finds("ops", "group")
		finds("lice")
		for _, r := range found {
			if r.Criteria != nil {
				same(t, len(r.Criteria.Users)+len(r.Criteria.Clients), 0) // there may be many
				same(t, must(db.FindRevocation(ctx, r.ID))(t).Criteria.Users, []int64{1, 2, 3})
			} else {
				same(t, r.Name, "alice")
			}
		}
	},
	"invitations are found by their notes": func(t *testing.T, db *store.DB) {
		for _, note := range []string{"Editors", "editors 2", "Other"} {
			must(db.InsertInvitation(t.Context(), domain.Invitation{Hash: note, Note: note, MaxUses: 1, CreatedAt: t0, ExpiresAt: t0}))(t)
		}
		found := must(db.ListInvitations(t.Context(), domain.Page{Search: "EDIT", Limit: 1}))(t)
		same(t, namesOf(found, func(i domain.Invitation) string { return i.Note }), []string{"Editors"})
		next := must(db.ListInvitations(t.Context(), domain.Page{Search: "EDIT", After: text(found[0].ID), Limit: 9}))(t)
		same(t, namesOf(next, func(i domain.Invitation) string { return i.Note }), []string{"editors 2"})
	},
}
