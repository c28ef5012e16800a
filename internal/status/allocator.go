// Package status allocates the entries of token status lists and publishes the lists (Token Status List).
package status

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/statuslist"
)

const (
	listSize  = 1 << 20       // entries of a status list: 128 KiB at one bit
	listSpan  = time.Hour     // the tokens of a list expire within it, so that lists are retired whole
	leaseSize = 4096          // positions leased at once; a crash wastes them
	lowWater  = leaseSize / 2 // positions left when the next lease is fetched
)

// Allocator allocates status indexes (Token Status List §6.2), each once. It leases runs of positions from the store and scatters
// them over the whole list by a keyed permutation: an index reveals nothing of when its token was issued, and no list of
// allocated indexes is needed.
type Allocator struct {
	store Leases
	key   []byte
	now   func() time.Time

	mu      sync.Mutex
	history int64                 // of the store's, from which the leases are
	buckets map[time.Time]*bucket // by the time, in UTC, at which all their tokens have expired
}

// bucket is what is leased for tokens that expire within the same span.
type bucket struct {
	leases []*lease
	refill *refill // under way; nil: none
}

// lease is a run of positions of one list: next … end-1 are left.
type lease struct {
	list      int64
	scatter   *statuslist.Permutation
	next, end int32
}

// refill is a lease under way, shared by all that wait for it.
type refill struct {
	done chan struct{}
	err  error
}

// NewAllocator makes an allocator. The key, of 32 bytes, scatters indexes; it must stay the same for as long as a list lives.
func NewAllocator(store Leases, key []byte, now func() time.Time) *Allocator {
	return &Allocator{store: store, key: key, now: now, buckets: map[time.Time]*bucket{}}
}

// Allocate returns a status index, for a token that expires at the given time, that no other token ever gets. It asks the database
// only if no lease is at hand; domain.ErrUnavailable if that fails. It must not be called within a transaction, whose rollback
// would undo the lease.
func (a *Allocator) Allocate(ctx context.Context, expires time.Time) (domain.StatusRef, error) {
	end := spanEnd(expires)
	for {
		ref, pending, err := a.next(ctx, end)
		if err != nil || ref.List != 0 {
			return ref, err
		}
		select {
		case <-pending.done:
			if pending.err != nil {
				return ref, pending.err
			}
		case <-ctx.Done():
			return ref, fmt.Errorf("wait for a status index: %w: %w", domain.ErrUnavailable, ctx.Err())
		}
	}
}

// spanEnd is the end of the span that a time falls into.
func spanEnd(expires time.Time) time.Time {
	return expires.UTC().Add(listSpan - time.Nanosecond).Truncate(listSpan)
}

// next allocates from what is leased, and starts a refill when that runs low. Without a status index, it returns the refill to
// wait for.
func (a *Allocator) next(ctx context.Context, end time.Time) (domain.StatusRef, *refill, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if history := a.store.History(); history != a.history { // others may be given the same positions
		a.history = history
		clear(a.buckets)
	}
	b := a.bucket(end)
	if b.left() <= lowWater && b.refill == nil {
		b.refill = &refill{done: make(chan struct{})}
		go a.fetch(context.WithoutCancel(ctx), end, b)
	}
	if len(b.leases) == 0 {
		return domain.StatusRef{}, b.refill, nil
	}
	l := b.leases[0]
	index, err := l.scatter.At(l.next)
	if err != nil {
		return domain.StatusRef{}, nil, fmt.Errorf("position %d of status list %d: %w", l.next, l.list, err)
	}
	if l.next++; l.next == l.end {
		b.leases = slices.Delete(b.leases, 0, 1)
	}
	return domain.StatusRef{List: l.list, Index: index}, b.refill, nil
}

// bucket returns the bucket of a span. When it makes one, it drops those that have ended; as a token lives a day at most, there are
// never many.
func (a *Allocator) bucket(end time.Time) *bucket {
	b := a.buckets[end]
	if b == nil {
		now := a.now()
		maps.DeleteFunc(a.buckets, func(end time.Time, _ *bucket) bool { return end.Before(now) })
		b = &bucket{}
		a.buckets[end] = b
	}
	return b
}

func (b *bucket) left() int32 {
	var n int32
	for _, l := range b.leases {
		n += l.end - l.next
	}
	return n
}

// fetch leases more positions for a bucket. It must not end with the one caller that happened to need it, so ctx has no end; the
// store bounds its time.
func (a *Allocator) fetch(ctx context.Context, end time.Time, b *bucket) {
	leased, err := a.store.LeaseStatus(ctx, end, leaseSize, listSize, a.now())
	a.mu.Lock()
	defer a.mu.Unlock()
	if err == nil {
		b.leases = append(b.leases, &lease{
			list: leased.ID, scatter: statuslist.NewPermutation(a.listKey(leased.ID), leased.Size),
			next: leased.From, end: leased.From + leased.Count,
		})
	} else {
		b.refill.err = fmt.Errorf("lease status indexes: %w", err)
	}
	close(b.refill.done)
	b.refill = nil
}

// listKey derives the key of a list's permutation. It never changes while the list lives, or an index could come twice.
func (a *Allocator) listKey(list int64) [32]byte {
	mac := hmac.New(sha256.New, a.key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(list)))
	return [32]byte(mac.Sum(nil))
}
