package revocation

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const (
	maxHolders    = 50_000                 // who are looked at: well within the database's time
	maxMapped     = 100                    // APIs with mappings that are looked at
	maxLostTokens = 10_000                 // that are counted at one API
	lossPatience  = 400 * time.Millisecond // for counting
)

// Losses finds out what a change would take away, and from whom.
type Losses interface {
	// LostAccess says who would lose what by a change that is not made yet, among at most limit users and limit clients, and how many
	// hold the role or are in the group, each kind up to the limit. Of a change that takes effect later it is who has it then.
	LostAccess(ctx context.Context, r domain.Removal, limit int, now time.Time) ([]domain.LostAccess, domain.Holders, error)
	// MappedAPIs are the audiences of the first APIs, at most limit, whose claim mappings may read roles or groups.
	MappedAPIs(ctx context.Context, limit int) ([]string, error)
	// LostTokens finds active access tokens that may carry what is lost, about limit of them, beginning at from. If next equals from,
	// call it again once the tokens returned are revoked.
	LostTokens(ctx context.Context, lost []domain.LostAccess, from domain.LostPlace, limit int, now time.Time) (
		refs []domain.TokenRef, next domain.LostPlace, done bool, err error)
	// RoleHolders are the first users and clients who hold a role, by themselves or by a group, at most limit of each, in order of their ids.
	RoleHolders(ctx context.Context, roleID int64, limit int, now time.Time) (users, clients []int64, err error)
}

// Effect is what a change would take away, and from how many.
type Effect struct {
	Holders domain.Holders
	Lost    []domain.LostAccess
	Tokens  map[string]LostCount // that carry it, by audience
	Mapped  []string             // audiences of APIs whose claim mappings may read roles or groups: what these make is not counted
}

// LostCount is a number of tokens.
type LostCount struct {
	Tokens int
	More   bool // there are more than are counted
}

// EffectOf says what a change that is not made yet takes away, and counts the access tokens that RevokeLost would revoke. It takes about
// as long for a role that everybody holds as for a small one: then it counts only the first.
func (s *Service) EffectOf(ctx context.Context, r domain.Removal) (e Effect, err error) {
	begun := time.Now()
	if e.Lost, e.Holders, err = s.losses.LostAccess(ctx, r, maxHolders, s.now()); err != nil {
		return e, fmt.Errorf("find who loses access: %w", err)
	}
	if r.Held && e.Holders.Users+e.Holders.Clients > 0 {
		if e.Mapped, err = s.losses.MappedAPIs(ctx, maxMapped); err != nil {
			return e, fmt.Errorf("find claim mappings: %w", err)
		}
	}
	e.Tokens = map[string]LostCount{}
	for i := range e.Lost {
		count := e.Tokens[e.Lost[i].Audience]
		if err := s.countLost(ctx, &count, e.Lost[i:i+1], begun); err != nil {
			return e, fmt.Errorf("count the tokens of who loses access: %w", err)
		}
		count.More = count.More || e.Holders.More
		e.Tokens[e.Lost[i].Audience] = count
	}
	return e, nil
}

func (s *Service) countLost(ctx context.Context, count *LostCount, lost []domain.LostAccess, begun time.Time) error {
	for place, done := (domain.LostPlace{}), false; !done; {
		if count.More || time.Since(begun) > lossPatience && place != (domain.LostPlace{}) {
			count.More = true
			return nil
		}
		refs, next, end, err := s.losses.LostTokens(ctx, lost, place, maxLostTokens+1, s.now())
		if err != nil {
			return err
		}
		if count.Tokens += len(refs); count.Tokens > maxLostTokens {
			count.Tokens, count.More = maxLostTokens, true
		}
		place, done = next, end
	}
	return nil
}

// RevokeLost makes a change and revokes the access tokens that may carry what it takes away, in one transaction. These are tokens of users
// and clients that do not keep it by another assignment; of a change in the future, only those that expire after it. Grants stay: their
// refresh tokens give tokens without it.
//
// Claims are not stored, so it revokes a user's tokens whose grant covers a lost permission or which may name roles or groups, and all of a
// client's own for the API. Claims of mappings do not count: they could only be computed from the mapping and user of that time.
//
// change calls begin once it holds what it changes, before changing it, and may run again. The revocation is zero if nobody loses anything,
// and done if it covers few. domain.ErrTooManyHolders if too many lose something.
func (s *Service) RevokeLost(ctx context.Context, change func(ctx context.Context, begin func(domain.Removal) error) error) (begun domain.Revocation, err error) {
	err = s.events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		begun = domain.Revocation{}
		var of domain.Removal
		err := change(ctx, func(r domain.Removal) error {
			of = r
			begun, err = s.beginLost(ctx, r)
			return err
		})
		if err != nil || begun.ID == 0 {
			return nil, err
		}
		kind, id, name := of.Of()
		return event.TokensRevoked{TargetID: id, Name: name, KeepGrants: true, Revocation: kind}, nil
	})
	if err != nil {
		return domain.Revocation{}, err
	}
	for started := time.Now(); begun.ID != 0 && begun.DoneAt.IsZero() && time.Since(started) < lossPatience; { // mostly they are few
		next, err := s.store.StepRevocation(ctx, begun.ID, stepSize, s.now())
		if err != nil {
			break // it holds; a server goes on with it
		}
		begun = next
	}
	return begun, nil
}

func (s *Service) beginLost(ctx context.Context, r domain.Removal) (domain.Revocation, error) {
	lost, held, err := s.losses.LostAccess(ctx, r, maxHolders, s.now())
	switch {
	case err != nil:
		return domain.Revocation{}, fmt.Errorf("find who loses access: %w", err)
	case held.More:
		return domain.Revocation{}, domain.ErrTooManyHolders
	case len(lost) == 0:
		return domain.Revocation{}, nil
	}
	kind, id, _ := r.Of()
	return s.Begin(ctx, domain.Revocation{Kind: kind, TargetID: id, KeepGrants: true, Lost: lost})
}
