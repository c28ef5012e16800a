package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var userTests = map[string]func(*testing.T, *store.DB){
	"a user is found as it was stored": func(t *testing.T, db *store.DB) {
		want := domain.User{
			Subject: "s1", Username: "alice", Email: "a@x.example", EmailVerified: true, Name: "Alice",
			DisabledAt: t0, Version: 1, CreatedAt: t0, UpdatedAt: t0,
		}
		want.ID = must(db.InsertUser(t.Context(), want))(t)
		same(t, must(db.FindUser(t.Context(), "alice"))(t), want)
		same(t, must(db.FindUserByID(t.Context(), want.ID))(t), want)

		want.Email, want.EmailVerified, want.DisabledAt, want.UpdatedAt = "", false, time.Time{}, t0.Add(time.Hour)
		wantChanges(t, db, func(ctx context.Context) error { return db.UpdateUser(ctx, want) }, "user "+text(want.ID))
		want.Version++
		same(t, must(db.FindUser(t.Context(), "alice"))(t), want)
	},
	"a user is found by e-mail address with ASCII letters in whatever case, and others as they are": func(t *testing.T, db *store.DB) {
		must(db.InsertUser(t.Context(), domain.User{Subject: "s1", Username: "zoe", Email: "Zoë@X.example"}))(t)
		must(db.InsertUser(t.Context(), domain.User{Subject: "s2", Username: "emil", Email: "ÉMIL@x.example"}))(t)
		for email, want := range map[string]int{
			"zoë@x.EXAMPLE": 1, "ZOë@x.example": 1, "ZOË@x.example": 0, "Émil@X.example": 1, "émil@x.example": 0, "zoe@x.example": 0,
		} {
			if found := must(db.UsersByEmail(t.Context(), email, 2))(t); len(found) != want {
				t.Errorf("%s: found %d, want %d", email, len(found), want)
			}
		}
	},
	"of users who share an e-mail address the enabled ones come first": func(t *testing.T, db *store.DB) {
		for username, disabled := range map[string]time.Time{"a": t0, "b": {}, "c": t0, "d": {}} {
			must(db.InsertUser(t.Context(), domain.User{Subject: username, Username: username, Email: "x@x.example", DisabledAt: disabled}))(t)
		}
		for n, user := range must(db.UsersByEmail(t.Context(), "x@x.example", 3))(t) {
			same(t, user.DisabledAt.IsZero(), n < 2)
		}
	},
	"username and subject are each taken once": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		_, err := db.InsertUser(t.Context(), domain.User{Subject: "other", Username: "alice"})
		wantErr(t, err, domain.ErrExists)
		_, err = db.InsertUser(t.Context(), domain.User{Subject: "sub-alice", Username: "other"})
		wantErr(t, err, domain.ErrExists)
		same(t, w.user > 0, true)
	},
	"a user that does not exist is not found": func(t *testing.T, db *store.DB) {
		_, err := db.FindUser(t.Context(), "none")
		wantErr(t, err, domain.ErrNotFound)
		_, err = db.FindUserByID(t.Context(), 99)
		wantErr(t, err, domain.ErrNotFound)
		wantErr(t, db.UpdateUser(t.Context(), domain.User{Username: "none"}), domain.ErrNotFound)
		wantErr(t, db.DeleteUser(t.Context(), "none"), domain.ErrNotFound)
	},
	"sessions, consents and assignments go with a user": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		must(db.InsertSession(t.Context(), domain.Session{Hash: []byte("h"), UserID: w.user}))(t)
		check(t, db.PutConsent(t.Context(), domain.Consent{UserID: w.user, ClientID: w.client, Audience: audience}))
		check(t, db.PutAssignment(t.Context(), domain.Assignment{Role: "clerk", SubjectKind: domain.SubjectUser, Subject: "alice"}))
		check(t, db.AddMember(t.Context(), "ops", "alice"))
		wantChanges(t, db, func(ctx context.Context) error { return db.DeleteUser(ctx, "alice") },
			"user "+text(w.user), "user-access "+text(w.user))
		_, err := db.FindSession(t.Context(), []byte("h"))
		wantErr(t, err, domain.ErrNotFound)
		_, err = db.FindConsent(t.Context(), w.user, w.client, audience)
		wantErr(t, err, domain.ErrNotFound)
		same(t, len(must(db.ListMembers(t.Context(), "ops", domain.Page{Limit: 10}))(t)), 0)
	},
	"users are listed page by page": func(t *testing.T, db *store.DB) {
		for _, name := range []string{"c", "a", "b"} {
			must(db.InsertUser(t.Context(), domain.User{Subject: name, Username: name}))(t)
		}
		same(t, usernames(must(db.ListUsers(t.Context(), domain.UserFilter{}, domain.Page{Limit: 2}))(t)), []string{"a", "b"})
		same(t, usernames(must(db.ListUsers(t.Context(), domain.UserFilter{}, domain.Page{After: "b", Limit: 2}))(t)), []string{"c"})
	},
}

