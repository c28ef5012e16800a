package admin_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/clock/clocktest"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// lookups are those of a directory and a cache in a database.
type lookups struct {
	*store.DB
	roles, changes atomic.Int32 // how many
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
				t.Errorf("%s: %d events, the first %+v", c.action, len(events), events[0])
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
