package directory_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/signin"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	orders  = "https://orders.example"
	billing = "https://billing.example"
)

// world is a directory over a database, at a time that the test sets, beside a registry with two APIs and the client "svc".
type world struct {
	*directory.Directory
	t       *testing.T
	db      *store.DB
	replica *servicetest.Replica
	now     time.Time
	svc     domain.Client
}

func each(t *testing.T, test func(*world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{t: t, db: db, now: time.Now().UTC().Truncate(time.Microsecond)}
		w.replica = servicetest.NewReplica(t, db, keys.NewMaster(), func() time.Time { return w.now })
		w.Directory = w.replica.Directory
		for _, audience := range []string{orders, billing} {
			w.replica.AddAPI(t, audience, "read", "write", "delete")
		}
		w.svc, _ = w.replica.AddService(t, "svc")
		w.refresh()
		test(w)
		_, err := w.replica.Log.Verify(eventtest.Context(t))
		w.check(err)
	})
}

func (w *world) check(err error) {
	w.t.Helper()
	servicetest.Must(w.t, err)
}

func (w *world) refresh() {
	w.t.Helper()
	w.replica.Refresh(w.t)
}

func (w *world) refused(err, want error, fragments ...string) {
	w.t.Helper()
	servicetest.Refused(w.t, err, want, fragments...)
}

func (w *world) user(username, password string) domain.User {
	w.t.Helper()
	return w.replica.AddUser(w.t, username, password)
}

func (w *world) group(name string, members ...string) {
	w.t.Helper()
	_, err := w.CreateGroup(eventtest.Context(w.t), domain.Group{Name: name})
	w.check(err)
	for _, m := range members {
		w.check(w.AddMember(eventtest.Context(w.t), name, m))
	}
}

// role makes a role of permissions written as audience#permission.
func (w *world) role(name string, permissions ...string) {
	w.t.Helper()
	w.replica.AddRole(w.t, name, permissions...)
}

func (w *world) assign(role string, kind domain.SubjectKind, subject string, until time.Time) {
	w.t.Helper()
	w.replica.AssignRole(w.t, role, kind, subject, until)
}

func (w *world) administrator(username string) domain.User {
	w.t.Helper()
	user := w.user(username, "")
	w.assign(domain.RoleAdministrator, domain.SubjectUser, username, time.Time{})
	return user
}

// hasAccess compares the access of a subject at an audience, after a refresh.
func (w *world) hasAccess(s directory.Subject, audience string, want directory.Access) {
	w.t.Helper()
	w.refresh()
	got, err := w.Access(eventtest.Context(w.t), s, audience)
	w.check(err)
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		w.t.Errorf("access at %s: %s", audience, diff)
	}
}

func subjectOf(user domain.User) directory.Subject {
	return directory.Subject{Kind: domain.SubjectUser, ID: user.ID}
}

// tokens puts a live token, grant and session of a user into the database, and returns whether each is still live.
func (w *world) tokens(user domain.User) (live func() [3]bool) {
	w.t.Helper()
	return w.replica.AddTokens(w.t, w.db, user, w.svc, w.now)
}

func TestAUserIsStoredAsCreated(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		created, err := w.CreateUser(ctx, domain.User{Username: "Alice", Email: "a@x.example", Name: "Alice Ölm", DisabledAt: w.now}, nil)
		w.check(err)
		want := domain.User{
			ID: created.ID, Subject: created.Subject, Username: "alice", Email: "a@x.example", Name: "Alice Ölm", Version: 1, CreatedAt: w.now, UpdatedAt: w.now,
		}
		found, err := w.FindUser(ctx, "ALICE")
		w.check(err)
		w.refresh()
		looked, err := w.LookupUser(ctx, created.ID)
		w.check(err)
		if diff := cmp.Diff([]domain.User{want, want, want}, []domain.User{created, found, *looked}); diff != "" {
			w.t.Error(diff)
		}
		if !strings.HasPrefix(created.Subject, "usr_") || len(created.Subject) != 30 || created.Subject != strings.ToLower(created.Subject) {
			w.t.Errorf("subject = %q", created.Subject)
		}
		_, err = w.CreateUser(ctx, domain.User{Username: "alice"}, nil)
		w.refused(err, domain.ErrExists, `user "alice": already exists`)

		w.now = w.now.Add(time.Minute)
		updated, err := w.UpdateUser(ctx, "Alice", servicetest.Become(domain.User{Email: "b@x.example", EmailVerified: true, Subject: "usr_other", DisabledAt: w.now}))
		w.check(err)
		want.Email, want.EmailVerified, want.Name, want.Version, want.UpdatedAt = "b@x.example", true, "", 2, w.now
		found, err = w.FindUser(ctx, "alice")
		w.check(err)
		if diff := cmp.Diff([]domain.User{want, want}, []domain.User{updated, found}); diff != "" {
			w.t.Error(diff)
		}
	})
}