func usernames(users []domain.User) (names []string) {
	for _, u := range users {
		names = append(names, u.Username)
	}
	return names
}

var groupTests = map[string]func(*testing.T, *store.DB){
	"a group is found as it was stored": func(t *testing.T, db *store.DB) {
		want := domain.Group{Name: "ops", Description: "Operators", Version: 1, CreatedAt: t0, UpdatedAt: t0}
		want.ID = must(db.InsertGroup(t.Context(), want))(t)
		same(t, must(db.FindGroup(t.Context(), "ops"))(t), want)
		same(t, must(db.ListGroups(t.Context(), domain.GroupFilter{}, domain.Page{Limit: 10}))(t), []domain.Group{want})
		same(t, len(must(db.ListGroups(t.Context(), domain.GroupFilter{}, domain.Page{After: "ops", Limit: 10}))(t)), 0)
		_, err := db.InsertGroup(t.Context(), want)
		wantErr(t, err, domain.ErrExists)
	},
	"joining and leaving are idempotent": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		wantChanges(t, db, func(ctx context.Context) error { return db.AddMember(ctx, "ops", "alice") }, "user-access "+text(w.user))
		check(t, db.AddMember(t.Context(), "ops", "alice"))
		same(t, usernames(must(db.ListMembers(t.Context(), "ops", domain.Page{Limit: 10}))(t)), []string{"alice"})
		same(t, len(must(db.ListMembers(t.Context(), "ops", domain.Page{After: "alice", Limit: 10}))(t)), 0)
		same(t, must(db.UserGroups(t.Context(), w.user))(t)[0].Name, "ops")
		wantChanges(t, db, func(ctx context.Context) error { return db.RemoveMember(ctx, "ops", "alice") }, "user-access "+text(w.user))
		check(t, db.RemoveMember(t.Context(), "ops", "alice"))
		same(t, len(must(db.UserGroups(t.Context(), w.user))(t)), 0)
	},
	"what does not exist is not found": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		_, err := db.FindGroup(t.Context(), "none")
		wantErr(t, err, domain.ErrNotFound)
		wantErr(t, db.DeleteGroups(t.Context(), []string{"none"}), domain.ErrNotFound)
		for _, op := range []func(ctx context.Context, group, username string) error{db.AddMember, db.RemoveMember} {
			wantErr(t, op(t.Context(), "none", "alice"), domain.ErrNotFound)
			wantErr(t, op(t.Context(), "ops", "none"), domain.ErrNotFound)
		}
	},
	"each member of a deleted group counts as changed": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		check(t, db.AddMember(t.Context(), "ops", "alice"))
		wantChanges(t, db, func(ctx context.Context) error { return db.DeleteGroups(ctx, []string{"ops"}) },
			"group-access "+text(w.group), "user-access "+text(w.user))
		same(t, len(must(db.UserGroups(t.Context(), w.user))(t)), 0)
	},
}

