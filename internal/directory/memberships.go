package directory

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Memberships are the names of all the roles that a subject holds, and the groups that it is in. Each list is sorted and without
// repetition.
type Memberships struct {
	Roles, Groups []string
	Until         time.Time // when the first assignment of these roles expires; zero: none does
}

// Memberships are those of a user or client now, whatever the roles give, from the cache.
func (d *Directory) Memberships(ctx context.Context, s Subject) (m Memberships, err error) {
	var held []holding
	if s.Kind == domain.SubjectUser {
		if m.Groups, err = d.UserGroupNames(ctx, s.ID); err != nil {
			return m, err
		}
		held, err = d.userHoldings(ctx, s.ID)
	} else {
		held, err = d.clientHoldings(ctx, s.Name)
	}
	if err == nil {
		m.Roles, m.Until, err = d.roleNames(ctx, held)
	}
	if err != nil {
		return m, fmt.Errorf("roles of a subject: %w", err)
	}
	return m, nil
}

// UserGroupNames are the names of all the groups that a user is in now, sorted, from the cache.
func (d *Directory) UserGroupNames(ctx context.Context, userID int64) ([]string, error) {
	user, err := d.userAccess(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("groups of a user: %w", err)
	}
	names := make([]string, 0, len(user.groups))
	for _, group := range user.groups {
		names = append(names, group.name)
	}
	slices.Sort(names)
	return names, nil
}

// UserRoleNames are the names of all the roles that a user holds now, directly or by a group, whatever they give; sorted, without
// repetition, from the cache.
func (d *Directory) UserRoleNames(ctx context.Context, userID int64) ([]string, error) {
	held, err := d.userHoldings(ctx, userID)
	var names []string
	if err == nil {
		names, _, err = d.roleNames(ctx, held)
	}
	if err != nil {
		return nil, fmt.Errorf("roles of a user: %w", err)
	}
	return names, nil
}

// userHoldings are the roles that a user holds, directly or by a group.
func (d *Directory) userHoldings(ctx context.Context, userID int64) ([]holding, error) {
	user, err := d.userAccess(ctx, userID)
	if err != nil {
		return nil, err
	}
	held := slices.Clone(user.holdings)
	for _, group := range user.groups {
		holdings, err := d.groupHoldings(ctx, group.groupKey)
		if err != nil {
			return nil, err
		}
		held = append(held, holdings...)
	}
	return held, nil
}

// roleNames are the names of the roles that are held now, sorted, and when the first is not held any more.
func (d *Directory) roleNames(ctx context.Context, held []holding) (names []string, until time.Time, err error) {
	names = []string{}
	for h := range d.valid(held) {
		role, err := d.role(ctx, h.roleKey)
		if err != nil {
			return nil, until, err
		}
		if role.name == "" { // deleted
			continue
		}
		names = append(names, role.name)
		if !h.expiresAt.IsZero() && (until.IsZero() || h.expiresAt.Before(until)) {
			until = h.expiresAt
		}
	}
	slices.Sort(names)
	return slices.Compact(names), until, nil
}
