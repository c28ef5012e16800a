package secevent

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	windowItems = 1000 // what a receiver may leave unacknowledged before it hears nothing newer
	maxPages    = 20   // of the audit log that are read at once; the next look goes on behind them
	stride      = 100  // events that mean nothing to a receiver are passed over in the database when there are this many
)

// item is a security event for a receiver, not yet made into a token.
type item struct {
	seq       int64
	key       string // "seq.tag"; the same whenever and wherever the item is found again
	cause     domain.Event
	statement statement
	subject   subject
	audience  string // whose claims changed; empty for session-revoked
}

// window is what a receiver has to hear, oldest first: the part of the audit log that follows what it acknowledged, translated.
type window struct {
	receiver domain.Receiver
	items    []item // acknowledged ones too
	open     []item // those that are not acknowledged
	through  int64  // the last event that was looked at
	behind   bool   // the log may go on where the look ended
}

// look opens the window of a receiver. It is empty while the receiver is paused or its client disabled. Afterwards the snapshot is
// at least as new as the last event in it. domain.ErrNotFound if the client is no receiver.
func (s *Service) look(ctx context.Context, clientID string) (window, error) {
	r, err := s.Store.FindReceiver(ctx, clientID)
	if err != nil {
		return window{}, fmt.Errorf("find receiver %q: %w", clientID, err)
	}
	w := window{receiver: r, through: r.Progress.Acked}
	if !r.PausedAt.IsZero() {
		return w, nil
	}
	for range maxPages {
		events, err := s.Store.ListEvents(ctx, w.through, pageSize)
		if err != nil {
			return window{}, fmt.Errorf("read the audit log: %w", err)
		}
		if len(events) == 0 {
			return w, nil
		}
		if err := s.Cache.Refresh(ctx); err != nil {
			return window{}, err
		}
		client, err := s.Registry.LookupClient(ctx, clientID)
		if err != nil {
			return window{}, fmt.Errorf("find receiver %q: %w", clientID, err)
		}
		if !client.DisabledAt.IsZero() {
			return w, nil
		}
		if err := s.add(ctx, &w, client, events); err != nil {
			return window{}, err
		}
		if len(w.open) > 0 {
			w.behind = len(events) == pageSize || w.through < events[len(events)-1].Seq
			return w, nil
		}
		if len(w.items) >= windowItems {
			break
		}
	}
	w.behind = true
	return w, nil
}

// add translates events for a client until the window is full.
func (s *Service) add(ctx context.Context, w *window, client *domain.Client, events []domain.Event) error {
	for _, e := range events {
		if len(w.items) >= windowItems {
			return nil
		}
		w.through = e.Seq
		statement, ok := translate(e)
		if !ok || !slices.Contains(w.receiver.Events, statement.event) {
			continue
		}
		found, complete, err := s.resolve(ctx, statement.about, client.Serves)
		if err != nil {
			return err
		}
		if !complete {
			s.warnOnce(ctx, e)
		}
		for _, one := range found {
			for _, audience := range audiences(statement.event, one, client.Serves) {
				i := newItem(e, statement, one, audience)
				w.items = append(w.items, i)
				if !slices.Contains(w.receiver.Progress.Beyond, i.key) {
					w.open = append(w.open, i)
				}
			}
		}
	}
	return nil
}

// audiences says for which of the audiences that a client serves it is told of a subject: for each one whose claims may have
// changed, and once ("") where the audience does not matter.
func audiences(event string, one subject, serves []string) []string {
	switch {
	case len(serves) == 0, one.audience != "" && !slices.Contains(serves, one.audience):
		return nil
	case event == domain.EventTokenClaimsChange:
		return serves
	default:
		return []string{""}
	}
}

func newItem(e domain.Event, st statement, one subject, audience string) item {
	id := one.id
	sum := sha256.Sum256([]byte(strings.Join([]string{id.Format, id.Subject, id.TokenID, id.URI, id.ID, audience}, "\x00")))
	key := strconv.FormatInt(e.Seq, 10) + "." + base64.RawURLEncoding.EncodeToString(sum[:12])
	return item{seq: e.Seq, key: key, cause: e, statement: st, subject: one, audience: audience}
}

// seqOf reads the seq of an item's key.
func seqOf(key string) int64 {
	text, _, _ := strings.Cut(key, ".")
	seq, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return seq
}

// jti is the id of the item's token (RFC 8417 §2.2): the same at every delivery, another for every receiver.
func (w window) jti(i item) string { return strconv.FormatInt(w.receiver.ID, 10) + "." + i.key }

// settled is the progress of the receiver once it has acknowledged these items too.
func (w window) settled(done ...item) domain.Progress {
	acked := map[string]bool{}
	for _, key := range w.receiver.Progress.Beyond {
		acked[key] = true
	}
	for _, i := range done {
		acked[i.key] = true
	}
	next := domain.Progress{Acked: w.through}
	for _, i := range w.items {
		if i.seq > w.receiver.Progress.Acked && !acked[i.key] {
			next.Acked = i.seq - 1
			break
		}
	}
	for key := range acked {
		if seqOf(key) > next.Acked {
			next.Beyond = append(next.Beyond, key)
		}
	}
	slices.Sort(next.Beyond)
	return next
}

// settle stores that the receiver is done with items, and returns its progress. domain.ErrConsumed if somebody else stored it
// meanwhile.
func (s *Service) settle(ctx context.Context, w window, done ...item) (domain.Progress, error) {
	next := w.settled(done...)
	if err := s.Store.MoveReceiver(ctx, w.receiver.ID, w.receiver.Progress, next); err != nil {
		return w.receiver.Progress, fmt.Errorf("store the progress of receiver %q: %w", w.receiver.Client, err)
	}
	return next, nil
}

// pass stores that a receiver has passed over events which mean nothing to it, if they are many.
func (s *Service) pass(ctx context.Context, w window) error {
	if len(w.open) > 0 || len(w.items) == 0 && w.through < w.receiver.Progress.Acked+stride {
		return nil
	}
	if _, err := s.settle(ctx, w); !errors.Is(err, domain.ErrConsumed) {
		return err
	}
	return nil
}