var roleTests = map[string]func(*testing.T, *store.DB){
	"a role is found as it was stored": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		want := domain.Role{
			Name: "chief", Description: "Chief", Version: 1, CreatedAt: t0, UpdatedAt: t0,
			Permissions: []domain.RolePermission{{Audience: audience, Permission: "orders:read"}, {Audience: audience, Permission: "orders:write"}},
		}
		want.ID = must(db.InsertRole(t.Context(), want))(t)
		same(t, must(db.FindRole(t.Context(), "chief"))(t), want)
		same(t, must(db.FindRoleByID(t.Context(), want.ID))(t), want)
		_, err := db.InsertRole(t.Context(), want)
		wantErr(t, err, domain.ErrExists)

		want.Description, want.Permissions, want.UpdatedAt = "", want.Permissions[1:], t0.Add(time.Hour)
		wantChanges(t, db, func(ctx context.Context) error { return db.UpdateRole(ctx, want) }, "role "+text(want.ID))
		want.Version++
		same(t, must(db.FindRole(t.Context(), "chief"))(t), want)
	},
	"a role cannot give what does not exist": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		bad := domain.Role{Name: "new", Permissions: []domain.RolePermission{{Audience: audience, Permission: "orders:none"}}}
		_, err := db.InsertRole(t.Context(), bad)
		wantErr(t, err, domain.ErrNotFound)
		bad.Name = "clerk"
		wantErr(t, db.UpdateRole(t.Context(), bad), domain.ErrNotFound)
		same(t, len(must(db.FindRole(t.Context(), "clerk"))(t).Permissions), 1)
	},
	"a role that does not exist is not found": func(t *testing.T, db *store.DB) {
		_, err := db.FindRole(t.Context(), "none")
		wantErr(t, err, domain.ErrNotFound)
		_, err = db.FindRoleByID(t.Context(), 99)
		wantErr(t, err, domain.ErrNotFound)
		wantErr(t, db.UpdateRole(t.Context(), domain.Role{Name: "none"}), domain.ErrNotFound)
		wantErr(t, db.DeleteRoles(t.Context(), []string{"none"}), domain.ErrNotFound)
	},
	"whoever had a deleted role counts as changed": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		for kind, subject := range map[domain.SubjectKind]string{
			domain.SubjectUser: "alice", domain.SubjectGroup: "ops", domain.SubjectClient: "shop",
		} {
			check(t, db.PutAssignment(t.Context(), domain.Assignment{Role: "clerk", SubjectKind: kind, Subject: subject}))
		}
		wantChanges(t, db, func(ctx context.Context) error { return db.DeleteRoles(ctx, []string{"clerk"}) },
			"role "+text(w.role), "user-access "+text(w.user), "group-access "+text(w.group), "client-access shop")
		same(t, len(must(db.ListAssignments(t.Context(), domain.AssignmentFilter{}, domain.Page{Limit: 10}))(t)), 0)
	},
	"roles are listed page by page with their permissions": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		roles := must(db.ListRoles(t.Context(), domain.RoleFilter{}, domain.Page{After: domain.RoleAuditor, Limit: 1}))(t)
		same(t, len(roles), 1)
		same(t, roles[0].Permissions, []domain.RolePermission{{Audience: audience, Permission: "orders:read"}})
		same(t, must(db.ListRoles(t.Context(), domain.RoleFilter{}, domain.Page{Limit: 1}))(t)[0].Name, domain.RoleAdministrator)
	},
}

