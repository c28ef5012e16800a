package admin_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/clock/clocktest"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// lookups are those of a directory and a cache in a database.
type lookups struct {
	*store.DB
	roles, changes atomic.Int32              // how many
	looked         func(ctx context.Context) // after users were looked for by an e-mail address; nil: nothing
}

// UsersByEmail implements directory.Users.
func (l *lookups) UsersByEmail(ctx context.Context, email string, limit int) ([]domain.User, error) {
	users, err := l.DB.UsersByEmail(ctx, email, limit)
	if l.looked != nil {
		l.looked(ctx)
	}
	return users, err
}

// FindRole implements directory.Roles.
func (l *lookups) FindRole(ctx context.Context, name string) (domain.Role, error) {
	l.roles.Add(1)
	return l.DB.FindRole(ctx, name)
}

// Changes implements cache.Store.
func (l *lookups) Changes(ctx context.Context, after int64) ([]domain.Change, int64, bool, error) {
	l.changes.Add(1)
	return l.DB.Changes(ctx, after)
}

// eachWatched is each with the lookups of the directory and the cache of the world.
func eachWatched(t *testing.T, test func(*world, *lookups)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		l, master := &lookups{DB: db}, keys.NewMaster()
		r := servicetest.NewReplicaWith(t, db, l, master, time.Now)
		r.Directory = directory.New(directory.Config{
			Users: l, Attributes: db, Groups: db, Members: db, Roles: l, Assignments: db, Sets: db, Setup: db, Sessions: db,
			Cache: r.Cache, Events: r.Recorder, Revoker: r.Revocation, Clock: clocktest.New(time.Now), Now: time.Now,
		})
		w := newWorldOf(t, db, master, r)
		servicetest.Must(t, w.Sync(t.Context()))
		test(w, l)
	})
}

func TestWhatAGroupGivesIsLookedUpOnceForAllWhoLeaveOrJoin(t *testing.T) {
	eachWatched(t, func(w *world, l *lookups) {
		const people, roles = 20, 3
		var members strings.Builder
		for i := range people {
			name := fmt.Sprintf("p%d", i)
			w.AddUser(t, name, "")
			members.WriteString("- " + name + "\n")
		}
		var text strings.Builder
		for i := range roles {
			fmt.Fprintf(&text, "---\nkind: role\nname: r%d\n---\nkind: assignment\nrole: r%[1]d\ngroup: ops\n", i)
		}
		const group = "kind: group\nname: ops\nmembers:"
		_, err := w.apply(t.Context(), w.root, group+" []\n"+text.String(), nil)
		servicetest.Must(t, err)
		for _, c := range []struct {
			members string
			left    int
			action  string
		}{{"\n" + members.String(), people, "group.add_member"}, {" []\n", 0, "group.remove_member"}} {
			before, recorded := l.roles.Load(), len(w.events())
			_, err := w.apply(t.Context(), w.root, group+c.members, nil)
			servicetest.Must(t, err)
			if n := l.roles.Load() - before; n > roles {
				t.Errorf("%s: %d roles were looked up, of %d", c.action, n, roles)
			}
			found, err := w.ListMembers(t.Context(), w.root, "ops", admin.Query{Limit: 100})
			if servicetest.Must(t, err); len(found.Items) != c.left {
				t.Errorf("%s: %d members, want %d", c.action, len(found.Items), c.left)
			}
			events := w.events()[recorded:]
			if len(events) != people+1 || events[0].Action != c.action || events[people-1].Action != c.action {
				t.Errorf("%s: %d events, the first %s", c.action, len(events), events[0].Action)
			}
		}
	})
}

func TestTheCacheIsRefreshedOnceForAllWhoShareAnAddress(t *testing.T) {
	eachWatched(t, func(w *world, l *lookups) {
		const address, people = "team@corp.example", 20
		for i := range people {
			w.AddPerson(t, domain.User{Username: fmt.Sprintf("p%d", i), Email: address}, "")
		}
		before := l.changes.Load()
		_, err := w.CreateUser(t.Context(), w.root, admin.NewUser{Username: "double", Email: address})
		servicetest.Must(t, err)
		if n := l.changes.Load() - before; n > 2 {
			t.Errorf("the cache was refreshed %d times", n)
		}
	})
}

