package audit

import (
	"bytes"
	"context"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const verifyPage = 500

// Verify walks the whole log and returns its last event, the zero Event if there is none. ErrInvalid names the first
// event that was changed, or before which one is missing. Events cut off at the end leave a chain that is whole:
// compare the last hash with one that was noted elsewhere.
func (l *Log) Verify(ctx context.Context) (domain.Event, error) {
	var last domain.Event
	for {
		events, err := l.store.ListEvents(ctx, last.Seq, verifyPage)
		if err != nil {
			return last, fmt.Errorf("verify the audit log: %w", err)
		}
		for _, e := range events {
			if e.Seq != last.Seq+1 || !bytes.Equal(e.PrevHash, last.Hash) {
				return last, fmt.Errorf("%w audit log: event %d does not follow event %d", domain.ErrInvalid, e.Seq, last.Seq)
			}
			if !bytes.Equal(e.Hash, event.Hash(e)) {
				return last, fmt.Errorf("%w audit log: event %d was changed", domain.ErrInvalid, e.Seq)
			}
			last = e
		}
		if len(events) < verifyPage {
			return last, nil
		}
	}
}
