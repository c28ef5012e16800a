package secevent

import (
	"context"
	"crypto/rand"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const maxState = 200 // bytes of a verification's

// Verify sends a receiver a verification event with a state, which is made if it is empty (Shared Signals Framework 1.0 §8.1.4): behind
// all that it has not acknowledged, and at once, however long a failed push would wait. One that it has not answered is sent no more.
// domain.ErrInvalid for a state that breaks a rule, domain.ErrNotFound if that client is no receiver.
func (s *Service) Verify(ctx context.Context, clientID, state string) (sent domain.Verification, err error) {
	if state == "" {
		state = rand.Text()
	}
	if err := domain.CheckText("state", "state", state, maxState); err != nil {
		return sent, err
	}
	err = s.change(ctx, clientID, event.VerificationSent{ClientID: clientID, State: state}, func(ctx context.Context) error {
		r, err := s.Store.FindReceiver(ctx, clientID)
		if err != nil {
			return err
		}
		sent = domain.Verification{State: state, At: s.Now()}
		if sent.Seq, err = s.Outbox.LastEvent(ctx); err != nil { // which is this one: nobody else adds events until the transaction ends
			return err
		}
		if err := s.Store.SetVerification(ctx, r.ID, sent); err != nil {
			return err
		}
		return s.Store.PauseReceiver(ctx, clientID, r.PausedAt, sent.At) // so that it waits for no next attempt
	})
	if err != nil {
		return domain.Verification{}, err
	}
	s.Wake()
	return sent, nil
}

// superseded says whether an entry is a verification event in whose place the receiver got a later one.
func superseded(entry domain.OutboxEntry, last domain.Verification) bool {
	return entry.Kind == domain.EventVerification && entry.Seq != last.Seq
}

// isVerification says whether an item is the verification event that the receiver has not answered.
func (p pending) isVerification(i item) bool {
	return i.cause.Kind == domain.EventVerification && p.receiver.Verification.AnsweredAt.IsZero()
}

// withAnswer makes a change together with the note that the receiver has answered its verification event.
func (s *Service) withAnswer(p pending, change func(ctx context.Context) error) func(ctx context.Context) error {
	answered := p.receiver.Verification
	answered.AnsweredAt, answered.Refusal = s.Now(), p.refusal
	return func(ctx context.Context) error {
		return s.Store.Tx(ctx, func(ctx context.Context) error {
			if err := change(ctx); err != nil {
				return err
			}
			return s.Store.SetVerification(ctx, p.receiver.ID, answered)
		})
	}
}
