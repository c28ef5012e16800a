package token

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
	leaseSize = 4096          // places leased at once; a crash wastes them
	lowWater  = leaseSize / 2 // places left when the next lease is fetched
)

// places hands out places in status lists (Token Status List §6.2), each once. It leases runs of positions from the store and
// scatters them over the whole list by a keyed permutation, so that an index says nothing about when its token was issued,
// and yet nobody has to remember which are taken.
type places struct {
	store Store
	key   []byte
	now   func() time.Time

	mu      sync.Mutex
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

// refill is a lease on its way, for all who wait for it.
type refill struct {
	done chan struct{}
	err  error
}

func newPlaces(store Store, key []byte, now func() time.Time) *places {
	return &places{store: store, key: key, now: now, buckets: map[time.Time]*bucket{}}
}

// take gives a token that expires at a time a place that no other token ever gets. It asks the database only if no lease is
// at hand. domain.ErrUnavailable if that fails. It must not be called within a transaction: what is leased would be undone
// with it.
func (p *places) take(ctx context.Context, expires time.Time) (domain.StatusRef, error) {
	end := spanEnd(expires)
	for {
		place, coming, err := p.next(ctx, end)
		if err != nil || place.List != 0 {
			return place, err
		}
		select {
		case <-coming.done:
			if coming.err != nil {
				return place, coming.err
			}
		case <-ctx.Done():
			return place, fmt.Errorf("wait for a place in a status list: %w: %w", domain.ErrUnavailable, ctx.Err())
		}
	}
}

// spanEnd is the end of the span that a time falls into.
func spanEnd(expires time.Time) time.Time {
	return expires.UTC().Add(listSpan - time.Nanosecond).Truncate(listSpan)
}

// next takes a place from what is leased, and has more fetched when that runs low. Without a place, it says what to wait for.
func (p *places) next(ctx context.Context, end time.Time) (domain.StatusRef, *refill, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.bucket(end)
	if b.left() <= lowWater && b.refill == nil {
		b.refill = &refill{done: make(chan struct{})}
		go p.fetch(context.WithoutCancel(ctx), end, b)
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

// bucket returns the bucket of a span, and on making it drops those whose time is over. As a token lives a day at most, there
// are never many.
func (p *places) bucket(end time.Time) *bucket {
	b := p.buckets[end]
	if b == nil {
		now := p.now()
		maps.DeleteFunc(p.buckets, func(end time.Time, _ *bucket) bool { return end.Before(now) })
		b = &bucket{}
		p.buckets[end] = b
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

// fetch leases more places for a bucket. It must not die with the one caller that happened to need it, so ctx has no end; the
// store bounds its time.
func (p *places) fetch(ctx context.Context, end time.Time, b *bucket) {
	leased, err := p.store.LeaseStatus(ctx, end, leaseSize, listSize, p.now())
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		b.leases = append(b.leases, &lease{
			list: leased.ID, scatter: statuslist.NewPermutation(p.listKey(leased.ID), leased.Size),
			next: leased.From, end: leased.From + leased.Count,
		})
	} else {
		b.refill.err = fmt.Errorf("lease places in a status list: %w", err)
	}
	close(b.refill.done)
	b.refill = nil
}

// listKey derives the key of a list's permutation. It never changes while the list lives, or an index could come twice.
func (p *places) listKey(list int64) [32]byte {
	mac := hmac.New(sha256.New, p.key)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(list)))
	return [32]byte(mac.Sum(nil))
}
