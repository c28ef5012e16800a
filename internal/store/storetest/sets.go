package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// wantElement fails unless an error says of which element it is.
func wantElement(t *testing.T, err error, index int, want error) {
	t.Helper()
	wantErr(t, err, want)
	if element, ok := errors.AsType[*domain.ElementError](err); !ok || element.Index != index {
		t.Errorf("%v is not of element %d", err, index)
	}
}

var setTests = map[string]func(*testing.T, *store.DB){
	"a set is written whole, or says which element is in the way": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		ctx := t.Context()
		given := []domain.RolePermission{{Audience: audience, Permission: "orders:read"}}
		wantElement(t, db.InsertRoles(ctx, []domain.Role{{Name: "a"}, {Name: "clerk"}}), 1, domain.ErrExists)
		_, err := db.FindRole(ctx, "a")
		wantErr(t, err, domain.ErrNotFound)
		check(t, db.InsertRoles(ctx, []domain.Role{{Name: "a", Permissions: given, CreatedAt: t0, UpdatedAt: t0}, {Name: "b"}}))
		same(t, must(db.FindRole(ctx, "a"))(t).Permissions, given)
		wantElement(t, db.InsertGroups(ctx, []domain.Group{{Name: "x"}, {Name: "ops"}}), 1, domain.ErrExists)
		check(t, db.InsertGroups(ctx, []domain.Group{{Name: "x"}, {Name: "y"}}))
		wantElement(t, db.AddMembers(ctx, []domain.Member{{Group: "x", Username: "alice"}, {Group: "y", Username: "nobody"}}), 1, domain.ErrNotFound)
		check(t, db.AddMembers(ctx, []domain.Member{{Group: "x", Username: "alice"}, {Group: "y", Username: "alice"}}))
		same(t, len(must(db.UserGroups(ctx, w.user))(t)), 2)
		out := []domain.Member{{Group: "x", Username: "alice"}, {Group: "ops", Username: "alice"}} // of the second she is none
		wantElement(t, db.RemoveMembers(ctx, append(out, domain.Member{Group: "none", Username: "alice"})), 2, domain.ErrNotFound)
		wantChanges(t, db, func(ctx context.Context) error { return db.RemoveMembers(ctx, out) }, "user-access "+text(w.user))
		same(t, must(db.UserGroups(ctx, w.user))(t)[0].Name, "y")
		check(t, db.RemoveMembers(ctx, out))
		check(t, db.AddMembers(ctx, out[:1]))
		made := func(id string) domain.Client {
			return domain.Client{
				ClientID: id, IDTokenAlg: domain.ES256, CreatedAt: t0, UpdatedAt: t0, APIs: []domain.ClientAPI{{Audience: audience, Permissions: []string{"orders:read"}}},
				Serves: []string{audience}, Secrets: []domain.ClientSecret{{Hash: "h" + id, Hint: "x", CreatedAt: t0}},
			}
		}
		wantElement(t, db.InsertClients(ctx, []domain.Client{made("c1"), made("shop")}), 1, domain.ErrExists)
		check(t, db.InsertClients(ctx, []domain.Client{made("c1"), made("c2"), made("c3")}))
		stored := must(db.FindClient(ctx, "c2"))(t)
		same(t, stored.APIs, made("c2").APIs)
		same(t, stored.Serves, made("c2").Serves)
		same(t, stored.Secrets[0].Hash, "hc2")
		to := func(kind domain.SubjectKind, subject string, until time.Time) domain.Assignment {
			return domain.Assignment{Role: "a", SubjectKind: kind, Subject: subject, ExpiresAt: until, CreatedAt: t0}
		}
		err = db.PutAssignments(ctx, []domain.Assignment{to(domain.SubjectUser, "alice", time.Time{}), to(domain.SubjectClient, "nothing", time.Time{})})
		wantElement(t, err, 1, domain.ErrNotFound)
		check(t, db.PutAssignments(ctx, []domain.Assignment{
			to(domain.SubjectUser, "alice", time.Time{}), to(domain.SubjectGroup, "x", time.Time{}), to(domain.SubjectClient, "c1", t0.Add(time.Hour)),
		}))
		before := revision(t, db)
		check(t, db.PutAssignments(ctx, []domain.Assignment{to(domain.SubjectClient, "c1", time.Time{})}))
		changes, _, _, err := db.Changes(ctx, before)
		check(t, err)
		same(t, changes, []domain.Change{{Revision: before + 1, Kind: domain.ChangeClientAccess, Key: "c1"}})
	},
	"a set is deleted whole, or says which element there is not": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		ctx := t.Context()
		check(t, db.InsertRoles(ctx, []domain.Role{{Name: "a"}, {Name: "b"}}))
		check(t, db.InsertGroups(ctx, []domain.Group{{Name: "x"}, {Name: "y"}}))
		check(t, db.AddMembers(ctx, []domain.Member{{Group: "x", Username: "alice"}}))
		check(t, db.InsertClients(ctx, []domain.Client{{ClientID: "c1", IDTokenAlg: domain.ES256}, {ClientID: "c2", IDTokenAlg: domain.ES256}}))
		var all []domain.Assignment
		for _, role := range []string{"a", "b"} {
			for kind, subject := range map[domain.SubjectKind]string{domain.SubjectUser: "alice", domain.SubjectGroup: "x", domain.SubjectClient: "c1"} {
				all = append(all, domain.Assignment{Role: role, SubjectKind: kind, Subject: subject, CreatedAt: t0})
			}
		}
		check(t, db.PutAssignments(ctx, all))
		wantElement(t, db.DeleteAssignments(ctx, append(all[:3:3], domain.Assignment{Role: "clerk", SubjectKind: domain.SubjectUser, Subject: "alice"})), 3, domain.ErrNotFound)
		wantElement(t, db.DeleteRoles(ctx, []string{"a", "none"}), 1, domain.ErrNotFound)
		wantElement(t, db.DeleteGroups(ctx, []string{"x", "none", "y"}), 1, domain.ErrNotFound)
		wantElement(t, db.DeleteClients(ctx, []string{"none", "c1"}), 0, domain.ErrNotFound)
		same(t, len(must(db.ListAssignments(ctx, domain.AssignmentFilter{}, domain.Page{Limit: 10}))(t)), 6)
		group := must(db.FindGroup(ctx, "x"))(t).ID
		wantChanges(t, db, func(ctx context.Context) error { return db.DeleteAssignments(ctx, all[:3]) },
			"user-access "+text(w.user), "group-access "+text(group), "client-access c1")
		same(t, len(must(db.ListAssignments(ctx, domain.AssignmentFilter{}, domain.Page{Limit: 10}))(t)), 3)
		check(t, db.DeleteRoles(ctx, []string{"b", "a"}))
		check(t, db.DeleteGroups(ctx, []string{"x", "y"}))
		check(t, db.DeleteClients(ctx, []string{"c1", "c2"}))
		same(t, len(must(db.ListAssignments(ctx, domain.AssignmentFilter{}, domain.Page{Limit: 10}))(t)), 0)
		same(t, len(must(db.UserGroups(ctx, w.user))(t)), 0)
	},
	"assignments of a kind of subject come page by page by its names": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		check(t, db.InsertRoles(t.Context(), []domain.Role{{Name: "b"}, {Name: "a"}}))
		check(t, db.InsertGroups(t.Context(), []domain.Group{{Name: "z"}, {Name: "a"}}))
		for _, role := range []string{"b", "a"} {
			for _, group := range []string{"ops", "z", "a"} {
				check(t, db.PutAssignment(t.Context(), domain.Assignment{Role: role, SubjectKind: domain.SubjectGroup, Subject: group, CreatedAt: t0}))
			}
		}
		var names []string
		for p := (domain.Page{Limit: 2}); ; {
			found := must(db.AssignmentsOf(t.Context(), domain.SubjectGroup, p))(t)
			for _, a := range found {
				names, p.After = append(names, a.Subject+" "+a.Role), a.SubjectPlace()
			}
			if len(found) < 2 {
				break
			}
		}
		same(t, names, []string{"a a", "a b", "ops a", "ops b", "z a", "z b"})
	},
}
