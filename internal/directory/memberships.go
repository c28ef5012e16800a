package directory

import (
	"context"
	"fmt"
	"slices"
)

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
	names, err := d.userRoleNames(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("roles of a user: %w", err)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func (d *Directory) userRoleNames(ctx context.Context, userID int64) ([]string, error) {
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
	names := []string{}
	for h := range d.valid(held) {
		role, err := d.role(ctx, h.roleKey)
		if err != nil {
			return nil, err
		}
		if role.name != "" { // empty: deleted
			names = append(names, role.name)
		}
	}
	return names, nil
}
