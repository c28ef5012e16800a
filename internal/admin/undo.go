package admin

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Done finds the newest event which says that the caller did something to an object, as events call both; zero if there is none.
func (s *Service) Done(ctx context.Context, caller authn.Caller, action, target string) (seq int64, err error) {
	found, err := s.config.Audit.Search(ctx, domain.EventFilter{Actor: string(caller.Actor()), Action: action, Target: target}, domain.Page{Limit: 1})
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return found[0].Seq, nil
}

// laterEvents is among how many events about an object Undo looks for changes.
const laterEvents = 100

// Undo runs what takes back that which an event says the caller did, unless somebody else has changed the object since, or another user
// has the name of the one that it is about: then domain.ErrConflict. The permission is that of what takes it back.
func (s *Service) Undo(ctx context.Context, caller authn.Caller, seq int64, takeBack func(ctx context.Context) error) error {
	err := s.config.Events.UpdateAll(ctx, func(ctx context.Context) ([]event.Event, error) {
		done, _, err := s.config.Audit.Find(ctx, seq)
		switch {
		case errors.Is(err, domain.ErrNotFound), err == nil && done.Actor != string(caller.Actor()):
			return nil, domain.ErrConflict
		case err != nil:
			return nil, err
		}
		events, err := s.config.Audit.Search(ctx, domain.EventFilter{Target: done.Target}, domain.Page{Limit: laterEvents})
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			if e.Seq > seq && e.Actor != done.Actor && changes(e, done) {
				return nil, domain.ErrConflict
			}
		}
		if len(events) == laterEvents && events[len(events)-1].Seq > seq {
			return nil, domain.ErrConflict
		}
		if err := s.sameHolder(ctx, done); err != nil {
			return nil, err
		}
		return nil, takeBack(within(ctx))
	})
	return s.recordDenied(ctx, caller, err)
}

// sameHolder returns domain.ErrConflict if the member or holder that an event names was created after it: then it is another one.
func (s *Service) sameHolder(ctx context.Context, done domain.Event) error {
	holder := partOf(done)
	if holder == "" {
		return nil
	}
	kind, _, named := strings.Cut(holder, ":")
	if !named { // a member
		kind, holder = "user", "user:"+holder
	}
	made, err := s.config.Audit.Search(ctx, domain.EventFilter{Target: holder, Action: kind + ".create"}, domain.Page{Limit: 1})
	if err == nil && len(made) > 0 && made[0].Seq > done.Seq {
		err = domain.ErrConflict
	}
	return err
}

// parts are actions that each change one part of an object, which their details name: a member of a group, a holder of a role.
var parts = [][]string{{"group.add_member", "group.remove_member"}, {"role.assign", "role.unassign", "role.expire"}}

// changes reports whether an event says that the object was changed, in the part of it that another event about it changed.
func changes(e, done domain.Event) bool {
	kind, _, _ := strings.Cut(e.Target, ":")
	if !strings.HasPrefix(e.Action, kind+".") || e.Action == "receiver.refuse" {
		return false
	}
	for _, actions := range parts {
		if slices.Contains(actions, e.Action) && slices.Contains(actions, done.Action) {
			return partOf(e) == partOf(done)
		}
	}
	return true
}

// partOf is what details name.
func partOf(e domain.Event) string {
	var details struct{ User, Subject string }
	_ = json.Unmarshal([]byte(e.Details), &details) // what names none has none
	return details.User + details.Subject
}
