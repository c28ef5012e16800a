package directory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
)

// Subject is whose access is asked for: a user or a client.
type Subject struct {
	Kind domain.SubjectKind
	ID   int64  // the database's
	Name string // client_id; unused for users
}

// Access is what a subject may do at one audience. Each list is sorted and without repetition.
type Access struct {
	Roles       []string  // those that give a permission there
	Groups      []string  // those through which such a role comes
	Permissions []string  // what the roles give together
	Until       time.Time // when the first assignment that counted expires; zero: none does
}

// The entries of the cache. They refer to roles and groups by the keys of those entries.
type (
	holding struct { // of a role
		roleKey   string
		expiresAt time.Time
	}
	membership struct {
		groupKey string
		name     string
	}
	userAccess struct {
		holdings []holding
		groups   []membership
	}
	rolePermissions struct {
		name       string
		byAudience map[string][]string
	}
)

// Access computes, from the cache, what a subject may do at an audience now. It does not check whether the subject is
// enabled. ErrInvalid for a subject that is neither a user nor a client.
func (d *Directory) Access(ctx context.Context, s Subject, audience string) (Access, error) {
	var access Access
	var err error
	switch s.Kind {
	case domain.SubjectUser:
		err = d.addUser(ctx, &access, s.ID, audience)
	case domain.SubjectClient:
		err = d.addClient(ctx, &access, s.Name, audience)
	default:
		err = fmt.Errorf("%w kind of subject %q", domain.ErrInvalid, s.Kind)
	}
	if err != nil {
		return Access{}, fmt.Errorf("access at %q: %w", audience, err)
	}
	for _, list := range []*[]string{&access.Roles, &access.Groups, &access.Permissions} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	return access, nil
}

func (d *Directory) addUser(ctx context.Context, access *Access, id int64, audience string) error {
	user, err := d.userAccess(ctx, id)
	if err != nil {
		return err
	}
	if _, err := d.addHoldings(ctx, access, user.holdings, audience); err != nil {
		return err
	}
	for _, group := range user.groups {
		holdings, err := d.groupHoldings(ctx, group.groupKey)
		if err != nil {
			return err
		}
		counted, err := d.addHoldings(ctx, access, holdings, audience)
		if err != nil {
			return err
		}
		if counted {
			access.Groups = append(access.Groups, group.name)
		}
	}
	return nil
}

func (d *Directory) addClient(ctx context.Context, access *Access, clientID, audience string) error {
	holdings, err := d.clientHoldings(ctx, clientID)
	if err != nil {
		return err
	}
	_, err = d.addHoldings(ctx, access, holdings, audience)
	return err
}

func (d *Directory) clientHoldings(ctx context.Context, clientID string) ([]holding, error) {
	return cache.Get(ctx, d.cache, domain.ChangeClientAccess, clientID, func(ctx context.Context) ([]holding, error) {
		return d.loadClientAccess(ctx, clientID)
	})
}

// addHoldings adds what the roles give at the audience, and reports whether they give anything.
func (d *Directory) addHoldings(ctx context.Context, access *Access, holdings []holding, audience string) (bool, error) {
	counted := false
	for h := range d.valid(holdings) {
		role, err := d.role(ctx, h.roleKey)
		if err != nil {
			return false, err
		}
		permissions := role.byAudience[audience]
		if len(permissions) == 0 {
			continue
		}
		counted = true
		access.Roles = append(access.Roles, role.name)
		access.Permissions = append(access.Permissions, permissions...)
		if !h.expiresAt.IsZero() && (access.Until.IsZero() || h.expiresAt.Before(access.Until)) {
			access.Until = h.expiresAt
		}
	}
	return counted, nil
}

// valid are those that have not expired.
func (d *Directory) valid(held []holding) iter.Seq[holding] {
	now := d.now()
	return func(yield func(holding) bool) {
		for _, h := range held {
			if (h.expiresAt.IsZero() || now.Before(h.expiresAt)) && !yield(h) {
				return
			}
		}
	}
}

func (d *Directory) userAccess(ctx context.Context, id int64) (userAccess, error) {
	return cache.Get(ctx, d.cache, domain.ChangeUserAccess, strconv.FormatInt(id, 10), func(ctx context.Context) (userAccess, error) {
		return d.loadUserAccess(ctx, id)
	})
}

func (d *Directory) groupHoldings(ctx context.Context, groupKey string) ([]holding, error) {
	return cache.Get(ctx, d.cache, domain.ChangeGroupAccess, groupKey, func(ctx context.Context) ([]holding, error) {
		return d.loadGroupAccess(ctx, groupKey)
	})
}

func (d *Directory) role(ctx context.Context, roleKey string) (*rolePermissions, error) {
	return cache.Get(ctx, d.cache, domain.ChangeRole, roleKey, func(ctx context.Context) (*rolePermissions, error) {
		return d.loadRole(ctx, roleKey)
	})
}

func (d *Directory) loadUserAccess(ctx context.Context, id int64) (userAccess, error) {
	assignments, err := d.assignments.SubjectAssignments(ctx, domain.SubjectUser, id)
	if err != nil {
		return userAccess{}, err
	}
	groups, err := d.members.UserGroups(ctx, id)
	if err != nil {
		return userAccess{}, err
	}
	user := userAccess{holdings: holdings(assignments), groups: make([]membership, 0, len(groups))}
	for _, g := range groups {
		user.groups = append(user.groups, membership{groupKey: strconv.FormatInt(g.ID, 10), name: g.Name})
	}
	return user, nil
}

func (d *Directory) loadGroupAccess(ctx context.Context, groupKey string) ([]holding, error) {
	id, err := strconv.ParseInt(groupKey, 10, 64)
	if err != nil {
		return nil, err
	}
	assignments, err := d.assignments.SubjectAssignments(ctx, domain.SubjectGroup, id)
	return holdings(assignments), err
}

// loadClientAccess reads by client_id, as the cache keeps it: the database id that a caller has may be that of a client
// which was deleted, and registered anew under the same name.
func (d *Directory) loadClientAccess(ctx context.Context, clientID string) ([]holding, error) {
	const page = 200
	var all []domain.Assignment
	filter := domain.AssignmentFilter{SubjectKind: domain.SubjectClient, Subject: clientID}
	for p := (domain.Page{Limit: page}); ; {
		assignments, err := d.assignments.ListAssignments(ctx, filter, p)
		if err != nil {
			return nil, err
		}
		all = append(all, assignments...)
		if len(assignments) < page {
			return holdings(all), nil
		}
		p.After = assignments[page-1].Place()
	}
}

func (d *Directory) loadRole(ctx context.Context, roleKey string) (*rolePermissions, error) {
	id, err := strconv.ParseInt(roleKey, 10, 64)
	if err != nil {
		return nil, err
	}
	role, err := d.roles.FindRoleByID(ctx, id)
	if errors.Is(err, domain.ErrNotFound) {
		return &rolePermissions{}, nil // deleted since its assignment was read: it gives nothing
	}
	if err != nil {
		return nil, err
	}
	loaded := &rolePermissions{name: role.Name, byAudience: make(map[string][]string)}
	for _, p := range role.Permissions {
		loaded.byAudience[p.Audience] = append(loaded.byAudience[p.Audience], p.Permission)
	}
	return loaded, nil
}

func holdings(assignments []domain.Assignment) []holding {
	held := make([]holding, 0, len(assignments))
	for _, a := range assignments {
		held = append(held, holding{roleKey: strconv.FormatInt(a.RoleID, 10), expiresAt: a.ExpiresAt})
	}
	return held
}
