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
	ManagedBy   string    `json:"managed_by,omitempty" doc:"The set of files that it comes from: applying them again undoes other changes. Left out: none"`
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
	Members     []string  `json:"members,omitzero" doc:"By username, where one group is shown by the command line"`
	Version     int64     `json:"-"`
}

func showGroup(g domain.Group) Group {
	return Group{Name: g.Name, Description: g.Description, ManagedBy: g.ManagedBy, CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt, Version: g.Version}
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

// ListGroups lists the groups that a filter chooses, by name. ErrCursor for that of another list.
func (s *Service) ListGroups(ctx context.Context, caller authn.Caller, filter domain.GroupFilter, q Query) (Page[Group], error) {
	const operation = "group.list"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Page[Group]{}, err
	}
	return page(ctx, s, operation+" "+filter.User, q, func(ctx context.Context, p domain.Page) ([]domain.Group, error) {
		return s.config.Directory.ListGroups(ctx, filter, p)
	}, func(o domain.Group) string { return o.Name }, each(showGroup))
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

// DeleteGroup deletes a group; its members stay. A caller needs the administrative permissions that the group gives.
// domain.ErrNotFound if there is none of the name.
func (s *Service) DeleteGroup(ctx context.Context, caller authn.Caller, name string) error {
	const operation = "group.delete"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.coversGroup(ctx, caller, operation, name)
	}
	if err != nil {
		return err
	}
	return s.config.Directory.DeleteGroup(ctx, name)
}

// ListMembers lists a group's users by username. domain.ErrNotFound if there is no such group, ErrCursor for that of another list.
func (s *Service) ListMembers(ctx context.Context, caller authn.Caller, group string, q Query) (Page[User], error) {
	const operation = "group.list_members"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Page[User]{}, err
	}
	return page(ctx, s, operation+"\x00"+group, q, func(ctx context.Context, p domain.Page) ([]domain.User, error) {
		return s.config.Directory.ListMembers(ctx, group, p)
	}, username, func(users []domain.User) ([]User, error) { return s.showUsers(ctx, users...) })
}

// AddMember puts a user into a group; being in it before is no error. A caller needs the administrative permissions that the group
// gives.
func (s *Service) AddMember(ctx context.Context, caller authn.Caller, group, username string) error {
	const operation = "group.add_member"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return err
	}
	if err := s.coversGroup(ctx, caller, operation, group); err != nil {
		return err
	}
	return s.config.Directory.AddMember(ctx, group, username)
}

// RemoveMember takes a user out of a group; not being in it is no error. A caller needs the administrative permissions that the group
// gives.
func (s *Service) RemoveMember(ctx context.Context, caller authn.Caller, group, username string) error {
	const operation = "group.remove_member"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.coversGroup(ctx, caller, operation, group)
	}
	if err != nil {
		return err
	}
	return s.config.Directory.RemoveMember(ctx, group, username)
}

// coversGroup refuses a caller who lacks an administrative permission that the roles of a group give.
func (s *Service) coversGroup(ctx context.Context, caller authn.Caller, operation, group string) error {
	permissions, err := s.permissionsOfGroup(ctx, group)
	if err != nil {
		return err
	}
	return s.require(ctx, caller, operation, permissions...)
}

// permissionsOfGroup are the administrative permissions that the roles of a group give.
func (s *Service) permissionsOfGroup(ctx context.Context, group string) ([]string, error) {
	const page = 100
	var permissions []string
	filter := domain.AssignmentFilter{SubjectKind: domain.SubjectGroup, Subject: group}
	for p := (domain.Page{Limit: page}); ; {
		held, err := s.config.Directory.ListAssignments(ctx, filter, p)
		if err != nil {
			return nil, err
		}
		for _, a := range held {
			role, err := s.config.Directory.FindRole(ctx, a.Role)
			if err != nil {
				return nil, err
			}
			permissions, p.After = append(permissions, AdministrativeOf(role.Permissions)...), a.Place()
		}
		if len(held) < page {
			return permissions, nil
		}
	}
}
