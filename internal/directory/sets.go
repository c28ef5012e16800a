package directory

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// What files describe, and what they do not describe any more, is made and deleted in sets, all or none: in few statements, so that the
// transaction is short. A domain.ElementError says for which element it failed, with the errors of the operation for one.

// CreateRoles is CreateRole of many.
func (d *Directory) CreateRoles(ctx context.Context, roles []domain.Role) error {
	events := make([]event.Event, len(roles))
	for i := range roles {
		if err := d.newRole(&roles[i]); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
		events[i] = event.RoleCreated{Role: roles[i].Name, Permissions: permissionNames(roles[i])}
	}
	return d.events.ChangeAll(ctx, events, func(ctx context.Context) error {
		if err := d.checkPermissionsExist(ctx, roles...); err != nil {
			return err
		}
		return d.sets.InsertRoles(ctx, roles)
	})
}

// UpdateRoles is UpdateRole of many; edit gets the place of each among the names, too.
func (d *Directory) UpdateRoles(ctx context.Context, names []string, edit func(i int, role *domain.Role) error) error {
	return d.events.UpdateAll(ctx, func(ctx context.Context) ([]event.Event, error) {
		found, err := d.sets.RolesNamed(ctx, names, "")
		if err != nil {
			return nil, err
		}
		stored := make(map[string]domain.Role, len(found))
		for _, role := range found {
			stored[role.Name] = role
		}
		roles, events := make([]domain.Role, len(names)), make([]event.Event, len(names))
		for i, name := range names {
			role, ok := stored[name]
			if !ok {
				return nil, &domain.ElementError{Index: i, Err: domain.ErrNotFound}
			}
			if roles[i], err = d.edited(role, func(role *domain.Role) error { return edit(i, role) }, keepsAdministration); err != nil {
				return nil, &domain.ElementError{Index: i, Err: err}
			}
			events[i] = event.RoleUpdated{Role: name, Permissions: permissionNames(roles[i])}
		}
		if err := d.checkPermissionsExist(ctx, roles...); err != nil {
			return nil, err
		}
		return events, d.sets.UpdateRoles(ctx, roles)
	})
}

// CreateGroups is CreateGroup of many.
func (d *Directory) CreateGroups(ctx context.Context, groups []domain.Group) error {
	events := make([]event.Event, len(groups))
	for i := range groups {
		if err := d.newGroup(&groups[i]); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
		events[i] = event.GroupCreated{Group: groups[i].Name}
	}
	return d.events.ChangeAll(ctx, events, func(ctx context.Context) error { return d.sets.InsertGroups(ctx, groups) })
}

// AddMembers is AddMember of many; of each only the names of the group and the user count.
func (d *Directory) AddMembers(ctx context.Context, members []domain.Member) error {
	events := eachMember(members, func(m domain.Member) event.Event { return event.MemberAdded{Group: m.Group, User: m.Username} })
	return d.events.ChangeAll(ctx, events, func(ctx context.Context) error { return d.sets.AddMembers(ctx, members) })
}

// RemoveMembers is RemoveMember of many; of each only the names of the group and the user count.
func (d *Directory) RemoveMembers(ctx context.Context, members []domain.Member) error {
	events := eachMember(members, func(m domain.Member) event.Event { return event.MemberRemoved{Group: m.Group, User: m.Username} })
	return d.events.ChangeAll(ctx, events, func(ctx context.Context) error {
		return d.KeepAdministrator(ctx, func() error { return d.sets.RemoveMembers(ctx, members) })
	})
}

// eachMember makes usernames canonical, and returns the event of each member.
func eachMember(members []domain.Member, of func(domain.Member) event.Event) []event.Event {
	events := make([]event.Event, len(members))
	for i := range members {
		members[i].Username = canonical(members[i].Username)
		events[i] = of(members[i])
	}
	return events
}

// AssignAll is Assign of many.
func (d *Directory) AssignAll(ctx context.Context, assignments []domain.Assignment) error {
	now := d.now()
	events := make([]event.Event, len(assignments))
	for i := range assignments {
		a := &assignments[i]
		if a.CreatedAt = now; !a.Active(now) {
			return &domain.ElementError{Index: i, Err: expired(*a)}
		}
		if err := checkSubject(a); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
		events[i] = assigned(*a)
	}
	return d.events.ChangeAll(ctx, events, func(ctx context.Context) error {
		return d.KeepAdministrator(ctx, func() error { return d.sets.PutAssignments(ctx, assignments) })
	})
}

// DeleteRoles is DeleteRole of many.
func (d *Directory) DeleteRoles(ctx context.Context, names []string) error {
	events := make([]event.Event, len(names))
	for i, name := range names {
		if (domain.Role{Name: name}).BuiltIn() {
			return &domain.ElementError{Index: i, Err: domain.Invalid("", domain.RuleBuiltIn, "role %q: it is built in and cannot be deleted", name)}
		}
		events[i] = event.RoleDeleted{Role: name}
	}
	err := d.events.ChangeAll(ctx, events, func(ctx context.Context) error { return d.roles.DeleteRoles(ctx, names) })
	return domain.NameElement(err, "role", names)
}

// DeleteGroups is DeleteGroup of many.
func (d *Directory) DeleteGroups(ctx context.Context, names []string) error {
	events := make([]event.Event, len(names))
	for i, name := range names {
		events[i] = event.GroupDeleted{Group: name}
	}
	err := d.events.ChangeAll(ctx, events, func(ctx context.Context) error {
		return d.KeepAdministrator(ctx, func() error { return d.groups.DeleteGroups(ctx, names) })
	})
	return domain.NameElement(err, "group", names)
}

// UnassignAll is Unassign of many; of each only the names of the role and the subject count.
func (d *Directory) UnassignAll(ctx context.Context, assignments []domain.Assignment) error {
	events := make([]event.Event, len(assignments))
	for i := range assignments {
		if err := checkSubject(&assignments[i]); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
		events[i] = event.RoleUnassigned{Role: assignments[i].Role, Subject: subjectName(assignments[i])}
	}
	return d.events.ChangeAll(ctx, events, func(ctx context.Context) error {
		return d.KeepAdministrator(ctx, func() error { return d.assignments.DeleteAssignments(ctx, assignments) })
	})
}

func expired(a domain.Assignment) error {
	return domain.Invalid("expires_at", domain.RuleRange, "expiry %s: choose a time that is still to come", a.ExpiresAt.UTC().Format(time.RFC3339))
}

func assigned(a domain.Assignment) event.RoleAssigned {
	e := event.RoleAssigned{Role: a.Role, Subject: subjectName(a)}
	if !a.ExpiresAt.IsZero() {
		e.ExpiresAt = a.ExpiresAt.UTC().Format(time.RFC3339)
	}
	return e
}
