package admin

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// Group is a set of users.
type Group struct {
	Name        string    `json:"name"`
	Description string    `json:"description,omitempty"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	Members     []string  `json:"members,omitzero" doc:"By username, where one group is shown by the command line"`
	Version     int64     `json:"-"`
}

func showGroup(g domain.Group) Group {
	return Group{Name: g.Name, Description: g.Description, CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt, Version: g.Version}
}

// CreateGroup makes a group. domain.ErrInvalid if it breaks a rule, domain.ErrExists if the name is taken.
func (s *Service) CreateGroup(ctx context.Context, caller authn.Caller, name, description string) (Group, error) {
	ctx, err := s.authorize(ctx, caller, "group.create")
	if err != nil {
		return Group{}, err
	}
	group, err := s.config.Directory.CreateGroup(ctx, domain.Group{Name: name, Description: description})
	return showGroup(group), err
}

// FindGroup shows a group without its members. domain.ErrNotFound if there is none of the name.
func (s *Service) FindGroup(ctx context.Context, caller authn.Caller, name string) (Group, error) {
	ctx, err := s.authorize(ctx, caller, "group.find")
	if err != nil {
		return Group{}, err
	}
	group, err := s.config.Directory.FindGroup(ctx, name)
	return showGroup(group), err
}

// ListGroups lists groups by name, those after the given one, at most limit.
func (s *Service) ListGroups(ctx context.Context, caller authn.Caller, after string, limit int) ([]Group, error) {
	ctx, err := s.authorize(ctx, caller, "group.list")
	if err != nil {
		return nil, err
	}
	groups, err := s.config.Directory.ListGroups(ctx, after, limit)
	return list(groups, err, showGroup)
}

// UpdateGroup changes a group's description as edit does. domain.ErrConflict if the group is not of the version, unless that is nil;
// otherwise the errors of directory.UpdateGroup.
func (s *Service) UpdateGroup(ctx context.Context, caller authn.Caller, name string, version *int64, edit func(*domain.Group) error) (Group, error) {
	ctx, err := s.authorize(ctx, caller, "group.update")
	if err != nil {
		return Group{}, err
	}
	group, err := s.config.Directory.UpdateGroup(ctx, name, func(group *domain.Group) error {
		if err := sameVersion(version, group.Version); err != nil {
			return err
		}
		return edit(group)
	})
	return showGroup(group), err
}

// DeleteGroup deletes a group; its members stay. domain.ErrNotFound if there is none of the name.
func (s *Service) DeleteGroup(ctx context.Context, caller authn.Caller, name string) error {
	ctx, err := s.authorize(ctx, caller, "group.delete")
	if err != nil {
		return err
	}
	return s.config.Directory.DeleteGroup(ctx, name)
}

// ListMembers lists a group's users by username, those after the given one, at most limit.
func (s *Service) ListMembers(ctx context.Context, caller authn.Caller, group, after string, limit int) ([]User, error) {
	ctx, err := s.authorize(ctx, caller, "group.list_members")
	if err != nil {
		return nil, err
	}
	users, err := s.config.Directory.ListMembers(ctx, group, after, limit)
	if err != nil {
		return nil, err
	}
	return s.showUsers(ctx, users...)
}

// AddMember puts a user into a group; being in it before is no error. A caller needs the administrative permissions that the group
// gives.
func (s *Service) AddMember(ctx context.Context, caller authn.Caller, group, username string) error {
	const operation = "group.add_member"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return err
	}
	permissions, err := s.permissionsOfGroup(ctx, group)
	if err == nil {
		err = s.require(ctx, caller, operation, permissions...)
	}
	if err != nil {
		return err
	}
	return s.config.Directory.AddMember(ctx, group, username)
}

// RemoveMember takes a user out of a group; not being in it is no error.
func (s *Service) RemoveMember(ctx context.Context, caller authn.Caller, group, username string) error {
	ctx, err := s.authorize(ctx, caller, "group.remove_member")
	if err != nil {
		return err
	}
	return s.config.Directory.RemoveMember(ctx, group, username)
}

// permissionsOfGroup are the administrative permissions that the roles of a group give.
func (s *Service) permissionsOfGroup(ctx context.Context, group string) ([]string, error) {
	const page = 100
	var permissions []string
	for after := int64(0); ; {
		held, err := s.config.Directory.ListAssignments(ctx, "", domain.SubjectGroup, group, after, page)
		if err != nil {
			return nil, err
		}
		for _, a := range held {
			role, err := s.config.Directory.FindRole(ctx, a.Role)
			if err != nil {
				return nil, err
			}
			permissions, after = append(permissions, adminPermissions(role.Permissions)...), a.ID
		}
		if len(held) < page {
			return permissions, nil
		}
	}
}
