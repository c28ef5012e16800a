package index

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// listPatience is how long List looks for tokens that are rare: much less than a request may take.
const listPatience = 400 * time.Millisecond

// List returns tokens of the index, newest first, at most filter.Limit unless that is zero. If next is not zero there may be
// more, to be had with it as filter.Before, or as filter.After if that was given: even if these are fewer than filter.Limit, since it takes long to find what is rare.
func (x *Index) List(ctx context.Context, filter domain.TokenFilter) (entries []domain.TokenEntry, next domain.TokenID, err error) {
	filter.Now = x.now()
	limit := filter.Limit
	for begun := time.Now(); ; {
		var found []domain.TokenEntry
		if found, next, err = x.store.ListIssuedTokens(ctx, filter); err != nil {
			return nil, next, fmt.Errorf("list tokens: %w", err)
		}
		back := filter.After != (domain.TokenID{})
		if back {
			entries = append(found, entries...)
		} else {
			entries = append(entries, found...)
		}
		if next == (domain.TokenID{}) || limit > 0 && len(entries) >= limit || time.Since(begun) > listPatience {
			return entries, next, nil
		}
		if back {
			filter.After = next
		} else {
			filter.Before = next
		}
		if limit > 0 {
			filter.Limit = limit - len(entries)
		}
	}
}

// Find finds a token of the index by its jti alone. domain.ErrNotFound if it is not in the index.
func (x *Index) Find(ctx context.Context, id domain.TokenID) (domain.TokenEntry, error) {
	entries, err := x.FindAll(ctx, id)
	if err != nil {
		return domain.TokenEntry{}, err
	}
	return entries[0], nil
}

// FindAll finds tokens of the index by their jtis alone, in the order of these, of which one may repeat. domain.ErrNotFound if one is not
// in the index.
func (x *Index) FindAll(ctx context.Context, ids ...domain.TokenID) ([]domain.TokenEntry, error) {
	found, err := x.store.FindTokenEntries(ctx, ids...)
	if err != nil {
		return nil, fmt.Errorf("find tokens: %w", err)
	}
	entries := make([]domain.TokenEntry, len(ids))
	for i, id := range ids {
		at := slices.IndexFunc(found, func(e domain.TokenEntry) bool { return e.ID == id })
		if at < 0 {
			return nil, fmt.Errorf("token %s: %w", id, domain.ErrNotFound)
		}
		entries[i] = found[at]
	}
	return entries, nil
}

// Count counts tokens of the index, up to a number: more says that there are more than n, or may be, since it takes long to count what is
// rare.
func (x *Index) Count(ctx context.Context, filter domain.TokenFilter, most int) (n int, more bool, err error) {
	filter.Now = x.now()
	for begun := time.Now(); ; {
		found, next, err := x.store.CountIssuedTokens(ctx, filter)
		if err != nil {
			return 0, false, fmt.Errorf("count tokens: %w", err)
		}
		n += found
		switch {
		case n > most:
			return most, true, nil
		case next == (domain.TokenID{}):
			return n, false, nil
		case time.Since(begun) > listPatience:
			return n, true, nil
		}
		filter.Before = next
	}
}
