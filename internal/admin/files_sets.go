package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signet-auth/signet/internal/apply"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/registry"
)

// Files may describe thousands of objects, and nobody else changes anything while they are written: what is made or assigned is written
// in sets, in the order of kinds.

// sets divides the changes of a plan into those that are made together.
func sets(changes []apply.Change) (sets [][]apply.Change) {
	type key struct {
		kind   domain.ManagedKind
		action apply.Action
	}
	begun := map[key]int{}
	updated := []domain.ManagedKind{domain.ManagedRole, domain.ManagedClient, domain.ManagedAssignment}
	deleted := []domain.ManagedKind{domain.ManagedRole, domain.ManagedGroup, domain.ManagedClient, domain.ManagedAssignment}
	for _, c := range changes {
		together := c.Action == apply.Create || c.Action == apply.Update && slices.Contains(updated, c.Kind) ||
			c.Action == apply.Delete && slices.Contains(deleted, c.Kind)
		if i, ok := begun[key{c.Kind, c.Action}]; ok && together {
			sets[i] = append(sets[i], c)
			continue
		}
		if together {
			begun[key{c.Kind, c.Action}] = len(sets)
		}
		sets = append(sets, []apply.Change{c})
	}
	return sets
}

// changeSet makes changes together, of one kind and action.
func (f *fileChanges) changeSet(ctx context.Context, changes []apply.Change) error {
	first := changes[0]
	if first.Document == nil {
		return f.deleteSet(ctx, changes)
	}
	var err error
	switch {
	case first.Action != apply.Create && first.Action != apply.Update:
		err = f.change(ctx, first)
	case first.Kind == domain.ManagedAssignment:
		err = f.assign(ctx, changes)
	case first.Kind == domain.ManagedRole && first.Action == apply.Create:
		err = f.createRoles(ctx, changes)
	case first.Kind == domain.ManagedRole:
		err = f.updateRoles(ctx, changes)
	case first.Kind == domain.ManagedGroup && first.Action == apply.Create:
		err = f.createGroups(ctx, changes)
	case first.Kind == domain.ManagedClient && first.Action == apply.Create:
		err = f.createClients(ctx, changes)
	case first.Kind == domain.ManagedClient:
		err = f.updateClients(ctx, changes)
	default:
		err = f.each(changes, func(_ int, c apply.Change) error { return f.change(ctx, c) })
	}
	if element, ok := errors.AsType[*domain.ElementError](err); ok {
		if errors.Is(err, domain.ErrExists) && slices.Contains(namedAlone, first.Kind) {
			return errMoved // it was not there before
		}
		return changes[element.Index].Document.Failed(element.Err)
	}
	return first.Document.Failed(err)
}

// namedAlone are kinds of objects that are in the way of no other than one of their name.
var namedAlone = []domain.ManagedKind{domain.ManagedRole, domain.ManagedGroup, domain.ManagedClient}

// each makes changes one by one.
func (f *fileChanges) each(changes []apply.Change, do func(i int, c apply.Change) error) error {
	for i, c := range changes {
		if err := do(i, c); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
	}
	return nil
}

func (f *fileChanges) createRoles(ctx context.Context, changes []apply.Change) error {
	roles := make([]domain.Role, len(changes))
	for i, c := range changes {
		described := c.Document.Object.(*apply.Role)
		roles[i].Name = described.Name
		described.Set(&roles[i])
	}
	return f.s.createRoles(ctx, f.caller, roles)
}

func (f *fileChanges) updateRoles(ctx context.Context, changes []apply.Change) error {
	names := make([]string, len(changes))
	for i, c := range changes {
		names[i] = c.Name
	}
	return f.s.updateRoles(ctx, f.caller, names, func(i int, role *domain.Role) error {
		changes[i].Document.Object.(*apply.Role).Set(role)
		return nil
	})
}

func (f *fileChanges) createGroups(ctx context.Context, changes []apply.Change) error {
	groups := make([]domain.Group, len(changes))
	var members []domain.Member
	for i, c := range changes {
		described := c.Document.Object.(*apply.Group)
		groups[i] = domain.Group{Name: described.Name, Description: described.Description}
		if described.Members != nil {
			for _, member := range *described.Members {
				members = append(members, domain.Member{Group: described.Name, Username: member})
			}
		}
	}
	if err := f.s.createGroups(ctx, f.caller, groups); err != nil {
		return err
	}
	err := f.s.addMembers(ctx, f.caller, members)
	if element, ok := errors.AsType[*domain.ElementError](err); ok { // that of its group
		group := members[element.Index].Group
		element.Index = slices.IndexFunc(groups, func(g domain.Group) bool { return g.Name == group })
	}
	return err
}

