package secevent

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const maxReason = 500 // bytes of why a stream is in its state

// SetPaused pauses the stream of a receiver, or lets events go again: then also those that waited, and at once if pushes had failed. A
// stream-updated event says so to the receiver (Shared Signals Framework 1.0 §8.1.5). domain.ErrNotFound if that client is no receiver.
func (s *Service) SetPaused(ctx context.Context, clientID string, paused bool) error {
	status := domain.StreamEnabled
	if paused {
		status = domain.StreamPaused
	}
	_, err := s.setStatus(ctx, clientID, status, "", false)
	return err
}

// SetStatus changes what state the stream of a receiver is in, as it asks itself, and why (Shared Signals Framework 1.0 §8.1.2.2). What was
// not acknowledged when it is disabled, and what happens until it is enabled again, it does not hear of. domain.ErrInvalid for another
// status or a reason that breaks a rule, domain.ErrNotFound if that client is no receiver.
func (s *Service) SetStatus(ctx context.Context, clientID string, status domain.StreamStatus, reason string) (domain.Receiver, error) {
	switch status {
	case domain.StreamEnabled, domain.StreamPaused, domain.StreamDisabled:
	default:
		return domain.Receiver{}, domain.Invalid("status", domain.RuleOneOf, "status: use enabled, paused or disabled")
	}
	if err := domain.CheckText("reason", "reason", reason, maxReason); err != nil {
		return domain.Receiver{}, err
	}
	return s.setStatus(ctx, clientID, status, reason, true)
}

func (s *Service) setStatus(ctx context.Context, clientID string, status domain.StreamStatus, reason string, own bool) (r domain.Receiver, err error) {
	err = s.Recorder.Update(ctx, func(ctx context.Context) (event.Event, error) {
		if r, err = s.Store.FindReceiver(ctx, clientID); err != nil {
			return nil, err
		}
		last, err := s.Outbox.LastEvent(ctx) // before this one: nobody else adds events until the transaction ends
		if err != nil {
			return nil, err
		}
		was, forget := r.Status(), int64(0)
		if was == domain.StreamDisabled || status == domain.StreamDisabled { // what was before is not sent
			forget = last
		}
		r.Disabled, r.StatusReason = status == domain.StreamDisabled, reason
		switch {
		case status == domain.StreamEnabled:
			r.PausedAt = time.Time{}
		case was != status:
			r.PausedAt = s.Now()
		}
		changed := statusEvent(clientID, was, status, reason, own)
		if was != status {
			r.StatusSeq = 0
		}
		if e, ok := changed.(event.ForServices); ok && len(e.Signals()) > 0 {
			r.StatusSeq = last + 1
		}
		return changed, s.Store.SetReceiverStatus(ctx, r, forget)
	})
	if err != nil {
		return domain.Receiver{}, fmt.Errorf("receiver %q: %w", clientID, err)
	}
	s.Wake()
	return r, nil
}

func statusEvent(clientID string, was, status domain.StreamStatus, reason string, own bool) event.Event {
	switch status {
	case domain.StreamEnabled:
		return event.ReceiverResumed{ClientID: clientID, Own: own, Retry: was == domain.StreamEnabled}
	case domain.StreamDisabled:
		return event.ReceiverStopped{ClientID: clientID, Reason: reason}
	default:
		return event.ReceiverPaused{ClientID: clientID, Own: own, Reason: reason}
	}
}