func TestUsersThatBreakARuleAreRefused(t *testing.T) {
	each(t, func(w *world) {
		for _, tc := range []struct {
			user domain.User
			want string
		}{
			{domain.User{Username: ""}, "invalid username"},
			{domain.User{Username: "a b"}, "invalid username"},
			{domain.User{Username: "-rf"}, "invalid username"},
			{domain.User{Username: "a\n"}, "invalid username"},
			{domain.User{Username: strings.Repeat("x", 65)}, "it has 65 characters; use at most 64, or 254 for an e-mail address"},
			{domain.User{Username: strings.Repeat("x", 247) + "@x.example"}, "it has 257 characters"},
			{domain.User{Username: "a@" + strings.Repeat("@", 80)}, "it has 82 characters"},
			{domain.User{Username: "jürgen"}, "it has the character 'ü'"},
			{domain.User{Username: ".alice"}, "it begins with '.'"},
			{domain.User{Username: "a", Name: "x\x1b[1m"}, "invalid name"},
			{domain.User{Username: "a", Email: "nobody"}, "invalid email"},
			{domain.User{Username: "a", Email: "a@b@c"}, "invalid email"},
			{domain.User{Username: "a", Email: "@x.example"}, "invalid email"},
			{domain.User{Username: "a", Email: "a@x.example\r\nBcc: b"}, "invalid email"},
			{domain.User{Username: "a", Email: strings.Repeat("x", 250) + "@x.ex"}, "at most 254"},
		} {
			_, err := w.CreateUser(eventtest.Context(w.t), tc.user, nil)
			w.refused(err, domain.ErrInvalid, tc.want)
		}
	})
}

func TestAnAddressSignsInWhoHasItUnlessAnEnabledUserIsCalledByIt(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		const address, password = "bob@x.example", "correct horse battery staple"
		w.user(address, "an older "+password)
		bob := w.replica.AddPerson(w.t, domain.User{Username: "bob", Email: "Bob@x.example"}, password)
		is := func(when, want string, shares bool) {
			w.t.Helper()
			user, err := w.UserNamed(ctx, "BOB@x.example")
			if user.Username != want || errors.Is(err, domain.ErrNotFound) != (want == "") {
				w.t.Errorf("%s: found %q, %v; want %q", when, user.Username, err, want)
			}
			bob, err := w.FindUser(ctx, bob.Username)
			w.check(err)
			got, err := w.SharesEmail(ctx, bob)
			w.check(err)
			if got != shares {
				w.t.Errorf("%s: the address is shared: %v, want %v", when, got, shares)
			}
		}
		verify := func(name string) error {
			_, err := w.replica.Passwords.Verify(ctx, domain.Authentication{}, signin.Attempt{Username: name, Answer: password})
			return err
		}
		is("both enabled", address, true)
		w.check(w.DisableUser(ctx, address, ""))
		is("one called by it disabled", "bob", false)
		w.check(verify(address))
		w.check(w.EnableUser(ctx, address))
		is("enabled again", address, true)
		w.check(w.DisableUser(ctx, address, ""))
		w.check(w.DisableUser(ctx, "bob", ""))
		is("both disabled", "", false)
		if disabled, unknown := verify(address), verify("nobody@x.example"); disabled == nil || disabled.Error() != unknown.Error() {
			w.t.Errorf("answered %v for disabled users, %v for none", disabled, unknown)
		}
		// One whose username is the own address shares it with nobody.
		w.check(w.EnableUser(ctx, address))
		own, err := w.UpdateUser(ctx, address, servicetest.Become(domain.User{Email: address}))
		w.check(err)
		if shares, err := w.SharesEmail(ctx, own); err != nil || shares {
			w.t.Errorf("the own address is shared: %v, %v", shares, err)
		}
	})
}

func TestDisablingOrDeletingAUserEndsEverythingTheUserHad(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		other := w.tokens(w.user("bystander", ""))
		for name, end := range map[string]func(username string) error{
			"disable": func(u string) error { return w.DisableUser(ctx, u, "") },
			"delete":  func(u string) error { return w.DeleteUser(ctx, u) },
		} {
			user := w.user(name, "")
			live := w.tokens(user)
			w.refresh()
			_, err := w.LookupUser(ctx, user.ID)
			w.check(err)
			w.check(end(name))
			w.refresh()
			if got := live(); got != [3]bool{} {
				w.t.Errorf("%s: token, grant and session are live: %v", name, got)
			}
			if looked, err := w.LookupUser(ctx, user.ID); err == nil && looked.DisabledAt.IsZero() {
				w.t.Errorf("%s: the cache has the user enabled", name)
			}
		}
		if got := other(); got != [3]bool{true, true, true} {
			w.t.Errorf("a bystander's token, grant and session are live: %v", got)
		}
		w.check(w.EnableUser(ctx, "disable"))
		if user, err := w.FindUser(ctx, "disable"); err != nil || !user.DisabledAt.IsZero() {
			w.t.Errorf("enabling went wrong: %+v, %v", user, err)
		}
		w.refused(w.DeleteUser(ctx, "delete"), domain.ErrNotFound, `user "delete": not found`)
	})
}

