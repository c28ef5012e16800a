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

	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
)

const (
	maxPending         = 1000 // what a receiver may leave unacknowledged before it hears nothing newer
	checkpointInterval = 100  // a receiver's progress is stored once so many events meant nothing to it
)

// item is a security event for a receiver, not yet made into a token.
type item struct {
	key      string // "seq.tag"; the same whenever and wherever the item is loaded again
	cause    domain.OutboxEntry
	audience string // whose claims changed; empty for session-revoked
}

// pending holds a receiver's unacknowledged events, oldest first.
type pending struct {
	receiver domain.Receiver
	items    []item // includes those that were acknowledged out of order
	open     []item // those that are not acknowledged
	through  int64  // the last event of the audit log that was read
	behind   bool   // the outbox may have more
	passed   bool   // its first entries need not be sent any more
	refusal  string // why the receiver refuses its verification event; empty: it does not
}

// load reads the pending events of a receiver. There are none while its client is disabled; while its stream is paused, only the one that
// says so. Afterwards the cache is at least as new as the last event in them. domain.ErrNotFound if the client is no receiver.
func (s *Service) load(ctx context.Context, clientID string) (pending, error) {
	return s.loadPending(ctx, clientID, false)
}

// loadPending is load; with held, a pause holds nothing back.
func (s *Service) loadPending(ctx context.Context, clientID string, held bool) (pending, error) {
	r, err := s.Store.FindReceiver(ctx, clientID)
	if err != nil {
		return pending{}, fmt.Errorf("find receiver %q: %w", clientID, err)
	}
	p := pending{receiver: r, through: r.Progress.Acked}
	paused := !r.PausedAt.IsZero() && !held
	if paused && r.StatusSeq == 0 {
		return p, nil
	}
	if err := s.Cache.Refresh(ctx); err != nil {
		return pending{}, err
	}
	client, err := s.Registry.LookupClient(ctx, clientID)
	if err != nil {
		return pending{}, fmt.Errorf("find receiver %q: %w", clientID, err)
	}
	if !client.DisabledAt.IsZero() {
		return p, nil
	}
	if paused {
		entries, _, err := s.Outbox.ListOutbox(ctx, r.ID, r.StatusSeq-1, []string{domain.EventStreamUpdated}, nil, maxPending)
		if err != nil {
			return pending{}, fmt.Errorf("read the outbox: %w", err)
		}
		p.add(entries, nil)
		return p, nil
	}
	entries, through, err := s.listOutbox(ctx, r, client.Serves)
	if err != nil {
		return pending{}, err
	}
	p.through, p.behind = through, len(entries) >= maxPending
	if len(entries) > 0 {
		if err := s.Cache.Refresh(ctx); err != nil {
			return pending{}, err
		}
	}
	p.add(entries, client.Serves)
	return p, nil
}

// listOutbox reads what a receiver that serves audiences has not acknowledged, or did out of order, as Outbox.ListOutbox does.
func (s *Service) listOutbox(ctx context.Context, r domain.Receiver, serves []string) (entries []domain.OutboxEntry, through int64, err error) {
	kinds := append(slices.Clone(r.Events), domain.EventVerification, domain.EventStreamUpdated)
	if entries, through, err = s.Outbox.ListOutbox(ctx, r.ID, r.Progress.Acked, kinds, serves, maxPending); err != nil {
		return nil, 0, fmt.Errorf("read the outbox: %w", err)
	}
	return entries, through, nil
}

// add makes items of entries for a client that serves audiences.
func (p *pending) add(entries []domain.OutboxEntry, serves []string) {
	known, acked := map[string]bool{}, keySet(p.receiver.Progress.Beyond)
	for _, entry := range entries {
		if superseded(entry, p.receiver) {
			p.passed = true
			continue
		}
		for _, audience := range audiences(entry, serves) {
			i := newItem(entry, audience)
			if known[i.key] {
				continue
			}
			known[i.key] = true
			p.items = append(p.items, i)
			if !acked[i.key] {
				p.open = append(p.open, i)
			}
		}
	}
}

// audiences says for which audiences a client that serves some hears of an entry: that whose claims may have changed, and once ("")
// where the audience does not matter.
func audiences(entry domain.OutboxEntry, serves []string) []string {
	switch {
	case entry.Kind != domain.EventTokenClaimsChange:
		return []string{""}
	case entry.Audience == "":
		return serves
	default:
		return []string{entry.Audience}
	}
}

func newItem(entry domain.OutboxEntry, audience string) item {
	sum := sha256.Sum256([]byte(strings.Join([]string{entry.Kind, entry.Format, entry.Subject, entry.Session, entry.Client, audience}, "\x00")))
	key := strconv.FormatInt(entry.Seq, 10) + "." + base64.RawURLEncoding.EncodeToString(sum[:12])
	return item{key: key, cause: entry, audience: audience}
}

// who is the user or client whose claims changed.
func (i item) who() directory.Subject {
	if i.cause.UserID != 0 {
		return directory.Subject{Kind: domain.SubjectUser, ID: i.cause.UserID}
	}
	return directory.Subject{Kind: domain.SubjectClient, Name: i.cause.Subject}
}

// keySet says which keys there are.
func keySet(keys []string) map[string]bool {
	all := make(map[string]bool, len(keys))
	for _, key := range keys {
		all[key] = true
	}
	return all
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
func (p pending) jti(i item) string { return strconv.FormatInt(p.receiver.ID, 10) + "." + i.key }

// progress is that of the receiver once it has acknowledged these items too.
func (p pending) progress(done ...item) domain.Progress {
	acked := keySet(p.receiver.Progress.Beyond)
	for _, i := range done {
		acked[i.key] = true
	}
	next := domain.Progress{Acked: p.through}
	for _, i := range p.items {
		if i.cause.Seq > p.receiver.Progress.Acked && !acked[i.key] {
			next.Acked = min(next.Acked, i.cause.Seq-1) // those that a pause holds back come first
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

// acknowledge stores that the receiver is done with items, and returns its progress. domain.ErrConsumed if somebody else stored it
// meanwhile.
func (s *Service) acknowledge(ctx context.Context, p pending, done ...item) (domain.Progress, error) {
	next := p.progress(done...)
	move := func(ctx context.Context) error {
		return s.Deliveries.MoveReceiver(ctx, p.receiver.ID, p.receiver.Progress, next)
	}
	if slices.ContainsFunc(done, p.isVerification) {
		move = s.withAnswer(p, move)
	}
	if err := move(ctx); err != nil {
		return p.receiver.Progress, fmt.Errorf("store the progress of receiver %q: %w", p.receiver.Client, err)
	}
	return next, nil
}

// advance stores that a receiver has nothing to hear of many events, so that they need not be looked at again.
func (s *Service) advance(ctx context.Context, p pending) error {
	if len(p.open) > 0 || !p.receiver.PausedAt.IsZero() || len(p.items) == 0 && !p.passed && p.through < p.receiver.Progress.Acked+checkpointInterval {
		return nil
	}
	if _, err := s.acknowledge(ctx, p); !errors.Is(err, domain.ErrConsumed) {
		return err
	}
	return nil
}
