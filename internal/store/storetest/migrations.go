package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

func openOnly(tb testing.TB, url string, opts store.Options) *store.DB {
	tb.Helper()
	db := must(store.Open(tb.Context(), url, opts))(tb)
	tb.Cleanup(db.Close)
	return db
}

// urlTests open the database themselves.
var urlTests = map[string]func(*testing.T, string){
	"a group of thousands is deleted as one change":                            testLargeGroup,
	"a change names two thousand users, or the APIs where these have too many": testLargeOutbox,
	"a transaction that takes too long ends as unavailable": func(t *testing.T, url string) {
		sound, db := Open(t, url), OpenImpatient(t, url)
		err := db.Tx(t.Context(), func(ctx context.Context) error {
			if err := addUser(ctx, db, "goes"); err != nil { // already that took too long, on a busy machine
				return err
			}
			<-ctx.Done()
			return addUser(ctx, db, "late")
		})
		wantErr(t, err, domain.ErrUnavailable)
		wantUsers(t, sound)
	},
	"an empty database is migrated, once": func(t *testing.T, url string) {
		db := openOnly(t, url, store.Options{OpTimeout: time.Minute})
		current, latest, dirty, err := db.MigrationStatus(t.Context())
		check(t, err)
		if current != 0 || latest == 0 || dirty {
			t.Errorf("an empty database is at %d of %d, dirty: %v", current, latest, dirty)
		}
		if err := db.Ping(t.Context()); err == nil {
			t.Error("a database that is not migrated is taken for good")
		}
		for range 2 {
			check(t, db.Migrate(t.Context()))
			current, _, dirty, err = db.MigrationStatus(t.Context())
			check(t, err)
			if current != latest || dirty {
				t.Errorf("a migrated database is at %d of %d, dirty: %v", current, latest, dirty)
			}
		}
		check(t, db.Ping(t.Context()))
	},
	"replicas that start at once migrate once": func(t *testing.T, url string) {
		replicas := make([]*store.DB, 8)
		_, failed := parallel(len(replicas), func(i int) (err error) {
			if replicas[i], err = store.Open(t.Context(), url, store.Options{OpTimeout: time.Minute}); err != nil {
				return err
			}
			return replicas[i].Migrate(t.Context())
		})
		check(t, errors.Join(failed...))
		for i, db := range replicas {
			t.Cleanup(db.Close)
			check(t, addUser(t.Context(), db, string(rune('a'+i))))
		}
		wantUsers(t, replicas[0], "a", "b", "c", "d", "e", "f", "g", "h")
		same(t, len(must(replicas[0].ListRoles(t.Context(), domain.RoleFilter{}, domain.Page{Limit: 10}))(t)), len(domain.BuiltInRoles))
	},
	"what one replica did, the others see at once": func(t *testing.T, url string) {
		one, two := Open(t, url), Open(t, url)
		w := makeWorld(t, one)
		same(t, revision(t, two), revision(t, one))
		token := w.issued(1, 1)[0]
		indexed(t, two, token)
		check(t, revoke(t.Context(), one, token, t0))
		found, _, err := two.FindIssuedTokens(t.Context(), []domain.TokenRef{token.Ref()})
		check(t, err)
		same(t, found[token.ID].RevokedAt, t0)
	},
	"changes that were purged are missed, not forgotten": func(t *testing.T, url string) {
		now := t0
		db := openOnly(t, url, store.Options{OpTimeout: time.Minute, Now: func() time.Time { return now }})
		check(t, db.Migrate(t.Context()))
		start := revision(t, db)
		for _, name := range []string{"a", "b", "c"} { // revisions start+1 to start+3, half an hour apart
			check(t, addUser(t.Context(), db, name))
			now = now.Add(30 * time.Minute)
		}
		complete := func(after int64) bool {
			_, _, complete, err := db.Changes(t.Context(), after)
			check(t, err)
			return complete
		}
		same(t, must(db.Purge(t.Context(), t0.Add(30*time.Minute), 100))(t), 1) // b was just then
		same(t, []bool{complete(start), complete(start + 1), complete(start + 3)}, []bool{false, true, true})
		for range 2 {
			same(t, must(db.Purge(t.Context(), now, 1))(t), 1)
		}
		same(t, []bool{complete(start + 2), complete(start + 3)}, []bool{false, true})
		check(t, addUser(t.Context(), db, "d"))
		same(t, []bool{complete(start + 2), complete(start + 3)}, []bool{false, true})
	},
	"more changes than are worth naming": func(t *testing.T, url string) {
		db := openOnly(t, url, store.Options{OpTimeout: time.Minute})
		check(t, db.Migrate(t.Context()))
		before := revision(t, db)
		check(t, db.Tx(t.Context(), func(ctx context.Context) error {
			for i := range 5001 {
				if err := addUser(ctx, db, fmt.Sprint(i)); err != nil {
					return err
				}
			}
			return nil
		}))
		changes, now, complete, err := db.Changes(t.Context(), before)
		check(t, err)
		same(t, now, before+1)
		same(t, complete, false)
		same(t, len(changes), 0)
	},
}
