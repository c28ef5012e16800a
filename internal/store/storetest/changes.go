package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var changeTests = map[string]func(*testing.T, *store.DB){
	"changes are told from a revision on": func(t *testing.T, db *store.DB) {
		start := revision(t, db)
		one := must(db.InsertUser(t.Context(), domain.User{Subject: "1", Username: "one"}))(t)
		two := must(db.InsertUser(t.Context(), domain.User{Subject: "2", Username: "two"}))(t)
		for after, want := range map[int64][]domain.Change{
			start:     {{Revision: start + 1, Kind: domain.ChangeUser, Key: text(one)}, {Revision: start + 2, Kind: domain.ChangeUser, Key: text(two)}},
			start + 1: {{Revision: start + 2, Kind: domain.ChangeUser, Key: text(two)}},
			start + 2: nil,
		} {
			got, now, complete, err := db.Changes(t.Context(), after)
			check(t, err)
			same(t, got, want)
			same(t, now, start+2)
			same(t, complete, true)
		}
	},
	"from nothing, or from a future that a restored backup forgot, all may have changed": func(t *testing.T, db *store.DB) {
		for _, after := range []int64{0, revision(t, db) + 1} {
			_, _, complete, err := db.Changes(t.Context(), after)
			check(t, err)
			same(t, complete, false)
		}
	},
	"one transaction is one revision, and names each object once": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		wantChanges(t, db, func(ctx context.Context) error {
			return db.Tx(ctx, func(ctx context.Context) error {
				for range 3 {
					if err := db.UpdateUser(ctx, domain.User{Username: "alice"}); err != nil {
						return err
					}
				}
				return db.UpdateRole(ctx, domain.Role{Name: "clerk"})
			})
		}, "user "+text(w.user), "role "+text(w.role))
	},
	"a change that fails makes no revision": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		before := revision(t, db)
		wantErr(t, db.DeleteRoles(t.Context(), []string{"none"}), domain.ErrNotFound)
		_, err := db.InsertGroup(t.Context(), domain.Group{Name: "ops"})
		wantErr(t, err, domain.ErrExists)
		giveUp := errors.New("gave up")
		wantErr(t, db.Tx(t.Context(), func(ctx context.Context) error {
			return errors.Join(db.DeleteRoles(ctx, []string{"clerk"}), giveUp)
		}), giveUp)
		same(t, revision(t, db), before)
		must(db.FindRole(t.Context(), "clerk"))(t)
	},
	"revisions come in the order of their commits": func(t *testing.T, db *store.DB) {
		start := revision(t, db)
		done := make(chan error, 1)
		go func() {
			_, failed := parallel(30, func(i int) error {
				_, err := db.InsertUser(t.Context(), domain.User{Subject: fmt.Sprint(i), Username: fmt.Sprint(i)})
				return err
			})
			done <- errors.Join(failed...)
		}()
		// A reader that follows along must never be shown a revision and later a change of that revision or an older one.
		seen := start
		for total := 0; total < 30; {
			changes, now, complete, err := db.Changes(t.Context(), seen)
			check(t, err)
			if !complete || int64(len(changes)) != now-seen {
				t.Fatalf("%d changes from revision %d to %d, complete: %v", len(changes), seen, now, complete)
			}
			total += len(changes)
			seen = now
			select {
			case err := <-done:
				check(t, err)
				done <- nil
			default:
			}
		}
		check(t, <-done)
	},
}
