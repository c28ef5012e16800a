package ssf

import (
	"net/http"

	"github.com/signet-auth/signet/internal/domain"
)

// streamStatus is what state a stream is in (Shared Signals Framework 1.0 §8.1.2).
type streamStatus struct {
	StreamID string              `json:"stream_id"`
	Status   domain.StreamStatus `json:"status"`
	Reason   string              `json:"reason,omitempty" empty:"allowed"`
}

func (s *surface) readStatus(r request) (int, any, error) {
	if err := r.requireStream(); err != nil {
		return 0, nil, err
	}
	found, err := s.Events.Find(r.Context(), r.client)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, streamStatus{r.client, found.Status(), found.StatusReason}, nil
}

func (s *surface) updateStatus(r request) (int, any, error) {
	var wanted streamStatus
	if err := r.read(&wanted); err != nil {
		return 0, nil, err
	}
	if err := r.checkStream(wanted.StreamID); err != nil {
		return 0, nil, err
	}
	set, err := s.Events.SetStatus(r.Context(), r.client, wanted.Status, wanted.Reason)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, streamStatus{r.client, set.Status(), set.StatusReason}, nil
}

// verify sends the receiver a verification event (§8.1.4.2).
func (s *surface) verify(r request) (int, any, error) {
	var wanted struct {
		StreamID string `json:"stream_id"`
		State    string `json:"state" empty:"allowed"`
	}
	if err := r.read(&wanted); err != nil {
		return 0, nil, err
	}
	if err := r.checkStream(wanted.StreamID); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, s.Events.RequestVerification(r.Context(), r.client, wanted.State)
}
