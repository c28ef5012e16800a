package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

func hashOf(e domain.Event) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%x %d %s", e.PrevHash, e.Seq, e.Action))
	return sum[:]
}

var auditTests = map[string]func(*testing.T, *store.DB){
	"events are listed as they were appended, each with the hash of the one before": func(t *testing.T, db *store.DB) {
		want := domain.Event{At: t0, Actor: "user:alice", Action: "client.create", Target: "client:shop", Details: `{"name":"Shop"}`, Salt: []byte("s"), Digest: []byte("d"), RequestID: "r1"}
		check(t, db.AppendEvents(t.Context(), hashOf, want))
		check(t, db.AppendEvents(t.Context(), hashOf, want))
		want.Seq, want.PrevHash = 1, []byte{}
		want.Hash = hashOf(want)
		events := must(db.ListEvents(t.Context(), 0, 1))(t)
		same(t, events, []domain.Event{want})
		want.Seq, want.PrevHash = 2, want.Hash
		want.Hash = hashOf(want)
		same(t, must(db.ListEvents(t.Context(), 1, 9))(t), []domain.Event{want})
	},
	"events are erased some at a time": func(t *testing.T, db *store.DB) {
		for i := range 5 {
			check(t, db.AppendEvents(t.Context(), hashOf, domain.Event{At: t0, Actor: fmt.Sprint("user:", i%2), Action: "a", Details: "{}", Digest: []byte("d")}))
		}
		for _, step := range []struct {
			after, through int64
			erased         []int64
		}{{0, 2, []int64{1}}, {2, 4, []int64{3}}, {4, 5, []int64{5}}, {5, 5, nil}} {
			erased, through, err := db.EraseEvents(t.Context(), step.after, 2, 6, []string{"user:0"}, nil)
			check(t, err)
			same(t, erased, step.erased)
			same(t, through, step.through)
		}
	},
	"events are found by what they have, page by page, the newest first, and exported in their order": func(t *testing.T, db *store.DB) {
		for i := range 60 {
			check(t, db.AppendEvents(t.Context(), hashOf, domain.Event{
				At: t0.Add(time.Duration(i/2) * 24 * time.Hour), Actor: fmt.Sprint("user:", i%3), Action: fmt.Sprint("a.", i%2), Target: fmt.Sprint("client:", i%5), Details: "{}", Digest: []byte("d"),
			}))
		}
		for _, c := range []struct {
			filter domain.EventFilter
			has    func(i int) bool
		}{
			{domain.EventFilter{}, func(int) bool { return true }},
			{domain.EventFilter{Actor: "user:1"}, func(i int) bool { return i%3 == 1 }},
			{domain.EventFilter{Action: "a.1", Target: "client:2"}, func(i int) bool { return i%2 == 1 && i%5 == 2 }},
			{domain.EventFilter{Since: t0.Add(48 * time.Hour), Before: t0.Add(27 * 24 * time.Hour)}, func(i int) bool { return i >= 4 && i < 54 }},
			{domain.EventFilter{Actor: "user:1\x00"}, func(int) bool { return false }},
		} {
			var want []int64
			for i := range 60 {
				if c.has(i) {
					want = append(want, int64(i+1))
				}
			}
			var exported, found, back []int64
			for after := int64(0); ; after = exported[len(exported)-1] {
				events := must(db.ExportEvents(t.Context(), c.filter, after, 7))(t)
				for _, e := range events {
					exported = append(exported, e.Seq)
				}
				if len(events) < 7 {
					break
				}
			}
			same(t, exported, want)
			slices.Reverse(want)
			var last domain.Event
			for p := (domain.Page{Limit: 7}); ; p.After = last.Place() {
				events := must(db.FindEvents(t.Context(), c.filter, p))(t)
				for _, e := range events {
					found, last = append(found, e.Seq), e
				}
				if len(events) < 7 {
					break
				}
			}
			same(t, found, want)
			if len(want) > 7 {
				for _, e := range must(db.FindEvents(t.Context(), c.filter, domain.Page{Before: last.Place(), Limit: 7}))(t) {
					back = append(back, e.Seq)
				}
				same(t, back, want[len(want)-8:len(want)-1])
			}
		}
		_, err := db.FindEvents(t.Context(), domain.EventFilter{}, domain.Page{After: "x", Limit: 1})
		wantErr(t, err, domain.ErrInvalid)
	},
	"events are found by the beginning of the name of what they are about, then of who did it, page by page": func(t *testing.T, db *store.DB) {
		for i, of := range []string{"user:alice client:shop", "system user:Alice", "user:al api:https://al.example", "client:alarm user:bob", "system user:alice"} {
			actor, target, _ := strings.Cut(of, " ")
			check(t, db.AppendEvents(t.Context(), hashOf, domain.Event{
				At: t0.Add(time.Duration(i) * time.Hour), Actor: actor, Action: fmt.Sprint("a.", i%2), Target: target, Details: "{}", Digest: []byte("d"),
			}))
		}
		finds := func(f domain.EventFilter, p domain.Page, want ...int64) (found []domain.Event) {
			t.Helper()
			found = must(db.FindEvents(t.Context(), f, p))(t)
			var got []int64
			for _, e := range found {
				got = append(got, e.Seq)
			}
			same(t, got, want)
			return found
		}
		all := finds(domain.EventFilter{}, domain.Page{Search: "AL", Limit: 9}, 5, 2, 3, 4, 1) // alice, the newest first; al, alarm, alice
		for i, beside := range [][2][]int64{{nil, {2}}, {{5}, {3}}, {{2}, {4}}, {{3}, {1}}, {{4}, nil}} {
			finds(domain.EventFilter{}, domain.Page{Search: "al", Limit: 1, Before: all[i].Place()}, beside[0]...)
			finds(domain.EventFilter{}, domain.Page{Search: "al", Limit: 1, After: all[i].Place()}, beside[1]...)
		}
		finds(domain.EventFilter{}, domain.Page{Search: "https://AL", Limit: 9}, 3)
		finds(domain.EventFilter{}, domain.Page{Search: "user:", Limit: 9})
		finds(domain.EventFilter{Action: "a.0"}, domain.Page{Search: "al", Limit: 9}, 5, 3, 1) // few: in the order of time
	},
	"the chain does not break under many writers, some of which give up": func(t *testing.T, db *store.DB) {
		giveUp := errors.New("gave up")
		succeeded, failed := parallel(40, func(i int) error {
			return db.Tx(t.Context(), func(ctx context.Context) error {
				event := domain.Event{Action: fmt.Sprint(i), Details: "{}", Digest: []byte("d")}
				if err := db.AppendEvents(ctx, hashOf, event, event); err != nil || i%4 > 0 {
					return err
				}
				return giveUp
			})
		})
		for _, err := range failed {
			wantErr(t, err, giveUp)
		}
		events := must(db.ListEvents(t.Context(), 0, 100))(t)
		same(t, len(events), 2*succeeded)
		prev := []byte{}
		for i, e := range events {
			if e.Seq != int64(i+1) || !bytes.Equal(e.PrevHash, prev) || !bytes.Equal(e.Hash, hashOf(e)) {
				t.Fatalf("the chain breaks at %+v", e)
			}
			prev = e.Hash
		}
	},
}
