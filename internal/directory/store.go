package directory

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Store keeps users, groups, roles and assignments. Every method that changes something bumps the revision and
// names what changed, in the transaction that ctx carries or in one of its own.
type Store interface {
	// Tx runs fn in one transaction, carried by the ctx that fn gets.
	Tx(ctx context.Context, fn func(ctx context.Context) error) error

	// InsertUser returns ErrExists if the username or subject is taken.
	InsertUser(ctx context.Context, user domain.User) (id int64, err error)
	// UpdateUser sets all but id, subject and username. ErrNotFound if there is no such username.
	UpdateUser(ctx context.Context, user domain.User) error
	// DeleteUser returns ErrNotFound if there is no such username. Sessions, grants, consents and assignments go with it.
	DeleteUser(ctx context.Context, username string) error
	// FindUser finds by username, FindUserByID by database id. ErrNotFound if there is no such user.
	FindUser(ctx context.Context, username string) (domain.User, error)
	FindUserByID(ctx context.Context, id int64) (domain.User, error)
	// HoldUser is FindUser that keeps others from changing the user until the transaction ends.
	HoldUser(ctx context.Context, username string) (domain.User, error)
	// UsersByEmail returns the enabled users that have an e-mail address, in whatever case, at most limit.
	UsersByEmail(ctx context.Context, email string, limit int) ([]domain.User, error)
	// ListUsers returns users by username, those after the given one, at most limit.
	ListUsers(ctx context.Context, after string, limit int) ([]domain.User, error)

	// InsertGroup returns ErrExists if the name is taken.
	InsertGroup(ctx context.Context, group domain.Group) (id int64, err error)
	// UpdateGroup sets the description. ErrNotFound if there is no such group.
	UpdateGroup(ctx context.Context, group domain.Group) error
	// HoldGroup is FindGroup that keeps others from changing the group until the transaction ends.
	HoldGroup(ctx context.Context, name string) (domain.Group, error)
	// DeleteGroup returns ErrNotFound if there is no such group. Each member counts as changed.
	DeleteGroup(ctx context.Context, name string) error
	// FindGroup returns ErrNotFound if there is no such group.
	FindGroup(ctx context.Context, name string) (domain.Group, error)
	// ListGroups returns groups by name, those after the given one, at most limit.
	ListGroups(ctx context.Context, after string, limit int) ([]domain.Group, error)
	// AddMember and RemoveMember change a group's users. Both are idempotent; ErrNotFound names the group or user that does not exist.
	AddMember(ctx context.Context, group, username string) error
	RemoveMember(ctx context.Context, group, username string) error
	// ListMembers returns a group's users by username, those after the given one, at most limit.
	ListMembers(ctx context.Context, group, after string, limit int) ([]domain.User, error)

	// TakeExpired returns at most limit assignments that have expired by now and that no call returned before, oldest expiry first.
	TakeExpired(ctx context.Context, now time.Time, limit int) ([]domain.Assignment, error)

	// InsertRole stores the role with its permissions. ErrExists if the name is taken, ErrNotFound if a permission does not exist.
	InsertRole(ctx context.Context, role domain.Role) (id int64, err error)
	// UpdateRole sets the description and the whole list of permissions. ErrNotFound if role or permission do not exist.
	UpdateRole(ctx context.Context, role domain.Role) error
	// HoldRole is FindRole that keeps others from changing the role until the transaction ends.
	HoldRole(ctx context.Context, name string) (domain.Role, error)
	// DeleteRole returns ErrNotFound if there is no such role. Its assignments go with it.
	DeleteRole(ctx context.Context, name string) error
	// FindRole finds by name, FindRoleByID by database id. ErrNotFound if there is no such role.
	FindRole(ctx context.Context, name string) (domain.Role, error)
	FindRoleByID(ctx context.Context, id int64) (domain.Role, error)
	// ListRoles returns roles by name, those after the given one, at most limit.
	ListRoles(ctx context.Context, after string, limit int) ([]domain.Role, error)

	// FindAPI returns ErrNotFound if there is no such audience.
	FindAPI(ctx context.Context, audience string) (domain.API, error)

	// PutAssignment creates the assignment or sets its expiry; of a only Role, SubjectKind, Subject and the times count.
	// ErrNotFound names the role or subject that does not exist.
	PutAssignment(ctx context.Context, a domain.Assignment) error
	// DeleteAssignment returns ErrNotFound if there is no such assignment; it names the role or subject if that does not exist.
	DeleteAssignment(ctx context.Context, role string, kind domain.SubjectKind, subject string) error
	// ListAssignments returns assignments after the given id, at most limit. An empty role or kind means any.
	ListAssignments(ctx context.Context, role string, kind domain.SubjectKind, subject string, after int64, limit int) ([]domain.Assignment, error)
	// SubjectAssignments returns all of one subject, by database id, for the effective roles.
	SubjectAssignments(ctx context.Context, kind domain.SubjectKind, id int64) ([]domain.Assignment, error)
	// UserGroups returns the groups of a user, by database id.
	UserGroups(ctx context.Context, userID int64) ([]domain.Group, error)
	// CountAdministrators counts the enabled users that hold RoleAdministrator at the given time, directly or by a group, as
	// assignments are now.
	CountAdministrators(ctx context.Context, now time.Time) (int, error)

	// PutSetupLink stores the hash of a first administrator's link.
	PutSetupLink(ctx context.Context, hash []byte, now, expires time.Time) error
	// FindSetupLink returns ErrNotFound if there is no such link, it has expired, or the setup is done.
	FindSetupLink(ctx context.Context, hash []byte, now time.Time) error
	// CompleteSetup marks the setup as done, once for the installation, and drops all links.
	// ErrConsumed if it was done before, ErrNotFound if there is no such link or it has expired.
	CompleteSetup(ctx context.Context, hash []byte, now time.Time) error

	// EndUserSessions ends all sessions of a user.
	EndUserSessions(ctx context.Context, userID int64, now time.Time) error
}

// Revoker takes tokens back (internal/revocation).
type Revoker interface {
	// Begin stores a revocation in the transaction that ctx carries; it holds once that is committed.
	Begin(ctx context.Context, r domain.Revocation) (domain.Revocation, error)
}
