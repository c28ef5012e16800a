package directory

import (
	"context"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const maxDescriptionBytes = 500

// CreateGroup adds a group and returns it as stored. ErrInvalid if it breaks a rule, ErrExists if the name is taken.
func (d *Directory) CreateGroup(ctx context.Context, group domain.Group) (domain.Group, error) {
	if err := d.newGroup(&group); err != nil {
		return domain.Group{}, err
	}
	var stored domain.Group
	err := d.changeGroup(ctx, group.Name, event.GroupCreated{Group: group.Name}, func(ctx context.Context) (err error) {
		if _, err = d.groups.InsertGroup(ctx, group); err != nil {
			return err
		}
		stored, err = d.groups.FindGroup(ctx, group.Name)
		return err
	})
	if err != nil {
		return domain.Group{}, err
	}
	return stored, nil
}

func (d *Directory) newGroup(group *domain.Group) error {
	group.CreatedAt = d.now()
	group.UpdatedAt = group.CreatedAt
	if err := domain.CheckName("name", "group name", group.Name); err != nil {
		return err
	}
	return domain.CheckText("description", "group description", group.Description, maxDescriptionBytes)
}

// UpdateGroup changes a group as edit does, and returns it as stored; only Description counts. edit gets the group as it is in the
// transaction of the change, and may run again; what it fails with ends the change. ErrInvalid if the result breaks a rule,
// ErrNotFound if there is no such group.
func (d *Directory) UpdateGroup(ctx context.Context, name string, edit func(*domain.Group) error) (group domain.Group, err error) {
	err = d.events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		if group, err = d.groups.HoldGroup(ctx, name); err != nil {
			return nil, err
		}
		edited := group
		if err := edit(&edited); err != nil {
			return nil, err
		}
		if err := domain.CheckText("description", "group description", edited.Description, maxDescriptionBytes); err != nil {
			return nil, err
		}
		group.Description, group.UpdatedAt = edited.Description, d.now()
		if err := d.groups.UpdateGroup(ctx, group); err != nil {
			return nil, err
		}
		group.Version++
		return event.GroupUpdated{Group: name, Description: group.Description}, nil
	})
	if err != nil {
		return domain.Group{}, fmt.Errorf("group %q: %w", name, err)
	}
	return group, nil
}

// DeleteGroup removes a group; its members stay. ErrInvalid if the last administrator is one by it, ErrNotFound if there is no such group.
func (d *Directory) DeleteGroup(ctx context.Context, name string) error {
	return d.DeleteGroups(ctx, []string{name})
}

// AddMember puts a user into a group; being in it before is no error. ErrNotFound says which of the two does not exist.
func (d *Directory) AddMember(ctx context.Context, group, username string) error {
	username = canonical(username)
	return d.events.Change(ctx, event.MemberAdded{Group: group, User: username}, func(ctx context.Context) error {
		return d.members.AddMember(ctx, group, username)
	})
}

// RemoveMember takes a user out of a group; not being in it is no error. ErrInvalid if that makes the last administrator none, ErrNotFound says which of the two does not exist.
func (d *Directory) RemoveMember(ctx context.Context, group, username string) error {
	username = canonical(username)
	return d.events.Change(ctx, event.MemberRemoved{Group: group, User: username}, func(ctx context.Context) error {
		return d.KeepAdministrator(ctx, func() error { return d.members.RemoveMember(ctx, group, username) })
	})
}

func (d *Directory) changeGroup(ctx context.Context, name string, e event.Event, change func(ctx context.Context) error) error {
	if err := d.events.Change(ctx, e, change); err != nil {
		return fmt.Errorf("group %q: %w", name, err)
	}
	return nil
}

// FindGroup reads a group from the database. ErrNotFound if there is no such group.
func (d *Directory) FindGroup(ctx context.Context, name string) (domain.Group, error) {
	group, err := d.groups.FindGroup(ctx, name)
	if err != nil {
		return domain.Group{}, fmt.Errorf("group %q: %w", name, err)
	}
	return group, nil
}

// ListGroups returns the groups that a filter chooses, by name; a page of them.
func (d *Directory) ListGroups(ctx context.Context, f domain.GroupFilter, p domain.Page) ([]domain.Group, error) {
	f.User = canonical(f.User)
	return d.groups.ListGroups(ctx, f, p)
}

// ListMembers returns a group's users by username; a page of them.
// ErrNotFound if there is no such group.
func (d *Directory) ListMembers(ctx context.Context, group string, p domain.Page) ([]domain.User, error) {
	if _, err := d.FindGroup(ctx, group); err != nil {
		return nil, err
	}
	return d.members.ListMembers(ctx, group, p)
}