func (f *fileChanges) createClients(ctx context.Context, changes []apply.Change) error {
	clients := make([]registry.NewClient, len(changes))
	for i, c := range changes {
		described := c.Document.Object.(*apply.Client)
		clients[i].ClientID = described.ClientID
		described.Set(&clients[i].Client)
		if described.Secrets != nil && len(*described.Secrets) > 0 {
			clients[i].Secret = f.secrets[(*described.Secrets)[0].Key()]
		}
	}
	if err := f.s.createClients(ctx, f.caller, clients); err != nil {
		return err
	}
	return f.each(changes, func(i int, c apply.Change) error {
		return f.clientParts(ctx, apply.Create, c.Document.Object.(*apply.Client), clients[i].Client)
	})
}

func (f *fileChanges) updateClients(ctx context.Context, changes []apply.Change) error {
	sets := func(d apply.Difference) bool { return !slices.Contains(notSet, d.Member) }
	var edited []int // of the changes
	var ids []string
	for i, c := range changes {
		if slices.ContainsFunc(c.Differences, sets) {
			edited, ids = append(edited, i), append(ids, c.Name)
		}
	}
	err := f.s.updateClients(ctx, f.caller, f.clients, ids, func(i int, client *domain.Client) error {
		changes[edited[i]].Document.Object.(*apply.Client).Set(client)
		return nil
	})
	if element, ok := errors.AsType[*domain.ElementError](err); ok {
		element.Index = edited[element.Index]
	}
	if err != nil {
		return err
	}
	return f.each(changes, func(_ int, c apply.Change) error {
		described := c.Document.Object.(*apply.Client)
		return f.clientParts(ctx, c.Action, described, f.clients[described.ClientID])
	})
}

// deleteSet deletes objects of one kind.
func (f *fileChanges) deleteSet(ctx context.Context, changes []apply.Change) error {
	first, names := changes[0], make([]string, len(changes))
	for i, c := range changes {
		names[i] = c.Name
	}
	var err error
	switch first.Kind {
	case domain.ManagedAssignment:
		err = f.unassign(ctx, changes)
	case domain.ManagedRole:
		err = f.s.deleteRoles(ctx, f.caller, names)
	case domain.ManagedGroup:
		err = f.s.deleteGroups(ctx, f.caller, names)
	case domain.ManagedClient:
		err = f.s.deleteClients(ctx, f.caller, f.clients, names)
	default:
		err = f.delete(ctx, first)
	}
	if element, ok := errors.AsType[*domain.ElementError](err); ok {
		first, err = changes[element.Index], element.Err
	}
	if err != nil {
		return fmt.Errorf("delete %s %s: %w", first.Kind, first.Name, err)
	}
	return nil
}

func (f *fileChanges) unassign(ctx context.Context, changes []apply.Change) error {
	assignments := make([]domain.Assignment, len(changes))
	for i, c := range changes {
		assignments[i] = c.Before.(*apply.Assignment).Assignment()
	}
	const operation = "assignment.unassign"
	ctx, err := f.s.authorize(ctx, f.caller, operation)
	if err == nil {
		err = f.s.coversRoles(ctx, f.caller, operation, rolesOf(assignments))
	}
	if err != nil {
		return err
	}
	return f.s.config.Directory.UnassignAll(ctx, assignments)
}

func (f *fileChanges) assign(ctx context.Context, changes []apply.Change) error {
	assignments := make([]domain.Assignment, len(changes))
	for i, c := range changes {
		assignments[i] = c.Document.Object.(*apply.Assignment).Assignment()
	}
	return f.s.assignAll(ctx, f.caller, assignments)
}

// The operations for one object, of many.

// createRoles is CreateRole of many.
func (s *Service) createRoles(ctx context.Context, caller authn.Caller, roles []domain.Role) error {
	const operation = "role.create"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return err
	}
	for i, role := range roles {
		if err := s.require(ctx, caller, operation, AdministrativeOf(role.Permissions)...); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
	}
	return s.config.Directory.CreateRoles(ctx, roles)
}

// updateRoles is UpdateRole of many.
func (s *Service) updateRoles(ctx context.Context, caller authn.Caller, names []string, edit func(i int, role *domain.Role) error) error {
	const operation = "role.update"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return err
	}
	return s.config.Directory.UpdateRoles(ctx, names, func(i int, role *domain.Role) error {
		before := slices.Clone(role.Permissions)
		if err := edit(i, role); err != nil {
			return err
		}
		return lacks(caller, operation, changedPermissions(before, role.Permissions))
	})
}

// createGroups is CreateGroup of many.
func (s *Service) createGroups(ctx context.Context, caller authn.Caller, groups []domain.Group) error {
	ctx, err := s.authorize(ctx, caller, "group.create")
	if err != nil {
		return err
	}
	return s.config.Directory.CreateGroups(ctx, groups)
}

