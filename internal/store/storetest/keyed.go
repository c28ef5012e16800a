package storetest

import (
	"bytes"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// keyedRequest is one that a claim holds for a minute, and whose answer is kept for a day.
func keyedRequest(id, claim byte, now time.Time) domain.KeyedRequest {
	return domain.KeyedRequest{
		ID: bytes.Repeat([]byte{id}, 32), Request: []byte("request"), Claim: []byte{claim}, ClaimedUntil: now.Add(time.Minute), ExpiresAt: now.Add(24 * time.Hour),
	}
}

var keyedTests = map[string]func(*testing.T, *store.DB){
	"a request is carried out by one, until that gives up or its time is over": func(t *testing.T, db *store.DB) {
		ctx := t.Context()
		first := keyedRequest(1, 1, t0)
		same(t, must(db.ClaimRequest(ctx, first, t0))(t), first)
		claim := func(claim byte, now time.Time, want domain.KeyedRequest) domain.KeyedRequest {
			t.Helper()
			same(t, must(db.ClaimRequest(ctx, keyedRequest(1, claim, now), now))(t), want)
			return want
		}
		claim(2, t0.Add(time.Minute-1000), first)
		same(t, must(db.ClaimRequest(ctx, keyedRequest(2, 2, t0), t0))(t), keyedRequest(2, 2, t0)) // of another key

		late := t0.Add(time.Minute)
		second := claim(2, late, keyedRequest(1, 2, late))
		first.Answer, second.Answer = []byte("first"), []byte("second")
		wantErr(t, db.KeepAnswer(ctx, first), domain.ErrConflict)
		check(t, db.ReleaseRequest(ctx, first)) // which it does not hold
		check(t, db.KeepAnswer(ctx, second))
		wantErr(t, db.KeepAnswer(ctx, second), domain.ErrConflict)
		check(t, db.ReleaseRequest(ctx, second)) // which is answered
		claim(3, late.Add(24*time.Hour-1000), second)
		claim(3, late.Add(24*time.Hour), keyedRequest(1, 3, late.Add(24*time.Hour)))

		check(t, db.ReleaseRequest(ctx, keyedRequest(2, 2, t0)))
		same(t, must(db.ClaimRequest(ctx, keyedRequest(2, 4, t0), t0))(t), keyedRequest(2, 4, t0))
	},
	"one of many carries a request out": func(t *testing.T, db *store.DB) {
		onlyOneWins(t, domain.ErrConflict, func(i int) error {
			mine := keyedRequest(1, byte(i), t0)
			held, err := db.ClaimRequest(t.Context(), mine, t0)
			if err == nil && !bytes.Equal(held.Claim, mine.Claim) {
				err = domain.ErrConflict
			}
			return err
		})
	},
	"answers are purged": func(t *testing.T, db *store.DB) {
		r := keyedRequest(1, 1, t0)
		must(db.ClaimRequest(t.Context(), r, t0))(t)
		same(t, must(db.Purge(t.Context(), r.ExpiresAt, 10))(t), 0)
		same(t, must(db.Purge(t.Context(), r.ExpiresAt.Add(time.Microsecond), 10))(t), 1)
	},
}
