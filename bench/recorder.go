package main

import (
	"context"
	"crypto/rand"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/status"
	"github.com/signet-auth/signet/internal/store"
)

const recordedTTL = 10 * time.Minute // of tokens

// recorder gives tokens a status index and writes them into the index, as a server does, without signing or answering anything.
type recorder struct {
	db     *store.DB
	status *status.Allocator
}

func newRecorder(db *store.DB, now func() time.Time) recorder {
	key := make([]byte, 32)
	rand.Read(key)
	return recorder{db, status.NewAllocator(db, key, now)}
}

// record writes n tokens that are issued at a time, in one transaction.
func (r recorder) record(ctx context.Context, at time.Time, n int) ([]domain.IssuedToken, error) {
	tokens, revisions := make([]domain.IssuedToken, n), make([]int64, n)
	for i := range tokens {
		t := domain.IssuedToken{ID: domain.FirstTokenID(at), Kind: domain.TokenAccess, ExpiresAt: at.Add(recordedTTL)}
		rand.Read(t.ID[6:])
		var err error
		if t.Status, err = r.status.Allocate(ctx, t.ExpiresAt); err != nil {
			return nil, err
		}
		tokens[i], revisions[i] = t, 1<<40 // no change is newer
	}
	_, err := r.db.InsertIssuedTokens(ctx, tokens, revisions)
	return tokens, err
}
