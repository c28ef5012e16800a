// Package index keeps the index of issued tokens: it records, finds, lists and purges them.
package index

import (
	"context"
	"fmt"
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/signet-auth/signet/internal/batch"
	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
)

// Index is the index of issued tokens.
type Index struct {
	store  Store
	now    func() time.Time
	clock  *clock.Clock
	writes *batch.Batcher[entry, int64]
	reads  *batch.Batcher[domain.TokenRef, row]
	claims *lru.Cache[domain.TokenDigest, token.Claims] // of tokens that were found: services present the same ones again and again
	probe  func()
}

const (
	maxClaims = 2000    // tokens whose claims are kept
	maxToken  = 4 << 10 // bytes of such a token: few are larger
)

// New makes an Index; its grouped reads and writes end with ctx.
func New(ctx context.Context, store Store, clock *clock.Clock, now func() time.Time) *Index {
	claims, err := lru.New[domain.TokenDigest, token.Claims](maxClaims)
	if err != nil {
		panic(err) // only of a size below one
	}
	x := &Index{store: store, clock: clock, now: now, claims: claims}
	x.writes = batch.New(ctx, "index: write", 2, x.writeBatch)
	x.reads = batch.New(ctx, "index: read", 1, x.readBatch) // nothing is committed: a larger batch costs the database less
	x.probe = newProbe(ctx, x)
	return x
}

// entry is a token to be recorded, and the revision on which it was decided.
type entry struct {
	token    domain.IssuedToken
	revision int64
	empty    bool // there is no token: it asks whether the queue moves
}

// Record writes tokens to the index and returns once that is durable. revision is the cache's when they were decided on;
// domain.ErrStale if the database is past it, and then nothing was written, or lacks it since a promotion: then no token that was
// written may leave. Inside a transaction they are written with it; outside, a single one is written together with those of other requests.
func (x *Index) Record(ctx context.Context, revision int64, issued ...domain.IssuedToken) error {
	var newest int64
	var err error
	if len(issued) == 1 && !x.store.InTx(ctx) {
		newest, err = x.writes.Do(ctx, entry{token: issued[0], revision: revision})
	} else {
		newest, err = x.store.InsertIssuedTokens(ctx, issued, slices.Repeat([]int64{revision}, len(issued)))
	}
	if err != nil {
		return fmt.Errorf("index the token: %w", err)
	}
	if revision != newest {
		return domain.ErrStale
	}
	return nil
}

func (x *Index) writeBatch(ctx context.Context, batch []entry) ([]int64, error) {
	tokens := make([]domain.IssuedToken, 0, len(batch))
	revisions := make([]int64, 0, len(batch))
	for _, e := range batch {
		if !e.empty {
			tokens, revisions = append(tokens, e.token), append(revisions, e.revision)
		}
	}
	newest, err := x.store.InsertIssuedTokens(ctx, tokens, revisions)
	if err != nil {
		return nil, err
	}
	return slices.Repeat([]int64{newest}, len(batch)), nil
}
