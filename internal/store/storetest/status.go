package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var statusTests = map[string]func(*testing.T, *store.DB){
	"positions are leased one after the other, then a new list is made": func(t *testing.T, db *store.DB) {
		lease := func(expires time.Time, count int32) domain.StatusLease {
			return must(db.LeaseStatus(t.Context(), expires, count, 100, t0))(t)
		}
		first, later := t0.Add(time.Hour), t0.Add(2*time.Hour)
		one := lease(first, 60)
		list := domain.StatusList{ID: one.ID, Size: 100, ExpiresAt: first, CreatedAt: t0}
		same(t, one, domain.StatusLease{StatusList: list, From: 0, Count: 60})
		two := lease(first, 60)
		if two.ID <= one.ID {
			t.Errorf("list %d has no room, and list %d came after it", one.ID, two.ID)
		}
		same(t, lease(first, 40), domain.StatusLease{StatusList: list, From: 60, Count: 40})
		other := lease(later, 1)
		same(t, other.ExpiresAt, later)
		same(t, must(db.FindStatusList(t.Context(), one.ID))(t), list)
		same(t, must(db.LiveStatusLists(t.Context(), t0))(t), []int64{one.ID, two.ID, other.ID})
		same(t, must(db.LiveStatusLists(t.Context(), first))(t), []int64{other.ID})
		_, err := db.FindStatusList(t.Context(), 99)
		wantErr(t, err, domain.ErrNotFound)
	},
	"a lease that no list can hold, or that could be undone, is refused": func(t *testing.T, db *store.DB) {
		for _, count := range []int32{-1, 0, 101} {
			_, err := db.LeaseStatus(t.Context(), t0, count, 100, t0)
			wantErr(t, err, domain.ErrInvalid)
		}
		err := db.Tx(t.Context(), func(ctx context.Context) error {
			_, err := db.LeaseStatus(ctx, t0, 1, 100, t0)
			return err
		})
		if err == nil {
			t.Error("a transaction that may be rolled back leased positions")
		}
	},
	"no position is leased twice": func(t *testing.T, db *store.DB) {
		const leasers, each, count, size = 32, 8, 10, 160
		var mu sync.Mutex
		taken := map[domain.StatusRef]bool{}
		_, failed := parallel(leasers, func(int) error {
			for range each {
				lease, err := db.LeaseStatus(t.Context(), t0, count, size, t0)
				if err != nil {
					return err
				}
				mu.Lock()
				for i := lease.From; i < lease.From+lease.Count; i++ {
					ref := domain.StatusRef{List: lease.ID, Index: i}
					if taken[ref] || i < 0 || i >= size {
						t.Errorf("position %+v was given twice, or is out of range", ref)
					}
					taken[ref] = true
				}
				mu.Unlock()
			}
			return nil
		})
		check(t, errors.Join(failed...))
		same(t, len(taken), leasers*each*count)
		same(t, len(must(db.LiveStatusLists(t.Context(), t0.Add(-time.Hour)))(t)), leasers*each*count/size)
	},
	"the entries of a list are what its changes came to": func(t *testing.T, db *store.DB) {
		tokens := listed(5, makeWorld(t, db).issued(1, 6))
		tokens[5].Status.List = 6
		indexed(t, db, tokens...)
		for _, i := range []int{3, 1, 2} {
			check(t, db.SuspendToken(t.Context(), tokens[i].Ref(), t0))
		}
		check(t, db.ResumeToken(t.Context(), tokens[2].Ref(), t0))
		for _, i := range []int{4, 3, 0, 5} {
			check(t, revoke(t.Context(), db, tokens[i], t0))
		}
		entries, seq, err := db.StatusEntries(t.Context(), 5)
		check(t, err)
		same(t, seq, 8)
		same(t, entries, []domain.StatusChange{
			{Seq: 8, List: 5, Status: domain.StatusInvalid, Indexes: []int32{0, 3, 4}},
			{Seq: 8, List: 5, Status: domain.StatusSuspended, Indexes: []int32{1}},
		})
		entries, seq, err = db.StatusEntries(t.Context(), 99)
		check(t, err)
		same(t, seq, 8)
		same(t, len(entries), 0)
	},
	"changes are told page by page": func(t *testing.T, db *store.DB) {
		tokens := listed(5, makeWorld(t, db).issued(1, 5))
		indexed(t, db, tokens...)
		for _, token := range tokens {
			check(t, revoke(t.Context(), db, token, t0))
		}
		for _, c := range []struct {
			after int64
			want  []int64
		}{{0, []int64{1, 2}}, {2, []int64{3, 4}}, {4, []int64{5}}, {5, nil}} {
			changes, newest, complete, err := db.StatusChanges(t.Context(), c.after, 2)
			check(t, err)
			same(t, newest, 5)
			same(t, complete, true)
			var seqs []int64
			for _, change := range changes {
				seqs = append(seqs, change.Seq)
			}
			same(t, seqs, c.want)
		}
		_, _, complete, err := db.StatusChanges(t.Context(), 6, 2)
		check(t, err)
		same(t, complete, false) // a restored backup forgot
	},
	"a mark that is rolled back tells no list": func(t *testing.T, db *store.DB) {
		tokens := listed(5, makeWorld(t, db).issued(1, 2))
		indexed(t, db, tokens...)
		failure := errors.New("failure")
		wantErr(t, db.Tx(t.Context(), func(ctx context.Context) error {
			return errors.Join(revoke(ctx, db, tokens[0], t0), failure)
		}), failure)
		check(t, revoke(t.Context(), db, tokens[1], t0))
		same(t, changesAfter(t, db, 0), []domain.StatusChange{{Seq: 1, List: 5, Status: domain.StatusInvalid, Indexes: []int32{1}}})
	},
	"old changes of a list are folded, and whoever missed them is told the outcome": func(t *testing.T, db *store.DB) {
		lease := must(db.LeaseStatus(t.Context(), t0.Add(time.Hour), 100, 100, t0))(t)
		tokens := listed(lease.ID, makeWorld(t, db).issued(1, 100))
		indexed(t, db, tokens...)
		for i, token := range tokens {
			check(t, db.SuspendToken(t.Context(), token.Ref(), t0))
			switch i % 3 {
			case 1:
				check(t, db.ResumeToken(t.Context(), token.Ref(), t0))
			case 2:
				check(t, revoke(t.Context(), db, token, t0))
			}
		}
		before, seq, err := db.StatusEntries(t.Context(), lease.ID)
		check(t, err)
		whole := replay(changesAfter(t, db, 0))
		missed := changesAfter(t, db, 40)
		same(t, must(db.Purge(t.Context(), t0, 1))(t), 0) // nothing has expired
		after, seqAfter, err := db.StatusEntries(t.Context(), lease.ID)
		check(t, err)
		same(t, seqAfter, seq)
		same(t, after, before)
		same(t, replay(changesAfter(t, db, 0)), whole)
		folded := changesAfter(t, db, 40)
		if len(folded) >= len(missed) || len(folded) != 3 {
			t.Errorf("%d changes are left of %d, want one for each status", len(folded), len(missed))
		}
		same(t, replay(folded), whole)
		check(t, revoke(t.Context(), db, tokens[0], t0))
		same(t, changesAfter(t, db, seq), []domain.StatusChange{{Seq: seq + 1, List: lease.ID, Status: domain.StatusInvalid, Indexes: []int32{0}}})
	},
	"lists that have expired go, with their changes": func(t *testing.T, db *store.DB) {
		dead := must(db.LeaseStatus(t.Context(), t0.Add(-time.Second), 1, 1, t0))(t)
		live := must(db.LeaseStatus(t.Context(), t0, 1, 1, t0))(t)
		tokens := append(listed(dead.ID, makeWorld(t, db).issued(1, 1)), listed(live.ID, world{}.issued(2, 1))...)
		indexed(t, db, tokens...)
		for _, token := range tokens {
			check(t, revoke(t.Context(), db, token, t0))
		}
		same(t, must(db.Purge(t.Context(), t0, 100))(t), 2)
		_, err := db.FindStatusList(t.Context(), dead.ID)
		wantErr(t, err, domain.ErrNotFound)
		must(db.FindStatusList(t.Context(), live.ID))(t)
		same(t, changesAfter(t, db, 0), []domain.StatusChange{{Seq: 2, List: live.ID, Status: domain.StatusInvalid, Indexes: []int32{0}}})
	},
	"a reader that follows the changes misses none": followTest,
}

