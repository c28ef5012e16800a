package audit

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const verifyPage = 500

// Verify walks the whole log and returns its last event, the zero Event if there is none. domain.ErrInvalid names the first event
// that was changed, or before which one is missing, or says that events are missing at the end: of the log's own checkpoints, and of
// those that were noted elsewhere. Events that were purged or erased are not missing if the log says so.
func (l *Log) Verify(ctx context.Context, noted ...domain.Checkpoint) (last domain.Event, err error) {
	return l.VerifyWith(ctx, func(int64) error { return nil }, noted...)
}

// VerifyWith is Verify that calls progress now and then with the seq that it has come to. It ends with an error of that.
func (l *Log) VerifyWith(ctx context.Context, progress func(seq int64) error, noted ...domain.Checkpoint) (last domain.Event, err error) {
	for range 2 { // once more if it looks broken: events may be purged or erased between two pages
		if last, err = l.verify(ctx, progress, noted); !errors.Is(err, domain.ErrInvalid) {
			break
		}
	}
	return last, err
}

func (l *Log) verify(ctx context.Context, progress func(seq int64) error, noted []domain.Checkpoint) (domain.Event, error) {
	v := verification{Log: l, erased: map[int64][]int64{}, erasures: map[int64]event.AuditErased{}}
	if err := v.loadCheckpoints(ctx, noted); err != nil {
		return domain.Event{}, fmt.Errorf("verify the audit log: %w", err)
	}
	for {
		events, err := l.store.ListEvents(ctx, v.last.Seq, verifyPage)
		if err != nil {
			return v.last, fmt.Errorf("verify the audit log: %w", err)
		}
		for _, e := range events {
			if err := v.next(e); err != nil {
				return v.last, fmt.Errorf("%w audit log: %w", domain.ErrInvalid, err)
			}
		}
		if len(events) < verifyPage {
			if err := v.end(); err != nil {
				return v.last, fmt.Errorf("%w audit log: %w", domain.ErrInvalid, err)
			}
			return v.last, nil
		}
		if err := progress(v.last.Seq); err != nil {
			return v.last, err
		}
	}
}

type verification struct {
	*Log
	last        domain.Event
	checkpoints []domain.Checkpoint // that are still to come, in the order of their events
	base        int64               // seq of the event before the first
	purged      int64               // events up to here were purged, says the log
	erased      map[int64][]int64   // seqs of erased events by the event that says so
	erasures    map[int64]event.AuditErased
}

func (v *verification) loadCheckpoints(ctx context.Context, noted []domain.Checkpoint) error {
	for after := int64(0); ; {
		page, err := v.store.ListCheckpoints(ctx, after, verifyPage)
		if err != nil {
			return err
		}
		v.checkpoints = append(v.checkpoints, page...)
		if len(page) < verifyPage {
			break
		}
		after = page[verifyPage-1].Seq
	}
	for _, p := range v.checkpoints {
		if !hmac.Equal(p.MAC, v.chain.Checkpoint(p)) {
			return fmt.Errorf("%w checkpoint of event %d: it was changed", domain.ErrInvalid, p.Seq)
		}
	}
	v.checkpoints = append(v.checkpoints, noted...)
	slices.SortFunc(v.checkpoints, func(a, b domain.Checkpoint) int { return cmp.Compare(a.Seq, b.Seq) })
	return nil
}

// next looks at the event that follows.
func (v *verification) next(e domain.Event) error {
	if v.last.Seq == 0 && e.Seq > 1 { // the events before were purged, or are missing: see end
		v.base = e.Seq - 1
		v.last = domain.Event{Seq: v.base, Hash: e.PrevHash}
	}
	switch {
	case e.Seq != v.last.Seq+1 && !follows(e, v.last) || !bytes.Equal(e.PrevHash, v.last.Hash):
		return fmt.Errorf("event %d does not follow event %d", e.Seq, v.last.Seq)
	case !hmac.Equal(e.Hash, v.chain.Hash(e)):
		return fmt.Errorf("event %d was changed", e.Seq)
	case e.ErasedBy == 0 && !hmac.Equal(e.Digest, v.chain.Digest(e)):
		return fmt.Errorf("event %d was changed", e.Seq)
	case e.ErasedBy != 0 && (e.Actor != "" || e.Target != "" || e.Details != "{}" || e.RequestID != ""):
		return fmt.Errorf("event %d was changed", e.Seq)
	case e.ErasedBy != 0:
		v.erased[e.ErasedBy] = append(v.erased[e.ErasedBy], e.Seq)
	}
	switch e.Action {
	case event.AuditErased{}.Kind():
		var erasure event.AuditErased
		if err := json.Unmarshal([]byte(e.Details), &erasure); err != nil {
			return fmt.Errorf("event %d was changed", e.Seq)
		}
		v.erasures[e.Seq] = erasure
	case event.AuditPurged{}.Kind():
		_, through, _ := strings.Cut(e.Target, ":")
		if n, err := strconv.ParseInt(through, 10, 64); err == nil {
			v.purged = max(v.purged, n)
		}
	}
	v.last = e
	for ; len(v.checkpoints) > 0 && v.checkpoints[0].Seq <= e.Seq; v.checkpoints = v.checkpoints[1:] {
		if p := v.checkpoints[0]; p.Seq == e.Seq && !bytes.Equal(p.Hash, e.Hash) {
			return fmt.Errorf("event %d is not the one of its checkpoint", e.Seq)
		}
	}
	return nil
}

// follows reports whether an event says itself that those between it and the one before are unknown: a database was restored without
// them. Its hash covers that.
func follows(e, last domain.Event) bool {
	var restored event.DatabaseRestored
	return e.Action == restored.Kind() && json.Unmarshal([]byte(e.Details), &restored) == nil && restored.After == last.Seq && e.Seq > last.Seq
}

// end compares what the log says of itself with what it is.
func (v *verification) end() error {
	if v.base > v.purged {
		return fmt.Errorf("event %d does not follow event 0", v.base+1)
	}
	if len(v.checkpoints) > 0 {
		p := v.checkpoints[0]
		return fmt.Errorf("it ends at event %d, but at %s it had event %d", v.last.Seq, p.At.UTC().Format("2006-01-02 15:04:05"), p.Seq)
	}
	for by, seqs := range v.erased {
		erasure, ok := v.erasures[by]
		whole := erasure.First > v.base // else some of what was erased was purged afterwards
		if !ok || seqs[0] < erasure.First || seqs[len(seqs)-1] > erasure.Last || len(seqs) > erasure.Events ||
			whole && (len(seqs) != erasure.Events || digestOf(seqs) != erasure.Digest) {
			return fmt.Errorf("event %d was erased, but not by event %d", seqs[0], by)
		}
	}
	return nil
}
