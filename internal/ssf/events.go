package ssf

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/secevent"
)

// pollLimit is how long a poll may take in all, waiting included.
const pollLimit = 40 * time.Second

// poll gives a service its events (RFC 8936 §2).
func (s *surface) poll(r request) (int, any, error) {
	// The server's own limits are for requests that do not wait.
	limits := http.NewResponseController(r.w)
	until := time.Now().Add(pollLimit)
	if err := errors.Join(limits.SetReadDeadline(until), limits.SetWriteDeadline(until)); err != nil {
		return 0, nil, err
	}
	var wanted secevent.Poll
	if err := r.read(&wanted); err != nil {
		return 0, nil, err
	}
	answer, err := s.Events.Poll(r.Context(), r.client, wanted)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		err = secevent.ErrNotPolling
	case errors.Is(err, domain.ErrInvalid):
		err = malformed("The member 'maxEvents' must not be negative.")
	}
	return http.StatusOK, answer, err
}

// subjectRequest asks to add a subject to a stream, or to remove it (Shared Signals Framework 1.0 §8.1.3.2, §8.1.3.3).
type subjectRequest struct {
	StreamID string             `json:"stream_id"` // empty: the only one
	Subject  secevent.SubjectID `json:"subject"`
	Verified bool               `json:"verified"` // the receiver has verified the subject's claims: nothing depends on it
}

func (s *surface) addSubject(r request) (int, any, error) {
	return http.StatusOK, nil, s.putSubject(r, s.Events.AddSubject)
}

func (s *surface) removeSubject(r request) (int, any, error) {
	return http.StatusNoContent, nil, s.putSubject(r, s.Events.RemoveSubject)
}

func (s *surface) putSubject(r request, put func(ctx context.Context, clientID string, subject secevent.SubjectID) error) error {
	var wanted subjectRequest
	if err := r.read(&wanted); err != nil {
		return err
	}
	if wanted.StreamID != "" {
		if err := r.checkStream(wanted.StreamID); err != nil {
			return err
		}
	}
	return put(r.Context(), r.client, wanted.Subject)
}