var assignmentTests = map[string]func(*testing.T, *store.DB){
	"an assignment is made once, then only its expiry changes": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		for _, c := range []struct {
			kind    domain.SubjectKind
			id      int64
			subject string
			change  string
		}{
			{domain.SubjectUser, w.user, "alice", "user-access " + text(w.user)},
			{domain.SubjectGroup, w.group, "ops", "group-access " + text(w.group)},
			{domain.SubjectClient, w.client, "shop", "client-access shop"},
		} {
			want := domain.Assignment{Role: "clerk", SubjectKind: c.kind, Subject: c.subject, CreatedAt: t0}
			wantChanges(t, db, func(ctx context.Context) error { return db.PutAssignment(ctx, want) }, c.change)
			want.ExpiresAt = t0.Add(time.Hour)
			wantChanges(t, db, func(ctx context.Context) error { return db.PutAssignment(ctx, want) }, c.change)
			got := must(db.SubjectAssignments(t.Context(), c.kind, c.id))(t)
			same(t, len(got), 1)
			want.ID, want.RoleID, want.SubjectID = got[0].ID, w.role, c.id
			same(t, got[0], want)
			same(t, must(db.ListAssignments(t.Context(), domain.AssignmentFilter{Role: "clerk", SubjectKind: c.kind, Subject: c.subject}, domain.Page{Limit: 10}))(t), got)
			wantChanges(t, db, func(ctx context.Context) error {
				return db.DeleteAssignments(ctx, []domain.Assignment{{Role: "clerk", SubjectKind: c.kind, Subject: c.subject}})
			}, c.change)
			wantErr(t, db.DeleteAssignments(t.Context(), []domain.Assignment{{Role: "clerk", SubjectKind: c.kind, Subject: c.subject}}), domain.ErrNotFound)
		}
	},
	"role and subject must exist": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		wantErr(t, db.PutAssignment(t.Context(), domain.Assignment{Role: "none", SubjectKind: domain.SubjectUser, Subject: "alice"}), domain.ErrNotFound)
		wantErr(t, db.PutAssignment(t.Context(), domain.Assignment{Role: "clerk", SubjectKind: domain.SubjectUser, Subject: "none"}), domain.ErrNotFound)
		wantErr(t, db.PutAssignment(t.Context(), domain.Assignment{Role: "clerk", SubjectKind: "robot", Subject: "alice"}), domain.ErrInvalid)
	},
	"assignments are listed page by page, by role, kind and subject": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		for _, role := range []string{"clerk", domain.RoleAdministrator} {
			check(t, db.PutAssignment(t.Context(), domain.Assignment{Role: role, SubjectKind: domain.SubjectUser, Subject: "alice"}))
			check(t, db.PutAssignment(t.Context(), domain.Assignment{Role: role, SubjectKind: domain.SubjectGroup, Subject: "ops"}))
		}
		count := func(role string, kind domain.SubjectKind, subject string) int {
			return len(must(db.ListAssignments(t.Context(), domain.AssignmentFilter{Role: role, SubjectKind: kind, Subject: subject}, domain.Page{Limit: 10}))(t))
		}
		same(t, []int{count("", "", ""), count("clerk", "", ""), count("", domain.SubjectUser, ""), count("clerk", domain.SubjectGroup, "ops"),
			count("", domain.SubjectClient, ""), count("", domain.SubjectGroup, "alice")}, []int{4, 2, 2, 1, 0, 0})
		check(t, db.PutAssignment(t.Context(), domain.Assignment{Role: "clerk", SubjectKind: domain.SubjectClient, Subject: "shop"}))
		finds := func(f domain.AssignmentFilter, p domain.Page, want ...string) (found []domain.Assignment) {
			t.Helper()
			found = must(db.ListAssignments(t.Context(), f, p))(t)
			same(t, namesOf(found, func(a domain.Assignment) string { return a.Subject + " " + a.Role }), want)
			return found
		}
		found := finds(domain.AssignmentFilter{}, domain.Page{Search: "AL", Limit: 1}, "alice clerk")
		finds(domain.AssignmentFilter{}, domain.Page{Search: "AL", Limit: 9, After: found[0].Place()}, "alice administrator")
		finds(domain.AssignmentFilter{}, domain.Page{Search: "o", Limit: 9}, "ops clerk", "ops administrator")
		finds(domain.AssignmentFilter{}, domain.Page{Search: "s", Limit: 9}, "shop clerk")
		finds(domain.AssignmentFilter{Role: "clerk"}, domain.Page{Search: "o", Limit: 9}, "ops clerk")
		finds(domain.AssignmentFilter{Role: "none"}, domain.Page{Limit: 9})
		finds(domain.AssignmentFilter{SubjectKind: domain.SubjectUser, Subject: "alice"}, domain.Page{Search: "o", Limit: 9})
		check(t, db.DeleteAssignments(t.Context(), []domain.Assignment{{Role: "clerk", SubjectKind: domain.SubjectClient, Subject: "shop"}}))
		page := must(db.ListAssignments(t.Context(), domain.AssignmentFilter{}, domain.Page{Limit: 3}))(t)
		same(t, len(must(db.ListAssignments(t.Context(), domain.AssignmentFilter{}, domain.Page{After: page[2].Place(), Limit: 3}))(t)), 1)
	},
	"an assignment is not stored with an expiry that is past for those who record expiries": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		put := func(kind domain.SubjectKind, subject string, expires time.Time) error {
			return db.PutAssignment(t.Context(), domain.Assignment{Role: "clerk", SubjectKind: kind, Subject: subject, ExpiresAt: expires, CreatedAt: t0})
		}
		taken := func(now time.Time) (subjects []string) {
			t.Helper()
			for _, a := range must(db.AdvanceExpired(t.Context(), now, 10))(t) {
				subjects = append(subjects, a.Subject)
			}
			return subjects
		}
		check(t, put(domain.SubjectUser, "alice", t0))
		same(t, taken(t0.Add(time.Hour)), []string{"alice"})
		for _, late := range []time.Time{t0.Add(-time.Second), t0} {
			wantErr(t, put(domain.SubjectGroup, "ops", late), domain.ErrInvalid)
			wantErr(t, put(domain.SubjectUser, "alice", late), domain.ErrInvalid)
		}
		check(t, put(domain.SubjectGroup, "ops", t0.Add(time.Microsecond)))
		check(t, put(domain.SubjectUser, "alice", t0.Add(time.Second)))
		check(t, put(domain.SubjectClient, "shop", time.Time{}))
		same(t, taken(t0.Add(time.Hour)), []string{"ops", "alice"})
	},
	"only enabled users with a current assignment are administrators": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		must(db.InsertUser(t.Context(), domain.User{Subject: "d", Username: "disabled", DisabledAt: t0}))(t)
		admin := domain.Assignment{Role: domain.RoleAdministrator, SubjectKind: domain.SubjectUser, Subject: "disabled"}
		check(t, db.PutAssignment(t.Context(), admin))
		count := func(at time.Time) [2]int {
			all, able, err := db.CountAdministrators(t.Context(), at)
			check(t, err)
			return [2]int{all, able}
		}
		same(t, count(t0), [2]int{})
		admin.Subject, admin.ExpiresAt = "alice", t0.Add(time.Second)
		check(t, db.PutAssignment(t.Context(), admin))
		same(t, count(t0), [2]int{1, 0})
		same(t, count(t0.Add(time.Second)), [2]int{})
	},
}