// replay is what changes come to, by place.
func replay(changes []domain.StatusChange) map[domain.StatusRef]domain.TokenStatus {
	statuses := map[domain.StatusRef]domain.TokenStatus{}
	for _, c := range changes {
		for _, i := range c.Indexes {
			statuses[domain.StatusRef{List: c.List, Index: i}] = c.Status
		}
	}
	return statuses
}

// followTest has writers that mark, purges that fold, and a reader that compares what it was told with the whole.
func followTest(t *testing.T, db *store.DB) {
	const writers, each = 8, 60
	w := makeWorld(t, db)
	lists := make([]int64, 3)
	for i := range lists {
		lists[i] = must(db.LeaseStatus(t.Context(), t0.Add(time.Hour), writers*each, writers*each, t0))(t).ID
	}
	tokens := w.issued(1, writers*each)
	for i := range tokens {
		tokens[i].Status = domain.StatusRef{List: lists[i%len(lists)], Index: int32(i)}
	}
	indexed(t, db, tokens...)
	var writing atomic.Int32
	writing.Store(writers)
	told := map[domain.StatusRef]domain.TokenStatus{}
	_, failed := parallel(writers+2, func(n int) error {
		switch n {
		case writers:
			return follow(t.Context(), db, lists, told, func() bool { return writing.Load() > 0 })
		case writers + 1:
			for writing.Load() > 0 {
				if _, err := db.Purge(t.Context(), t0, 1); err != nil {
					return err
				}
			}
			return nil
		}
		defer writing.Add(-1)
		for _, token := range tokens[n*each : (n+1)*each] {
			err := db.SuspendToken(t.Context(), token.Ref(), t0)
			switch rand.N(3) {
			case 0:
				err = errors.Join(err, db.ResumeToken(t.Context(), token.Ref(), t0))
			case 1:
				err = errors.Join(err, revoke(t.Context(), db, token, t0))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	check(t, errors.Join(failed...))
	maps.DeleteFunc(told, func(_ domain.StatusRef, status domain.TokenStatus) bool { return status == domain.StatusValid })
	want := map[domain.StatusRef]domain.TokenStatus{}
	for _, entry := range listTokens(t, db, domain.TokenFilter{}) {
		switch {
		case !entry.RevokedAt.IsZero():
			want[entry.Status] = domain.StatusInvalid
		case !entry.SuspendedAt.IsZero():
			want[entry.Status] = domain.StatusSuspended
		}
	}
	same(t, told, want)
}

// follow reads changes until there are no more, and now and then whole lists: whoever begins with these and goes on with the changes
// after their seq must come to the same.
func follow(ctx context.Context, db *store.DB, lists []int64, told map[domain.StatusRef]domain.TokenStatus, more func() bool) error {
	read := map[int64]int64{} // the seq at which a list was read as a whole
	for after := int64(0); ; {
		last := !more()
		changes, newest, complete, err := db.StatusChanges(ctx, after, 5)
		if err != nil || !complete {
			return errors.Join(err, fmt.Errorf("complete: %v", complete))
		}
		for _, c := range changes {
			if c.Seq <= after || c.Seq > newest {
				return fmt.Errorf("a change of seq %d came after %d, the newest is %d", c.Seq, after, newest)
			}
			if c.Seq > read[c.List] {
				maps.Copy(told, replay([]domain.StatusChange{c}))
			}
		}
		if len(changes) > 0 {
			if !slices.IsSortedFunc(changes, func(a, b domain.StatusChange) int { return int(a.Seq - b.Seq) }) {
				return errors.New("changes came out of order")
			}
			after = changes[len(changes)-1].Seq
			continue
		}
		if after != newest {
			return fmt.Errorf("nothing comes after %d, but %d is the newest", after, newest)
		}
		if last {
			return nil
		}
		list := lists[rand.N(len(lists))]
		if read[list], err = readList(ctx, db, list, told); err != nil {
			return err
		}
	}
}

// readList reads a whole list, and forgets what was told of it before.
func readList(ctx context.Context, db *store.DB, list int64, told map[domain.StatusRef]domain.TokenStatus) (seq int64, err error) {
	entries, seq, err := db.StatusEntries(ctx, list)
	maps.DeleteFunc(told, func(ref domain.StatusRef, _ domain.TokenStatus) bool { return ref.List == list })
	maps.Copy(told, replay(entries))
	return seq, err
}
