package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var largeChangeTests = map[string]func(*testing.T, *store.DB){
	"tokens are issued while a change is not committed, and none on the old revision after it": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		before := revision(t, db)
		issue := func(id int, known int64) (newest int64, took time.Duration) {
			began := time.Now()
			newest, err := db.InsertIssuedTokens(t.Context(), w.issued(id, 1), []int64{known})
			check(t, err)
			return newest, time.Since(began)
		}
		issuedMeanwhile := make(chan int64, 1)
		check(t, db.Tx(t.Context(), func(ctx context.Context) error {
			if err := db.UpdateRole(ctx, domain.Role{Name: "clerk"}); err != nil {
				return err
			}
			go func() { newest, _ := issue(1, before); issuedMeanwhile <- newest }()
			select {
			case newest := <-issuedMeanwhile:
				issuedMeanwhile <- newest
			case <-time.After(300 * time.Millisecond): // SQLite has one writer
			}
			return nil
		}))
		known := <-issuedMeanwhile
		written := len(listTokens(t, db, domain.TokenFilter{ClientID: w.client}))
		if known == before != (written == 1) {
			t.Errorf("the database was at revision %d of %d, and %d tokens were written", known, before, written)
		}
		if newest, _ := issue(2, before); newest != before+1 {
			t.Errorf("revision %d after the change, want %d", newest, before+1)
		}
		same(t, len(listTokens(t, db, domain.TokenFilter{ClientID: w.client})), written)
	},
	"a role takes a thousand permissions and loses them again": func(t *testing.T, db *store.DB) {
		permissions := make([]domain.Permission, 1000)
		given := make([]domain.RolePermission, len(permissions))
		for i := range permissions {
			name := fmt.Sprintf("p%04d", i)
			permissions[i], given[i] = domain.Permission{Name: name}, domain.RolePermission{Audience: audience, Permission: name}
		}
		must(db.InsertAPI(t.Context(), domain.API{Audience: audience, SigningAlg: domain.ES256, Permissions: permissions}))(t)
		id := must(db.InsertRole(t.Context(), domain.Role{Name: "all", Permissions: given}))(t)
		same(t, must(db.FindRole(t.Context(), "all"))(t).Permissions, given)
		check(t, db.UpdateRole(t.Context(), domain.Role{Name: "all", Permissions: given[:500]}))
		same(t, must(db.FindRole(t.Context(), "all"))(t).Permissions, given[:500])
		wantChanges(t, db, func(ctx context.Context) error {
			return db.UpdateAPI(ctx, domain.API{Audience: audience, SigningAlg: domain.ES256, Permissions: permissions[:10]})
		}, "api "+audience, "role "+text(id))
		same(t, must(db.FindRole(t.Context(), "all"))(t).Permissions, given[:10])
	},
}

// aCrowd makes n users that are members of a group.
func aCrowd(t *testing.T, db *store.DB, group string, n int) {
	t.Helper()
	const batch = 500
	for from := 0; from < n; from += batch {
		check(t, db.Tx(t.Context(), func(ctx context.Context) error {
			for i := from; i < min(n, from+batch); i++ {
				name := fmt.Sprintf("u%05d", i)
				if err := addUser(ctx, db, name); err != nil {
					return err
				}
				if err := db.AddMember(ctx, group, name); err != nil {
					return err
				}
			}
			return nil
		}))
	}
}

func testLargeGroup(t *testing.T, url string) {
	db := open(t, url, store.Options{OpTimeout: time.Minute})
	makeWorld(t, db)
	aCrowd(t, db, "ops", 5001)
	before := revision(t, db)
	check(t, db.DeleteGroups(t.Context(), []string{"ops"}))
	_, _, complete, err := db.Changes(t.Context(), before)
	check(t, err)
	same(t, complete, false) // so many that all may have changed
	check(t, addUser(t.Context(), db, "next"))
	_, _, complete, err = db.Changes(t.Context(), before+1)
	check(t, err)
	same(t, complete, true)
}
