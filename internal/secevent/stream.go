package secevent

import (
	"context"
	"errors"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// maxSubjects is how many subjects a receiver can add to its stream, and how many it can remove.
const maxSubjects = 10_000

// ErrTooManySubjects says that a stream has as many subjects as it can, added or removed.
var ErrTooManySubjects = errors.New("the stream has as many subjects as it can")

// AddSubject adds a user or client to the stream of a receiver, which then gets its events as if it had a token for every API that the
// receiver serves (Shared Signals Framework 1.0 §8.1.3.2). Repeating it is no error, nor is an unknown subject: a receiver must not find out
// who exists (§9.1). ErrTooManySubjects; domain.ErrInvalid for a subject of another kind; domain.ErrNotFound if the client is no receiver.
func (s *Service) AddSubject(ctx context.Context, clientID string, subject SubjectID) error {
	return s.putSubject(ctx, clientID, subject, false)
}

// RemoveSubject removes a user or client from the stream of a receiver, which hears of it no more. The errors of AddSubject.
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
		switch {
		case err != nil && !errors.Is(err, domain.ErrNotFound):
			return nil, err
		case count > s.maxSubjects || !changed && count == s.maxSubjects: // the same for a subject that does not exist
			return nil, ErrTooManySubjects
		case !changed:
			return nil, nil
		case removed:
			return event.ReceiverSubjectRemoved{ClientID: clientID, Subject: named.Subject, ByEmail: named.Email != ""}, nil
		}
		return event.ReceiverSubjectAdded{ClientID: clientID, Subject: named.Subject, ByEmail: named.Email != ""}, nil
	})
}

// named is whom a subject identifier names: nobody, if it is of another issuer.
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
		return named, nil
	}
	return domain.StreamSubject{Subject: subject.Subject}, nil
}

const (
	formatEmail = "email" // of a user whom a receiver names: Signet itself sends no e-mail addresses
	maxEmail    = 320     // bytes
)
