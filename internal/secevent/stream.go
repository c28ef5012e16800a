package secevent

import (
	"context"
	"errors"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// maxSubjects is how many subjects a receiver can add to its stream.
const maxSubjects = 10_000

// StreamSubject is a request to add a subject to a receiver's stream, or to remove it (Shared Signals Framework 1.0 §8.1.3).
type StreamSubject struct {
	StreamID string    `json:"stream_id"` // the receiver's client_id: it has one stream. Empty: that, too
	Subject  SubjectID `json:"subject"`
	Verified bool      `json:"verified"` // the receiver has verified the subject's claims: nothing depends on it
}

// What a request about a subject fails with.
var (
	ErrNotReceiver     = errors.New("not registered to receive events")
	ErrUnknownSubject  = fmt.Errorf("subject: %w", domain.ErrNotFound)
	ErrTooManySubjects = errors.New("the stream has as many subjects as it can")
)

// AddSubject adds a user or client to the stream of a receiver, which hears of it from now on as if it had a token for every API that
// the receiver serves. Done before is no error. ErrNotReceiver, ErrUnknownSubject or ErrTooManySubjects; domain.ErrInvalid for a
// subject that is not of the format iss_sub, or for another stream.
func (s *Service) AddSubject(ctx context.Context, clientID string, r StreamSubject) error {
	return s.changeSubject(ctx, clientID, r, func(ctx context.Context, receiver int64) (event.Event, error) {
		added, count, err := s.Subjects.AddSubject(ctx, receiver, r.Subject.Subject, s.Now())
		switch {
		case errors.Is(err, domain.ErrNotFound):
			return nil, ErrUnknownSubject
		case err != nil || !added:
			return nil, err
		case count > s.maxSubjects:
			return nil, ErrTooManySubjects
		}
		return event.ReceiverSubjectAdded{ClientID: clientID, Subject: r.Subject.Subject}, nil
	})
}

// RemoveSubject removes a user or client from the stream of a receiver. One that is not in it is no error. Otherwise as AddSubject.
func (s *Service) RemoveSubject(ctx context.Context, clientID string, r StreamSubject) error {
	return s.changeSubject(ctx, clientID, r, func(ctx context.Context, receiver int64) (event.Event, error) {
		removed, err := s.Subjects.RemoveSubject(ctx, receiver, r.Subject.Subject)
		if err != nil || !removed {
			return nil, err
		}
		return event.ReceiverSubjectRemoved{ClientID: clientID, Subject: r.Subject.Subject}, nil
	})
}

func (s *Service) changeSubject(ctx context.Context, clientID string, r StreamSubject,
	change func(ctx context.Context, receiver int64) (event.Event, error)) error {
	switch {
	case r.StreamID != "" && r.StreamID != clientID:
		return fmt.Errorf("%w stream_id: your only stream is %q", domain.ErrInvalid, clientID)
	case r.Subject.Format != domain.FormatIssSub || r.Subject.Issuer == "" || r.Subject.Subject == "":
		return fmt.Errorf("%w subject: it must have the format iss_sub, with iss and sub", domain.ErrInvalid)
	case r.Subject.Issuer != s.Issuer:
		return ErrUnknownSubject
	}
	return s.Recorder.Update(ctx, func(ctx context.Context) (event.Event, error) {
		receiver, err := s.Store.FindReceiver(ctx, clientID)
		switch {
		case errors.Is(err, domain.ErrNotFound):
			return nil, ErrNotReceiver
		case err != nil:
			return nil, err
		}
		return change(ctx, receiver.ID)
	})
}
