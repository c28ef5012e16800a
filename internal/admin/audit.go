package admin

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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

	RequestID string `json:"request_id" doc:"Of the request in which it was done, as answers have it in X-Request-Id and the log in request_id; empty where there was none, or it was erased"`
}

func showEvent(e domain.Event) Event {
	return Event{
		Seq: e.Seq, At: e.At, Actor: e.Actor, Action: e.Action, Target: e.Target,
		Details: json.RawMessage(e.Details), Hash: hex.EncodeToString(e.Hash), RequestID: e.RequestID,
	}
}

// ListEvents lists the events of the audit log that a filter chooses, the newest first. domain.ErrInvalid if it is no filter, ErrCursor for
// the cursor of another list.
func (s *Service) ListEvents(ctx context.Context, caller authn.Caller, filter domain.EventFilter, q Query) (Page[Event], error) {
	const operation = "audit.list"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Page[Event]{}, err
	}
	chosen := fmt.Sprintf("%s\x00%q", operation, []string{filter.Actor, filter.Action, filter.Target, filter.Since.String(), filter.Before.String()})
	find := func(ctx context.Context, p domain.Page) ([]domain.Event, error) {
		return s.config.Audit.Search(ctx, filter, p)
	}
	return page(ctx, s, chosen, q, find, domain.Event.Place, each(showEvent))
}

// ExportEvents calls write with the events that a filter chooses, those after a seq, the oldest first, some at a time, until write fails.
func (s *Service) ExportEvents(ctx context.Context, caller authn.Caller, filter domain.EventFilter, after int64, write func([]Event) error) error {
	ctx, err := s.authorize(ctx, caller, "audit.export")
	if err != nil {
		return err
	}
	return s.config.Audit.Export(ctx, filter, after, func(events []domain.Event) error {
		shown, err := list(events, nil, showEvent)
		if err != nil {
			return err
		}
		return write(shown)
	})
}

// FoundEvent is an event with what earlier ones say of the same.
type FoundEvent struct {
	Event
	ErasedBy int64                      `json:"erased_by,omitempty" doc:"The seq of the event that says that actor, target and details were erased"`
	Earlier  map[string]json.RawMessage `json:"earlier" doc:"For members of details, what they were in the latest event before it that set them of the same object"`
}

// FindEvent shows an event. domain.ErrNotFound if there is none of the seq.
func (s *Service) FindEvent(ctx context.Context, caller authn.Caller, seq int64) (FoundEvent, error) {
	ctx, err := s.authorize(ctx, caller, "audit.find")
	if err != nil {
		return FoundEvent{}, err
	}
	e, earlier, err := s.config.Audit.Find(ctx, seq)
	if err != nil {
		return FoundEvent{}, err
	}
	return FoundEvent{showEvent(e), e.ErasedBy, before(e, earlier)}, nil
}

// before is what the members of an update's details were, by the events before it, the newest first.
func before(e domain.Event, earlier []domain.Event) map[string]json.RawMessage {
	was := map[string]json.RawMessage{}
	object, isUpdate := strings.CutSuffix(e.Action, ".update")
	var now map[string]json.RawMessage
	if !isUpdate || json.Unmarshal([]byte(e.Details), &now) != nil {
		return was
	}
	for _, past := range earlier {
		var said map[string]json.RawMessage
		if past.Action != e.Action && past.Action != object+".create" || json.Unmarshal([]byte(past.Details), &said) != nil {
			continue
		}
		for name := range now {
			if value, ok := said[name]; ok && was[name] == nil {
				was[name] = value
			}
		}
		if past.Action == object+".create" {
			break // what was before is of another object of that name
		}
	}
	return was
}

// VerifyAudit checks the chain of the audit log and returns the last event, the zero Event if there is none. checkpoints are those that
// were noted elsewhere; progress, unless nil, is called now and then with the seq that it has come to. domain.ErrInvalid says where the
// chain is broken, or that a checkpoint is none of this installation's.
func (s *Service) VerifyAudit(ctx context.Context, caller authn.Caller, progress func(seq int64) error, checkpoints []string) (Event, error) {
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
	if progress == nil {
		progress = func(int64) error { return nil }
	}
	last, err := s.config.Audit.VerifyWith(ctx, progress, noted...)
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

// EraseUser erases what the audit log says of a user who was deleted, and returns the number of events. domain.ErrInvalid while there is
// a user of the name: who may still change something does not erase what they changed.
func (s *Service) EraseUser(ctx context.Context, caller authn.Caller, username string) (int, error) {
	ctx, err := s.authorize(ctx, caller, "audit.erase")
	if err != nil {
		return 0, err
	}
	if username, err = directory.Canonical(username); err != nil {
		return 0, err
	}
	switch _, err := s.config.Directory.FindUser(ctx, username); {
	case err == nil:
		return 0, domain.Invalid("user", domain.RuleConflict, "user: there is a user %q; delete the user first, then erase what the audit log says", username)
	case !errors.Is(err, domain.ErrNotFound):
		return 0, err
	}
	return s.config.Audit.Erase(ctx, username)
}