// What was looked at before the transaction of a change may have changed until then.
func TestNobodyMakesAUserLookLikeSomebodyWhoChangesMeanwhile(t *testing.T) {
	eachWatched(t, func(w *world, l *lookups) {
		ctx := t.Context()
		w.AddRole(t, "ruler", domain.AdminAudience+"#keys:revoke")
		mallory := caller(t, slices.DeleteFunc(admin.PermissionNames(), func(name string) bool { return name == "keys:revoke" })...)
		mail := func(address string) func(*domain.User) error {
			return func(user *domain.User) error { user.Email, user.EmailVerified = address, true; return nil }
		}
		for name, change := range map[string]func(username, address string) error{
			"create": func(username, address string) error {
				_, err := w.CreateUser(ctx, mallory, admin.NewUser{Username: username, Email: address})
				return err
			},
			"update": func(username, address string) error {
				_, err := w.UpdateUser(ctx, mallory, username, nil, mail(address))
				return err
			},
			"enable": func(username, _ string) error {
				_, err := w.EnableUser(ctx, mallory, username)
				return err
			},
		} {
			// begin returns what mallory does to a user, and what gives the same address to somebody with more permissions.
			begin := func(when string) (does, becomes func() error) {
				boss, twin := name+"-boss-"+when, name+"-twin-"+when
				address := boss + "@corp.example"
				if when == "given" {
					w.AddPerson(t, domain.User{Username: boss, Email: address}, "")
				} else {
					w.AddUser(t, boss, "")
					w.AssignRole(t, "ruler", domain.SubjectUser, boss, time.Time{})
				}
				switch name {
				case "update":
					w.AddUser(t, twin, "")
				case "enable":
					w.AddPerson(t, domain.User{Username: twin, Email: address}, "")
					servicetest.Must(t, w.DisableUser(ctx, w.root, twin, ""))
				}
				return func() error { return change(twin, address) }, func() error {
					if when == "given" { // to somebody whose permissions are in the cache
						user, err := w.Directory.FindUser(ctx, boss)
						servicetest.Must(t, err)
						_, err = w.Directory.Access(ctx, directory.Subject{Kind: domain.SubjectUser, ID: user.ID}, domain.AdminAudience)
						servicetest.Must(t, err)
						return w.Directory.Assign(eventtest.Context(t), domain.Assignment{Role: "ruler", SubjectKind: domain.SubjectUser, Subject: boss})
					}
					_, err := w.Directory.UpdateUser(eventtest.Context(t), boss, mail(address))
					return err
				}
			}

			for _, when := range []string{"before", "given"} {
				does, becomes := begin(when)
				var once sync.Once
				l.looked = func(context.Context) { once.Do(func() { servicetest.Must(t, becomes()) }) }
				recorded := len(w.events())
				err := does()
				if denied, ok := errors.AsType[*admin.DeniedError](err); !ok || denied.Permission != "keys:revoke" {
					t.Errorf("%s, %s: %v, want a refusal after a change between the look and the transaction", name, when, err)
				}
				events := w.events()[recorded:]
				if last := events[len(events)-1]; len(events) != 2 || last.Action != "management.refuse" {
					t.Errorf("%s, %s: %d events, the last %s; want the other change and a refusal", name, when, len(events), last.Action)
				}
			}

			does, becomes := begin("after")
			changed, locked := make(chan error, 1), false
			l.looked = func(ctx context.Context) {
				if !l.InTx(ctx) || locked {
					return
				}
				locked = true
				go func() { changed <- becomes() }()
				select {
				case err := <-changed:
					t.Errorf("%s: somebody else changed a user between the look and the change: %v", name, err)
					changed <- err
				case <-time.After(100 * time.Millisecond):
				}
			}
			if err := does(); err != nil || !locked {
				t.Errorf("%s: %v; looked in the transaction: %v", name, err, locked)
			} else {
				servicetest.Must(t, <-changed)
			}
			l.looked = nil
		}
	})
}