// deleteRoles is DeleteRole of many.
func (s *Service) deleteRoles(ctx context.Context, caller authn.Caller, names []string) error {
	const operation = "role.delete"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.coversRoles(ctx, caller, operation, names)
	}
	if err != nil {
		return err
	}
	return s.config.Directory.DeleteRoles(ctx, names)
}

// deleteGroups is DeleteGroup of many.
func (s *Service) deleteGroups(ctx context.Context, caller authn.Caller, names []string) error {
	const operation = "group.delete"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return err
	}
	for i, name := range names {
		if err := s.coversGroup(ctx, caller, operation, name); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
	}
	return s.config.Directory.DeleteGroups(ctx, names)
}

// coversEach is coversStored of many clients, which are as they are stored.
func (s *Service) coversEach(ctx context.Context, caller authn.Caller, operation string, stored map[string]domain.Client, ids []string) error {
	for i, id := range ids {
		if err := s.coversStored(ctx, caller, operation, stored[id]); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
	}
	return nil
}

// deleteClients is DeleteClient of many clients, which are as they are stored.
func (s *Service) deleteClients(ctx context.Context, caller authn.Caller, stored map[string]domain.Client, ids []string) error {
	const operation = "client.delete"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return err
	}
	if err := s.coversEach(ctx, caller, operation, stored, ids); err != nil {
		return err
	}
	return s.config.Registry.DeleteClients(ctx, ids)
}

// addMembers is AddMember of many.
func (s *Service) addMembers(ctx context.Context, caller authn.Caller, members []domain.Member) error {
	return s.changeMembers(ctx, caller, "group.add_member", members, s.config.Directory.AddMembers)
}

// removeMembers is RemoveMember of many.
func (s *Service) removeMembers(ctx context.Context, caller authn.Caller, members []domain.Member) error {
	return s.changeMembers(ctx, caller, "group.remove_member", members, s.config.Directory.RemoveMembers)
}

func (s *Service) changeMembers(
	ctx context.Context, caller authn.Caller, operation string, members []domain.Member, change func(context.Context, []domain.Member) error,
) error {
	if len(members) == 0 {
		return nil
	}
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.coversGroups(ctx, caller, operation, members)
	}
	if err != nil {
		return err
	}
	return change(ctx, members)
}

// coversGroups is coversGroup of those of many members, once each.
func (s *Service) coversGroups(ctx context.Context, caller authn.Caller, operation string, members []domain.Member) error {
	covered := map[string]bool{}
	for i, m := range members {
		if covered[m.Group] {
			continue
		}
		if err := s.coversGroup(ctx, caller, operation, m.Group); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
		covered[m.Group] = true
	}
	return nil
}

// createClients is CreateClient of many, which get no secret but the one that they have.
func (s *Service) createClients(ctx context.Context, caller authn.Caller, clients []registry.NewClient) error {
	const operation = "client.create"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return err
	}
	for i, client := range clients {
		if err := s.require(ctx, caller, operation, Requestable(client.Client)...); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
	}
	return s.config.Registry.CreateClients(ctx, clients)
}

// updateClients is UpdateClient of many clients, which are as they are stored.
func (s *Service) updateClients(
	ctx context.Context, caller authn.Caller, stored map[string]domain.Client, ids []string, edit func(i int, client *domain.Client) error,
) error {
	const operation = "client.update"
	if len(ids) == 0 {
		return nil
	}
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return err
	}
	if err := s.coversEach(ctx, caller, operation, stored, ids); err != nil {
		return err
	}
	return s.config.Registry.UpdateClients(ctx, ids, func(i int, client *domain.Client) error {
		if err := edit(i, client); err != nil {
			return err
		}
		return lacks(caller, operation, Requestable(*client))
	})
}

// assignAll is Assign of many.
func (s *Service) assignAll(ctx context.Context, caller authn.Caller, assignments []domain.Assignment) error {
	const operation = "assignment.assign"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.coversRoles(ctx, caller, operation, rolesOf(assignments))
	}
	if err != nil {
		return err
	}
	return s.config.Directory.AssignAll(ctx, assignments)
}

// rolesOf are the roles that assignments give.
func rolesOf(assignments []domain.Assignment) []string {
	names := make([]string, len(assignments))
	for i, a := range assignments {
		names[i] = a.Role
	}
	return names
}

// coversRoles is coversRole of many.
func (s *Service) coversRoles(ctx context.Context, caller authn.Caller, operation string, names []string) error {
	roles, err := s.config.Named.RolesNamed(ctx, slices.Compact(slices.Sorted(slices.Values(names))), "")
	if err != nil {
		return err
	}
	given := make(map[string][]string, len(roles))
	for _, role := range roles {
		given[role.Name] = AdministrativeOf(role.Permissions)
	}
	for i, name := range names {
		if err := s.require(ctx, caller, operation, given[name]...); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
	}
	return nil
}
