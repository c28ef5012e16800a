package admin

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/signet-auth/signet/internal/audit"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/directory"
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
	events, err := s.config.Audit.List(ctx, after, limit)
	return list(events, err, showEvent)
}

// VerifyAudit checks the chain of the audit log and returns the last event, the zero Event if there is none. checkpoints are those that
// were noted elsewhere. domain.ErrInvalid says where the chain is broken, or that a checkpoint is none of this installation's.
func (s *Service) VerifyAudit(ctx context.Context, caller authn.Caller, checkpoints []string) (Event, error) {
	ctx, err := s.authorize(ctx, caller, "audit.verify")
	if err != nil {
		return Event{}, err
	}
	noted := make([]domain.Checkpoint, len(checkpoints))
	for i, text := range checkpoints {
		if noted[i], err = s.config.Audit.ParseCheckpoint(text); err != nil {
			return Event{}, err
		}
	}
	last, err := s.config.Audit.Verify(ctx, noted...)
	return showEvent(last), err
}

// Checkpoint notes what the audit log is now, and returns that as text to be kept elsewhere. domain.ErrNotFound if the log is empty.
func (s *Service) Checkpoint(ctx context.Context, caller authn.Caller) (string, error) {
	ctx, err := s.authorize(ctx, caller, "audit.checkpoint")
	if err != nil {
		return "", err
	}
	made, err := s.config.Audit.Checkpoint(ctx)
	return audit.FormatCheckpoint(made), err
}

// EraseUser erases what the audit log says of a user, who need not exist any more, and returns the number of events.
func (s *Service) EraseUser(ctx context.Context, caller authn.Caller, username string) (int, error) {
	ctx, err := s.authorize(ctx, caller, "audit.erase")
	if err != nil {
		return 0, err
	}
	if username, err = directory.Canonical(username); err != nil {
		return 0, err
	}
	user, err := s.config.Directory.FindUser(ctx, username)
	if err != nil && !errors.Is(err, domain.ErrNotFound) {
		return 0, err
	}
	var values []string
	for _, value := range []string{user.Subject, user.Email} {
		if value != "" {
			values = append(values, value)
		}
	}
	return s.config.Audit.Erase(ctx, username, values...)
}
