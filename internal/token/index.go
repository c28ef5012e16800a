package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// entry is a token on its way into the index, and the revision on which it was decided.
type entry struct {
	token    domain.IssuedToken
	revision int64
}

// lookup is what the index says of one token.
type lookup struct {
	token    domain.IssuedToken
	found    bool
	revision int64
}

// Record writes tokens to the index and returns once that is durable. revision is the snapshot's when they were decided on;
// domain.ErrStale if the database is past it: then nothing was written. Inside a transaction they are written with it;
// outside, a single one is written together with those of other requests.
func (t *Tokens) Record(ctx context.Context, revision int64, issued ...domain.IssuedToken) error {
	var newest int64
	var err error
	if len(issued) == 1 && !t.store.InTx(ctx) {
		newest, err = t.writes.do(ctx, entry{issued[0], revision})
	} else {
		newest, err = t.store.InsertIssuedTokens(ctx, issued, slices.Repeat([]int64{revision}, len(issued)))
	}
	if err != nil {
		return fmt.Errorf("index the token: %w", err)
	}
	if revision < newest {
		return domain.ErrStale
	}
	return nil
}

func (t *Tokens) writeBatch(ctx context.Context, batch []entry) ([]int64, error) {
	tokens := make([]domain.IssuedToken, len(batch))
	revisions := make([]int64, len(batch))
	for i, e := range batch {
		tokens[i], revisions[i] = e.token, e.revision
	}
	newest, err := t.store.InsertIssuedTokens(ctx, tokens, revisions)
	if err != nil {
		return nil, err
	}
	for i := range revisions {
		revisions[i] = newest
	}
	return revisions, nil
}

// find looks one token up, together with those of other requests.
func (t *Tokens) find(ctx context.Context, ref domain.TokenRef) (lookup, error) {
	l, err := t.reads.do(ctx, ref)
	if err != nil {
		return l, fmt.Errorf("look the token up: %w", err)
	}
	return l, nil
}

func (t *Tokens) readBatch(ctx context.Context, batch []domain.TokenRef) ([]lookup, error) {
	found, revision, err := t.store.FindIssuedTokens(ctx, batch)
	if err != nil {
		return nil, err
	}
	out := make([]lookup, len(batch))
	for i, ref := range batch {
		issued, ok := found[ref.ID]
		out[i] = lookup{token: issued, found: ok, revision: revision}
	}
	return out, nil
}

// listPatience is how long List looks for tokens that are rare: much less than a request may take.
const listPatience = 400 * time.Millisecond

// List returns tokens of the index, newest first, at most filter.Limit unless that is zero. If next is not zero there may be
// more, to be had with it as filter.Before: even if these are fewer than filter.Limit, since it takes long to find what is rare.
func (t *Tokens) List(ctx context.Context, filter domain.TokenFilter) (entries []domain.TokenEntry, next domain.TokenID, err error) {
	filter.Now = t.now()
	limit := filter.Limit
	for begun := time.Now(); ; {
		var found []domain.TokenEntry
		if found, next, err = t.store.ListIssuedTokens(ctx, filter); err != nil {
			return nil, next, fmt.Errorf("list tokens: %w", err)
		}
		entries = append(entries, found...)
		if next == (domain.TokenID{}) || limit > 0 && len(entries) >= limit || time.Since(begun) > listPatience {
			return entries, next, nil
		}
		filter.Before = next
		if limit > 0 {
			filter.Limit = limit - len(entries)
		}
	}
}

// Purge drops what expired some time ago, in small steps, until nothing is left or ctx ends, and makes room for what is to
// come. It says how many rows went one by one; whole partitions are not counted.
func (t *Tokens) Purge(ctx context.Context) (int64, error) {
	const step, keep = 1000, time.Hour
	before := t.now().Add(-keep)
	stuck := t.store.PreparePartitions(ctx, t.now(), before) // no reason to leave the rest
	if stuck != nil {
		stuck = fmt.Errorf("prepare the partitions: %w", stuck)
	}
	var total int64
	for ctx.Err() == nil {
		n, err := t.store.Purge(ctx, before, step)
		total += n
		if err != nil {
			return total, errors.Join(stuck, fmt.Errorf("purge: %w", err))
		}
		if n == 0 {
			return total, stuck
		}
	}
	return total, errors.Join(stuck, ctx.Err())
}
