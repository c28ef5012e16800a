package storetest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// stepToEnd takes steps until a revocation is done.
func stepToEnd(ctx context.Context, db *store.DB, id int64, limit int) (r domain.Revocation, err error) {
	for err == nil && r.DoneAt.IsZero() {
		r, err = db.StepRevocation(ctx, id, limit, t0)
	}
	return r, err
}

// checkMarks checks that rows are marked just as revocations cover them, and says how many are.
func checkMarks(t *testing.T, db *store.DB, revocations ...domain.Revocation) (marked int) {
	t.Helper()
	var refs []domain.TokenRef
	for _, entry := range listTokens(t, db, domain.TokenFilter{}) {
		refs = append(refs, entry.Ref())
	}
	found, _, err := db.FindIssuedTokens(t.Context(), refs) // the rows alone
	check(t, err)
	for _, token := range found {
		covered := slices.ContainsFunc(revocations, func(r domain.Revocation) bool { return r.Covers(token) })
		if covered == token.RevokedAt.IsZero() {
			t.Errorf("%+v: revoked at %v, but covered: %v", token, token.RevokedAt, covered)
		}
		if covered {
			marked++
		}
	}
	return marked
}

var revocationTests = map[string]func(*testing.T, *store.DB){
	"a revocation is a change, and open until it is done": func(t *testing.T, db *store.DB) {
		want := domain.Revocation{Kind: domain.RevokeOfUser, TargetID: 7, IssuedBefore: t0, CreatedAt: t0.Add(time.Minute)}
		before := revision(t, db)
		wantChanges(t, db, func(ctx context.Context) error {
			r, err := db.InsertRevocation(ctx, want)
			want.ID, want.Revision = r.ID, before+1
			same(t, r, want)
			return err
		}, "revocations ")
		second := must(db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeOfAll, CreatedAt: t0}))(t)
		same(t, must(db.OpenRevocations(t.Context()))(t), []domain.Revocation{want, second})
		wantChanges(t, db, func(ctx context.Context) error {
			r, err := db.StepRevocation(ctx, want.ID, 10, t0.Add(time.Hour))
			want.DoneAt = t0.Add(time.Hour)
			same(t, r, want)
			return err
		}, "revocations ")
		same(t, must(db.OpenRevocations(t.Context()))(t), []domain.Revocation{second})
		now := revision(t, db)
		same(t, must(db.StepRevocation(t.Context(), want.ID, 10, t0))(t), want) // stays as it was
		same(t, revision(t, db), now)
	},
	"it has the revision of the change that it belongs to": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		wantChanges(t, db, func(ctx context.Context) error {
			return db.Tx(ctx, func(ctx context.Context) error {
				r, err := db.InsertRevocation(ctx, domain.Revocation{Kind: domain.RevokeOfUser, TargetID: w.user, CreatedAt: t0})
				same(t, r.Revision, revision(t, db)+1)
				return errors.Join(err, db.UpdateUser(ctx, domain.User{Username: "alice"}))
			})
		}, "revocations ", "user "+text(w.user))
	},
	"nonsense is refused": func(t *testing.T, db *store.DB) {
		_, err := db.InsertRevocation(t.Context(), domain.Revocation{Kind: "everyone"})
		wantErr(t, err, domain.ErrInvalid)
		_, err = db.StepRevocation(t.Context(), 1, 0, t0)
		wantErr(t, err, domain.ErrInvalid)
		_, err = db.StepRevocation(t.Context(), 99, 10, t0)
		wantErr(t, err, domain.ErrNotFound)
	},
	"each kind marks what it covers, and nothing else": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		makeTokens := func(from int) []domain.IssuedToken {
			tokens := listed(5, w.issued(from, 12))
			for i := range tokens {
				switch i % 6 {
				case 0:
					tokens[i].ClientID = 91
				case 1:
					tokens[i].UserID = 92
				case 2:
					tokens[i].APIID = 93
				case 3:
					tokens[i].KeyID = 94
				case 4:
					tokens[i].ID = tokenID(-from - i) // from before
				}
				tokens[i].ExpiresAt = t0.Add(time.Duration(i) * time.Hour)
			}
			return tokens
		}
		indexed(t, db, makeTokens(100)...)
		var all []domain.Revocation
		for i, c := range []struct {
			r    domain.Revocation
			want int64
		}{
			{domain.Revocation{Kind: domain.RevokeOfClient, TargetID: 91}, 2},
			{domain.Revocation{Kind: domain.RevokeOfUser, TargetID: 92}, 2},
			{domain.Revocation{Kind: domain.RevokeOfAPI, TargetID: 93}, 2},
			{domain.Revocation{Kind: domain.RevokeOfKey, TargetID: 94}, 2},
			{domain.Revocation{Kind: domain.RevokeOfAll, IssuedBefore: t0}, 2},
			{domain.Revocation{Kind: domain.RevokeOfClient, TargetID: w.client, IssuedBefore: t0}, 0}, // before, and all revoked
			{domain.Revocation{Kind: domain.RevokeOfAll, IssuedBefore: time.Date(1926, 11, 1, 0, 0, 0, 0, time.UTC)}, 0},
			{domain.Revocation{Kind: domain.RevokeOfAll}, 2},
		} {
			r := must(db.InsertRevocation(t.Context(), c.r))(t)
			indexed(t, db, makeTokens(200+100*i)...) // written afterwards, with ids on either side
			indexed(t, db, makeTokens(10000-100*i)...)
			checkMarks(t, db, all...)
			if all = append(all, r); i == 0 {
				same(t, must(stepToEnd(t.Context(), db, r.ID, 1))(t).Marked, c.want)
			} else {
				must(stepToEnd(t.Context(), db, r.ID, 7))(t)
			}
			checkMarks(t, db, all...)
		}
	},
	"a step that was interrupted is gone on with, by several at once": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		tokens := listed(5, w.issued(1, 300))
		for i := range tokens {
			tokens[i].ExpiresAt = t0.Add(time.Duration(i%5) * time.Hour)
			if i%3 == 0 {
				tokens[i].ClientID = 91
			}
		}
		indexed(t, db, tokens...)
		check(t, revoke(t.Context(), db, tokens[150], t0)) // of client 91, before
		r := must(db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeOfClient, TargetID: 91}))(t)
		_, err := db.StepRevocation(t.Context(), r.ID, 10, t0)
		check(t, err)
		ctx := must(db.Begin(t.Context()))(t)
		_, err = db.StepRevocation(ctx, r.ID, 10, t0)
		check(t, errors.Join(err, db.Rollback(ctx)))
		half := must(db.OpenRevocations(t.Context()))(t)[0]
		same(t, half.Cursor, tokens[27].ID)
		same(t, half.Marked, 10)
		succeeded, failed := parallel(4, func(int) error {
			_, err := stepToEnd(t.Context(), db, r.ID, 7)
			return err
		})
		same(t, succeeded, 4)
		check(t, errors.Join(failed...))
		same(t, checkMarks(t, db, r), 100)
		same(t, must(db.StepRevocation(t.Context(), r.ID, 1, t0))(t).Marked, 99)
		var indexes []int32
		for _, c := range changesAfter(t, db, 0) {
			indexes = append(indexes, c.Indexes...)
		}
		slices.Sort(indexes)
		same(t, len(indexes), 100)
		same(t, len(slices.Compact(indexes)), 100)
	},
	"what is written after a revocation is not covered, whoever writes at the same time": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		var stop atomic.Bool
		var written atomic.Int64
		var last domain.Revocation
		const writers = 6
		_, failed := parallel(writers+1, func(i int) error {
			if i == writers {
				defer stop.Store(true)
				for range 10 {
					for seen := written.Load(); written.Load() == seen && !stop.Load(); { // so that there is something to revoke
						time.Sleep(time.Millisecond)
					}
					r, err := db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeOfClient, TargetID: w.client})
					if err != nil {
						return err
					}
					if last, err = stepToEnd(t.Context(), db, r.ID, 1000); err != nil {
						return err
					}
				}
				return nil
			}
			known := int64(1)
			for n := 0; !stop.Load(); n++ {
				newest, err := db.InsertIssuedTokens(t.Context(), w.issued(i<<20+n*4, 4), slices.Repeat([]int64{known}, 4))
				if err != nil {
					stop.Store(true)
					return err
				}
				if newest == known {
					written.Add(1)
				}
				known = newest
				time.Sleep(time.Millisecond) // all that is written is marked, time and again
			}
			return nil
		})
		check(t, errors.Join(failed...))
		if checkMarks(t, db, last) == 0 {
			t.Error("nothing was revoked, so nothing was tested")
		}
	},
	"revocations go a day after they were done": func(t *testing.T, db *store.DB) {
		r := must(db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeOfAll}))(t)
		must(db.Purge(t.Context(), t0.Add(1000*time.Hour), 10))(t)
		must(stepToEnd(t.Context(), db, r.ID, 10))(t)
		same(t, must(db.Purge(t.Context(), t0.Add(24*time.Hour), 10))(t), 0)
		same(t, must(db.Purge(t.Context(), t0.Add(25*time.Hour), 10))(t), 1)
		_, err := db.StepRevocation(t.Context(), r.ID, 10, t0)
		wantErr(t, err, domain.ErrNotFound)
	},
}
