package directory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Holding is a role that a subject holds now, and through what.
type Holding struct {
	Role        string
	Group       string    // through which a user holds it; empty: it is assigned directly
	ExpiresAt   time.Time // of the assignment; zero: it does not
	Permissions []domain.RolePermission
}

// Holdings are all roles of a user, group or client now, from the cache, by role and then group. ErrInvalid for a subject of another
// kind.
func (d *Directory) Holdings(ctx context.Context, s Subject) ([]Holding, error) {
	held, err := d.holdingsOf(ctx, s)
	if err != nil {
		return nil, fmt.Errorf("roles of a subject: %w", err)
	}
	slices.SortFunc(held, func(a, b Holding) int { return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Group, b.Group)) })
	return held, nil
}

func (d *Directory) holdingsOf(ctx context.Context, s Subject) ([]Holding, error) {
	switch s.Kind {
	case domain.SubjectClient:
		held, err := d.clientHoldings(ctx, s.Name)
		return d.withPermissions(ctx, nil, "", held, err)
	case domain.SubjectGroup:
		held, err := d.groupHoldings(ctx, strconv.FormatInt(s.ID, 10))
		return d.withPermissions(ctx, nil, "", held, err)
	case domain.SubjectUser:
		user, err := d.userAccess(ctx, s.ID)
		all, err := d.withPermissions(ctx, nil, "", user.holdings, err)
		for _, group := range user.groups {
			if err != nil {
				return nil, err
			}
			held, failed := d.groupHoldings(ctx, group.groupKey)
			all, err = d.withPermissions(ctx, all, group.name, held, failed)
		}
		return all, err
	}
	return nil, fmt.Errorf("%w kind of subject %q", domain.ErrInvalid, s.Kind)
}

// withPermissions adds those of the held roles that count now.
func (d *Directory) withPermissions(ctx context.Context, all []Holding, group string, held []holding, err error) ([]Holding, error) {
	if err != nil {
		return nil, err
	}
	for h := range d.valid(held) {
		role, err := d.role(ctx, h.roleKey)
		if err != nil {
			return nil, err
		}
		if role.name == "" { // deleted
			continue
		}
		holding := Holding{Role: role.name, Group: group, ExpiresAt: h.expiresAt}
		for _, audience := range slices.Sorted(maps.Keys(role.byAudience)) {
			for _, permission := range slices.Sorted(slices.Values(role.byAudience[audience])) {
				holding.Permissions = append(holding.Permissions, domain.RolePermission{Audience: audience, Permission: permission})
			}
		}
		all = append(all, holding)
	}
	return all, nil
}