// Changes that rewrite the same row at the same time must not undo each other.
func TestADisabledUserStaysDisabledWhateverElseChangesAtOnce(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		for range 10 {
			username := strings.ToLower(rand.Text())
			w.user(username, "")
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					if _, err := w.UpdateUser(ctx, username, servicetest.Become(domain.User{Name: "New"})); err != nil {
						w.t.Error(err)
					}
				})
			}
			wg.Go(func() {
				if err := w.DisableUser(ctx, username, ""); err != nil {
					w.t.Error(err)
				}
			})
			wg.Wait()
			user, err := w.FindUser(ctx, username)
			w.check(err)
			if user.DisabledAt.IsZero() || user.Name != "New" {
				w.t.Fatalf("a change was lost: %+v", user)
			}
		}
	})
}

func TestTheLastAdministratorStays(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		w.user("ordinary", "")
		w.check(w.DisableUser(ctx, "ordinary", "")) // no administrator yet: nothing to keep
		w.administrator("alice")
		const why = "this is the last administrator"
		unassign := func(u string) error { return w.Unassign(ctx, domain.RoleAdministrator, domain.SubjectUser, u) }
		w.refused(w.DeleteUser(ctx, "alice"), domain.ErrInvalid, why)
		w.refused(w.DisableUser(ctx, "alice", ""), domain.ErrInvalid, why)
		w.refused(unassign("alice"), domain.ErrInvalid, why)
		w.refused(w.DeleteRole(ctx, domain.RoleAdministrator), domain.ErrInvalid, "built in")
		w.administrator("bob")
		w.check(unassign("alice"))
		w.refused(w.DeleteUser(ctx, "bob"), domain.ErrInvalid, why)
		w.check(w.DeleteUser(ctx, "alice"))
	})
}

func TestTheLastAdministratorIsNotLostByTime(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		until := func(username string, end time.Time) error {
			return w.Assign(ctx, domain.Assignment{
				Role: domain.RoleAdministrator, SubjectKind: domain.SubjectUser, Subject: username, ExpiresAt: end,
			})
		}
		w.administrator("alice")
		const why = "this is the last administrator without an end"
		w.refused(until("alice", w.now.Add(time.Hour)), domain.ErrInvalid, why)
		w.user("bob", "")
		w.check(until("bob", w.now.Add(time.Hour)))
		w.refused(w.DisableUser(ctx, "alice", ""), domain.ErrInvalid, why)
		w.refused(w.DeleteUser(ctx, "alice"), domain.ErrInvalid, why)
		w.check(until("bob", time.Time{}))
		w.check(until("alice", w.now.Add(time.Hour)))
		w.refused(until("bob", w.now.Add(time.Hour)), domain.ErrInvalid, why)
	})
}

func TestTheLastAdministratorIsNotLostWithAGroup(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		w.administrator("alice")
		_, err := w.CreateGroup(ctx, domain.Group{Name: "admins"})
		w.check(err)
		w.user("bob", "")
		w.check(w.AddMember(ctx, "admins", "bob"))
		group := domain.Assignment{Role: domain.RoleAdministrator, SubjectKind: domain.SubjectGroup, Subject: "admins"}
		w.check(w.Assign(ctx, group))
		w.check(w.DeleteUser(ctx, "alice")) // bob is one by the group
		const why = "this is the last administrator"
		w.refused(w.RemoveMember(ctx, "admins", "bob"), domain.ErrInvalid, why)
		w.refused(w.DeleteGroup(ctx, "admins"), domain.ErrInvalid, why)
		w.refused(w.DisableUser(ctx, "bob", ""), domain.ErrInvalid, why)
		w.refused(w.Unassign(ctx, group.Role, group.SubjectKind, group.Subject), domain.ErrInvalid, why)
		group.ExpiresAt = w.now.Add(time.Hour)
		w.refused(w.Assign(ctx, group), domain.ErrInvalid, why)
	})
}

func TestAdministratorsCannotRemoveEachOtherAtOnce(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		w.administrator("a")
		w.administrator("b")
		var wg sync.WaitGroup
		for _, username := range []string{"a", "b"} {
			wg.Go(func() {
				if err := w.DeleteUser(ctx, username); err != nil && !errors.Is(err, domain.ErrInvalid) {
					w.t.Error(err)
				}
			})
		}
		wg.Wait()
		n, _, err := w.db.CountAdministrators(ctx, w.now)
		w.check(err)
		if n != 1 {
			w.t.Errorf("%d administrators left", n)
		}
	})
}

func TestAnExpiryThatPassesWhileTheAssignmentIsWrittenIsRefused(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var asked time.Duration
		start := time.Now()
		r := servicetest.NewReplica(t, db, keys.NewMaster(), func() time.Time { asked++; return start.Add(asked * time.Minute) })
		r.AddUser(t, "alice", "")
		r.AddRole(t, "clerk")
		err := r.Directory.Assign(eventtest.Context(t), domain.Assignment{
			Role: "clerk", SubjectKind: domain.SubjectUser, Subject: "alice", ExpiresAt: start.Add((asked + 3) * time.Minute),
		})
		servicetest.Refused(t, err, domain.ErrInvalid, "choose a time that is still to come")
	})
}