var setupTests = map[string]func(*testing.T, *store.DB){
	"a setup link is good until it expires": func(t *testing.T, db *store.DB) {
		link := []byte("hash")
		check(t, db.PutSetupLink(t.Context(), link, t0, t0.Add(time.Hour)))
		check(t, db.FindSetupLink(t.Context(), link, t0))
		wantErr(t, db.FindSetupLink(t.Context(), []byte("other"), t0), domain.ErrNotFound)
		wantErr(t, db.FindSetupLink(t.Context(), link, t0.Add(time.Hour)), domain.ErrNotFound)
		wantErr(t, db.CompleteSetup(t.Context(), link, t0.Add(time.Hour)), domain.ErrNotFound)
	},
	"the setup is completed once": func(t *testing.T, db *store.DB) {
		for _, link := range []string{"one", "two"} {
			check(t, db.PutSetupLink(t.Context(), []byte(link), t0, t0.Add(time.Hour)))
		}
		wantErr(t, db.CompleteSetup(t.Context(), []byte("other"), t0), domain.ErrNotFound)
		onlyOneWins(t, domain.ErrConsumed, func(i int) error {
			return db.CompleteSetup(t.Context(), []byte([]string{"one", "two"}[i%2]), t0)
		})
		wantErr(t, db.FindSetupLink(t.Context(), []byte("two"), t0), domain.ErrNotFound)
	},
}
