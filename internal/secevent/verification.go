package secevent

import (
	"context"
	"errors"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const maxState = 1000 // bytes of a verification's

// MinVerificationInterval is what has to be between two verification events that a receiver asks for.
const MinVerificationInterval = 30 * time.Second

// ErrTooOften says that a receiver asked for a verification event too soon after the last.
var ErrTooOften = errors.New("a verification event was asked for too soon after the last")

// RequestVerification is Verify as the receiver itself asks for it. ErrTooOften less than MinVerificationInterval after the last.
func (s *Service) RequestVerification(ctx context.Context, clientID, state string) error {
	_, err := s.verify(ctx, clientID, state, func(r domain.Receiver) error {
		if s.Now().Sub(r.Verification.At) < MinVerificationInterval {
			return ErrTooOften
		}
		return nil
	})
	return err
}

// Verify sends a receiver a verification event with a state, if that is not empty (Shared Signals Framework 1.0 §8.1.4): behind
// all that it has not acknowledged, and at once, however long a failed push would wait. One that it has not answered is sent no more.
// domain.ErrInvalid for a state that breaks a rule, domain.ErrNotFound if that client is no receiver.
func (s *Service) Verify(ctx context.Context, clientID, state string) (sent domain.Verification, err error) {
	return s.verify(ctx, clientID, state, func(domain.Receiver) error { return nil })
}

func (s *Service) verify(ctx context.Context, clientID, state string, check func(domain.Receiver) error) (sent domain.Verification, err error) {
	if err := domain.CheckText("state", "state", state, maxState); err != nil {
		return sent, err
	}
	err = s.change(ctx, clientID, event.VerificationSent{ClientID: clientID, State: state}, func(ctx context.Context) error {
		r, err := s.Store.FindReceiver(ctx, clientID)
		if err != nil {
			return err
		}
		if err := check(r); err != nil {
			return err
		}
		sent = domain.Verification{State: state, At: s.Now()}
		if sent.Seq, err = s.Outbox.LastEvent(ctx); err != nil { // which is this one: nobody else adds events until the transaction ends
			return err
		}
		return s.Store.SetVerification(ctx, r.ID, sent)
	})
	if err != nil {
		return domain.Verification{}, err
	}
	s.Wake()
	return sent, nil
}

// superseded says whether an entry is an event of the stream itself in whose place the receiver got a later one.
func superseded(entry domain.OutboxEntry, r domain.Receiver) bool {
	switch entry.Kind {
	case domain.EventVerification:
		return entry.Seq != r.Verification.Seq
	case domain.EventStreamUpdated:
		return entry.Seq != r.StatusSeq
	}
	return false
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
