package secevent

import (
	"context"
	"errors"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// maxSubjects is how many subjects a receiver can add to its stream, and how many it can remove.
const maxSubjects = 10_000

// What a request about a subject fails with.
var (
	ErrUnknownSubject  = fmt.Errorf("subject: %w", domain.ErrNotFound)
	ErrTooManySubjects = errors.New("the stream has as many subjects as it can")
)

// AddSubject adds a user or client to the stream of a receiver, which hears of it from now on as if it had a token for every API that
// the receiver serves (Shared Signals Framework 1.0 §8.1.3.2). Done before is no error. ErrUnknownSubject, or no error for an e-mail
// address, so that nobody finds out who has one; ErrTooManySubjects; domain.ErrInvalid for a subject that names neither;
// domain.ErrNotFound if that client is no receiver.
func (s *Service) AddSubject(ctx context.Context, clientID string, subject SubjectID) error {
	return s.putSubject(ctx, clientID, subject, false)
}

// RemoveSubject removes a user or client from the stream of a receiver, which hears of it no more. One that does not exist is no error.
// Otherwise as AddSubject.
func (s *Service) RemoveSubject(ctx context.Context, clientID string, subject SubjectID) error {
	return s.putSubject(ctx, clientID, subject, true)
}

func (s *Service) putSubject(ctx context.Context, clientID string, subject SubjectID, removed bool) error {
	named, err := s.named(subject)
	if err != nil {
		return err
	}
	return s.Recorder.Update(ctx, func(ctx context.Context) (event.Event, error) {
		receiver, err := s.Store.FindReceiver(ctx, clientID)
		if err != nil {
			return nil, err
		}
		changed, count, err := s.Subjects.PutSubject(ctx, receiver.ID, named, removed, s.Now())
		missing := errors.Is(err, domain.ErrNotFound)
		switch {
		case named.Email != "" && (err == nil || missing) && !changed && count >= s.maxSubjects: // as for an address that somebody has
			return nil, ErrTooManySubjects
		case missing && (removed || named.Email != ""):
			return nil, nil
		case missing:
			return nil, ErrUnknownSubject
		case err != nil || !changed:
			return nil, err
		case count > s.maxSubjects:
			return nil, ErrTooManySubjects
		case removed:
			return event.ReceiverSubjectRemoved{ClientID: clientID, Subject: named.Subject, ByEmail: named.Email != ""}, nil
		}
		return event.ReceiverSubjectAdded{ClientID: clientID, Subject: named.Subject, ByEmail: named.Email != ""}, nil
	})
}

// named is whom a subject identifier names. ErrUnknownSubject for one of another issuer.
func (s *Service) named(subject SubjectID) (named domain.StreamSubject, err error) {
	if subject.Format == domain.FormatComplex {
		if subject.User == nil || subject.Session != nil || subject.Application != nil || subject.User.Format == domain.FormatComplex {
			return named, domain.Invalid("subject", domain.RuleFormat, "subject: a complex one must have a user, and nothing beside")
		}
		subject = *subject.User
	}
	switch {
	case subject.Format == formatEmail && subject.Email != "":
		return domain.StreamSubject{Email: subject.Email}, domain.CheckText("subject", "e-mail address", subject.Email, maxEmail)
	case subject.Format != domain.FormatIssSub || subject.Issuer == "" || subject.Subject == "":
		return named, domain.Invalid("subject", domain.RuleFormat, "subject: it must have the format iss_sub, with iss and sub, or email")
	case subject.Issuer != s.Issuer:
		return named, ErrUnknownSubject
	}
	return domain.StreamSubject{Subject: subject.Subject}, nil
}

const (
	formatEmail = "email" // of a user whom a receiver names: Signet itself sends no e-mail addresses
	maxEmail    = 320     // bytes
)
