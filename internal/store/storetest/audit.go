package storetest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

func hashOf(e domain.Event) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "%x %d %s", e.PrevHash, e.Seq, e.Action))
	return sum[:]
}

var auditTests = map[string]func(*testing.T, *store.DB){
	"events are listed as they were appended, each with the hash of the one before": func(t *testing.T, db *store.DB) {
		want := domain.Event{At: t0, Actor: "user:alice", Action: "client.create", Target: "client:shop", Details: `{"name":"Shop"}`, Salt: []byte("s"), Digest: []byte("d")}
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
