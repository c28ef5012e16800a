package admin

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// Assignment gives a role to a user, a group or a client.
type Assignment struct {
	Role        string             `json:"role"`
	SubjectKind domain.SubjectKind `json:"subject_kind" enum:"user,group,client"`
	Subject     string             `json:"subject"`
	ExpiresAt   time.Time          `json:"expires_at,omitzero"`
	ManagedBy   string             `json:"managed_by,omitempty" doc:"The set of files that it comes from: applying them again undoes other changes. Left out: none"`
	CreatedAt   time.Time          `json:"created_at,omitzero"`
}

func showAssignment(a domain.Assignment) Assignment {
	return Assignment{
		Role: a.Role, SubjectKind: a.SubjectKind, Subject: a.Subject, ExpiresAt: a.ExpiresAt, ManagedBy: a.ManagedBy, CreatedAt: a.CreatedAt,
	}
}

// ListAssignments lists the assignments that a filter chooses, the oldest first. ErrCursor for that of another list.
func (s *Service) ListAssignments(ctx context.Context, caller authn.Caller, f domain.AssignmentFilter, q Query) (Page[Assignment], error) {
	const operation = "assignment.list"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Page[Assignment]{}, err
	}
	return page(ctx, s, fmt.Sprintf("%s %q", operation, f), q, func(ctx context.Context, p domain.Page) ([]domain.Assignment, error) {
		return s.config.Directory.ListAssignments(ctx, f, p)
	}, domain.Assignment.Place, each(showAssignment))
}

// Assign gives a role until it is unassigned or, unless until is zero, for a time; assigning again changes the time. A caller needs
// the administrative permissions that the role gives. domain.ErrInvalid for a time that has passed, domain.ErrNotFound says what
// does not exist.
func (s *Service) Assign(ctx context.Context, caller authn.Caller, role string, kind domain.SubjectKind, subject string, until time.Time) error {
	const operation = "assignment.assign"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return err
	}
	if err := s.coversRole(ctx, caller, operation, role); err != nil {
		return err
	}
	return s.config.Directory.Assign(ctx, domain.Assignment{Role: role, SubjectKind: kind, Subject: subject, ExpiresAt: until})
}

// Unassign takes a role away. A caller needs the administrative permissions that the role gives. domain.ErrInvalid for the last
// administrator, domain.ErrNotFound says what does not exist.
func (s *Service) Unassign(ctx context.Context, caller authn.Caller, role string, kind domain.SubjectKind, subject string) error {
	const operation = "assignment.unassign"
	ctx, err := s.authorize(ctx, caller, operation)
	if err == nil {
		err = s.coversRole(ctx, caller, operation, role)
	}
	if err != nil {
		return err
	}
	return s.config.Directory.Unassign(ctx, role, kind, subject)
}
