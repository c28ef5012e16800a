package admin

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// Assignment gives a role to a user, a group or a client.
type Assignment struct {
	ID          int64              `json:"-"` // what lists are ordered by
	Role        string             `json:"role"`
	SubjectKind domain.SubjectKind `json:"subject_kind" enum:"user,group,client"`
	Subject     string             `json:"subject"`
	ExpiresAt   time.Time          `json:"expires_at,omitzero"`
	CreatedAt   time.Time          `json:"created_at,omitzero"`
}

func showAssignment(a domain.Assignment) Assignment {
	return Assignment{
		ID: a.ID, Role: a.Role, SubjectKind: a.SubjectKind, Subject: a.Subject, ExpiresAt: a.ExpiresAt, CreatedAt: a.CreatedAt,
	}
}

// AssignmentFilter chooses assignments; what is empty stands for any.
type AssignmentFilter struct {
	Role        string
	SubjectKind domain.SubjectKind
	Subject     string
}

// ListAssignments lists assignments, the oldest first, those after the given id, at most limit.
func (s *Service) ListAssignments(ctx context.Context, caller authn.Caller, f AssignmentFilter, after int64, limit int) ([]Assignment, error) {
	ctx, err := s.authorize(ctx, caller, "assignment.list")
	if err != nil {
		return nil, err
	}
	found, err := s.config.Directory.ListAssignments(ctx, f.Role, f.SubjectKind, f.Subject, after, limit)
	return list(found, err, showAssignment)
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
	given, err := s.config.Directory.FindRole(ctx, role)
	if err == nil {
		err = s.require(ctx, caller, operation, adminPermissions(given.Permissions)...)
	}
	if err != nil {
		return err
	}
	return s.config.Directory.Assign(ctx, domain.Assignment{Role: role, SubjectKind: kind, Subject: subject, ExpiresAt: until})
}

// Unassign takes a role away. domain.ErrInvalid for the last administrator, domain.ErrNotFound says what does not exist.
func (s *Service) Unassign(ctx context.Context, caller authn.Caller, role string, kind domain.SubjectKind, subject string) error {
	ctx, err := s.authorize(ctx, caller, "assignment.unassign")
	if err != nil {
		return err
	}
	return s.config.Directory.Unassign(ctx, role, kind, subject)
}
