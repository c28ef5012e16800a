package admin

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// Event is an entry of the audit log.
type Event struct {
	Seq     int64           `json:"seq"`
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`
	Action  string          `json:"action"`
	Target  string          `json:"target"`
	Details json.RawMessage `json:"details"`
	Hash    string          `json:"hash" doc:"In hex, over the event and the hash before it"`
}

func showEvent(e domain.Event) Event {
	return Event{
		Seq: e.Seq, At: e.At, Actor: e.Actor, Action: e.Action, Target: e.Target,
		Details: json.RawMessage(e.Details), Hash: hex.EncodeToString(e.Hash),
	}
}

// ListEvents lists the audit log, the oldest event first, those after the given seq, at most limit.
func (s *Service) ListEvents(ctx context.Context, caller authn.Caller, after int64, limit int) ([]Event, error) {
	ctx, err := s.authorize(ctx, caller, "audit.list")
	if err != nil {
		return nil, err
	}
	events, err := s.Audit.List(ctx, after, limit)
	return list(events, err, showEvent)
}

// VerifyAudit checks the chain of the audit log and returns the last event, the zero Event if there is none. domain.ErrInvalid says
// where it is broken.
func (s *Service) VerifyAudit(ctx context.Context, caller authn.Caller) (Event, error) {
	ctx, err := s.authorize(ctx, caller, "audit.verify")
	if err != nil {
		return Event{}, err
	}
	last, err := s.Audit.Verify(ctx)
	return showEvent(last), err
}
