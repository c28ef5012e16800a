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

func addUser(ctx context.Context, db *store.DB, name string) error {
	_, err := db.InsertUser(ctx, domain.User{Subject: name, Username: name})
	return err
}

// wantUsers checks who is there.
func wantUsers(t *testing.T, db *store.DB, want ...string) {
	t.Helper()
	same(t, usernames(must(db.ListUsers(t.Context(), domain.UserFilter{}, domain.Page{Limit: 100}))(t)), want)
}

var transactionTests = map[string]func(*testing.T, *store.DB){
	"what fn did is there if it returns nil, and gone if it fails": func(t *testing.T, db *store.DB) {
		check(t, db.Tx(t.Context(), func(ctx context.Context) error {
			if db.InTx(t.Context()) || !db.InTx(ctx) {
				t.Error("InTx does not tell a transaction")
			}
			return addUser(ctx, db, "stays")
		}))
		failure := errors.New("failure")
		wantErr(t, db.Tx(t.Context(), func(ctx context.Context) error {
			return errors.Join(addUser(ctx, db, "goes"), failure)
		}), failure)
		wantUsers(t, db, "stays")
	},
	"a panic rolls back": func(t *testing.T, db *store.DB) {
		func() {
			defer func() { same(t, recover(), any("panic")) }()
			_ = db.Tx(t.Context(), func(ctx context.Context) error {
				check(t, addUser(ctx, db, "goes"))
				panic("panic")
			})
		}()
		wantUsers(t, db)
		check(t, addUser(t.Context(), db, "next")) // nothing is left locked
	},
	"an inner transaction joins the outer one": func(t *testing.T, db *store.DB) {
		failure := errors.New("failure")
		wantErr(t, db.Tx(t.Context(), func(ctx context.Context) error {
			check(t, db.Tx(ctx, func(ctx context.Context) error { return addUser(ctx, db, "inner") }))
			joined := must(db.Begin(ctx))(t)
			check(t, addUser(joined, db, "joined"))
			check(t, db.Commit(joined))
			return failure
		}), failure)
		wantUsers(t, db)

		check(t, db.Tx(t.Context(), func(ctx context.Context) error {
			joined := must(db.Begin(ctx))(t)
			check(t, db.Rollback(joined))
			return addUser(ctx, db, "outer")
		}))
		wantUsers(t, db, "outer")
	},
	"a name that is taken leaves the transaction usable": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		check(t, db.Tx(t.Context(), func(ctx context.Context) error {
			wantErr(t, addUser(ctx, db, "alice"), domain.ErrExists)
			wantErr(t, db.DeleteUser(ctx, "none"), domain.ErrNotFound)
			return addUser(ctx, db, "bob")
		}))
		wantUsers(t, db, "alice", "bob")
	},
	"begin, commit and rollback in steps": func(t *testing.T, db *store.DB) {
		ctx := must(db.Begin(t.Context()))(t)
		check(t, addUser(ctx, db, "stays"))
		check(t, db.Commit(ctx))
		check(t, db.Rollback(ctx)) // nothing any more
		if err := db.Commit(ctx); err == nil {
			t.Error("a second commit succeeded")
		}
		ctx = must(db.Begin(t.Context()))(t)
		check(t, addUser(ctx, db, "goes"))
		check(t, db.Rollback(ctx))
		check(t, db.Rollback(ctx))
		if err := db.Commit(ctx); err == nil {
			t.Error("a commit after the rollback succeeded")
		}
		wantUsers(t, db, "stays")
	},
	"a caller that gives up leaves nothing behind": func(t *testing.T, db *store.DB) {
		ctx, giveUp := context.WithCancel(t.Context())
		tx := must(db.Begin(ctx))(t)
		check(t, addUser(tx, db, "goes"))
		giveUp()
		_, err := db.FindUser(tx, "goes")
		wantErr(t, err, context.Canceled)
		wantErr(t, db.Commit(tx), context.Canceled)
		check(t, db.Rollback(tx))
		_, err = db.FindUser(ctx, "goes")
		wantErr(t, err, context.Canceled)
		wantErr(t, db.Tx(ctx, func(context.Context) error { return nil }), context.Canceled)
		wantUsers(t, db)
		check(t, addUser(t.Context(), db, "next"))
	},
	"a transaction that loses a deadlock runs again": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		sessions := []int64{
			must(db.InsertSession(t.Context(), domain.Session{Hash: []byte("a"), UserID: w.user}))(t),
			must(db.InsertSession(t.Context(), domain.Session{Hash: []byte("b"), UserID: w.user}))(t),
		}
		succeeded, failed := parallel(2, func(i int) error {
			first := true
			return db.Tx(t.Context(), func(ctx context.Context) error {
				if err := db.TouchSession(ctx, sessions[i], t0); err != nil {
					return err
				}
				if first { // let the other have its lock too
					first = false
					time.Sleep(50 * time.Millisecond)
				}
				return db.TouchSession(ctx, sessions[1-i], t0)
			})
		})
		same(t, succeeded, 2)
		same(t, fmt.Sprint(failed), "[]")
	},
	"more transactions than connections wait their turn": func(t *testing.T, db *store.DB) {
		succeeded, failed := parallel(100, func(i int) error {
			return db.Tx(t.Context(), func(ctx context.Context) error {
				_, err := db.ListUsers(ctx, domain.UserFilter{}, domain.Page{Limit: 1})
				return errors.Join(err, db.PutSetupLink(ctx, fmt.Append(nil, i), t0, t0.Add(time.Hour)))
			})
		})
		same(t, succeeded, 100)
		same(t, fmt.Sprint(failed), "[]")
	},
	"a closed database is unavailable": func(t *testing.T, db *store.DB) {
		db.Close()
		wantErr(t, db.Ping(t.Context()), domain.ErrUnavailable)
		wantErr(t, addUser(t.Context(), db, "x"), domain.ErrUnavailable)
		_, _, err := db.FindIssuedTokens(t.Context(), nil)
		wantErr(t, err, domain.ErrUnavailable)
	},
}
