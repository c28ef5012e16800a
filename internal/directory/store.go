package directory

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Every method of these interfaces that changes something bumps the revision and names what changed, in the transaction that ctx carries
// or in one of its own.

// Users keeps users.
type Users interface {
	// InsertUser returns ErrExists if the username or subject is taken.
	InsertUser(ctx context.Context, user domain.User) (id int64, err error)
	// UpdateUser sets all but id, subject, username and attributes. ErrNotFound if there is no such username, ErrConflict if user.Version is
	// neither zero nor that of the user.
	UpdateUser(ctx context.Context, user domain.User) error
	// DeleteUser returns ErrNotFound if there is no such username. Credentials, sessions, grants, consents and assignments go with it.
	DeleteUser(ctx context.Context, username string) error
	// FindUser finds by username. ErrNotFound if there is no such user.
	FindUser(ctx context.Context, username string) (domain.User, error)
	// FindUserByID finds by database id. ErrNotFound if there is no such user.
	FindUserByID(ctx context.Context, id int64) (domain.User, error)
	// HoldUser is FindUser that keeps others from changing the user until the transaction ends.
	HoldUser(ctx context.Context, username string) (domain.User, error)
	// UsersByEmail returns users that have an e-mail address, with ASCII letters in whatever case, at most limit, enabled ones first.
	UsersByEmail(ctx context.Context, email string, limit int) ([]domain.User, error)
	// ListUsers returns the users that a filter chooses, by username; a page of them.
	ListUsers(ctx context.Context, f domain.UserFilter, p domain.Page) ([]domain.User, error)
}

// Attributes keeps which attributes users may have, and their values.
type Attributes interface {
	// InsertAttribute returns ErrExists if the name is taken.
	InsertAttribute(ctx context.Context, a domain.Attribute) (id int64, err error)
	// UpdateAttribute sets the description. ErrNotFound if there is no such attribute, ErrConflict if a.Version is neither zero nor that
	// of the attribute.
	UpdateAttribute(ctx context.Context, a domain.Attribute) error
	// HoldAttribute is FindAttribute that keeps others from changing the attribute until the transaction ends.
	HoldAttribute(ctx context.Context, name string) (domain.Attribute, error)
	// DeleteAttribute returns ErrNotFound if there is no such attribute. Its values go with it, and each user who has one counts as
	// changed.
	DeleteAttribute(ctx context.Context, name string) error
	// FindAttribute returns ErrNotFound if there is no such attribute.
	FindAttribute(ctx context.Context, name string) (domain.Attribute, error)
	// ListAttributes returns attributes by name; a page of them.
	ListAttributes(ctx context.Context, p domain.Page) ([]domain.Attribute, error)
	// PutUserAttributes sets all attributes of a user. ErrNotFound if there is none of a name.
	PutUserAttributes(ctx context.Context, userID int64, values map[string]any) error
}

// Groups keeps groups.
type Groups interface {
	// InsertGroup returns ErrExists if the name is taken.
	InsertGroup(ctx context.Context, group domain.Group) (id int64, err error)
	// UpdateGroup sets the description. ErrNotFound if there is no such group, ErrConflict if group.Version is neither zero nor
	// that of the group.
	UpdateGroup(ctx context.Context, group domain.Group) error
	// HoldGroup is FindGroup that keeps others from changing the group until the transaction ends.
	HoldGroup(ctx context.Context, name string) (domain.Group, error)
	// DeleteGroups deletes all or none: a domain.ElementError is ErrNotFound of the one that there is not. Each member counts as changed.
	DeleteGroups(ctx context.Context, names []string) error
	// FindGroup returns ErrNotFound if there is no such group.
	FindGroup(ctx context.Context, name string) (domain.Group, error)
	// ListGroups returns the groups that a filter chooses, by name; a page of them.
	ListGroups(ctx context.Context, f domain.GroupFilter, p domain.Page) ([]domain.Group, error)
}

// Members keeps who is in which group.
type Members interface {
	// AddMember adds a user to a group; done before is no error. ErrNotFound names the group or user that does not exist.
	AddMember(ctx context.Context, group, username string) error
	// RemoveMember takes a user out of a group; done before is no error. ErrNotFound names the group or user that does not exist.
	RemoveMember(ctx context.Context, group, username string) error
	// ListMembers returns a group's users by username; a page of them. A group that does not exist has none.
	ListMembers(ctx context.Context, group string, p domain.Page) ([]domain.User, error)
	// UserGroups returns the groups of a user, by database id.
	UserGroups(ctx context.Context, userID int64) ([]domain.Group, error)
}

// Roles keeps roles.
type Roles interface {
	// InsertRole stores the role with its permissions. ErrExists if the name is taken, ErrNotFound if a permission does not exist.
	InsertRole(ctx context.Context, role domain.Role) (id int64, err error)
	// UpdateRole sets the description and the whole list of permissions. ErrNotFound if role or permission do not exist, ErrConflict if
	// role.Version is neither zero nor that of the role.
	UpdateRole(ctx context.Context, role domain.Role) error
	// HoldRole is FindRole that keeps others from changing the role until the transaction ends.
	HoldRole(ctx context.Context, name string) (domain.Role, error)
	// DeleteRoles deletes all or none: a domain.ElementError is ErrNotFound of the one that there is not. Their assignments go with them.
	DeleteRoles(ctx context.Context, names []string) error
	// FindRole finds by name. ErrNotFound if there is no such role.
	FindRole(ctx context.Context, name string) (domain.Role, error)
	// FindRoleByID finds by database id. ErrNotFound if there is no such role.
	FindRoleByID(ctx context.Context, id int64) (domain.Role, error)
	// ListRoles returns the roles that a filter chooses, by name; a page of them.
	ListRoles(ctx context.Context, f domain.RoleFilter, p domain.Page) ([]domain.Role, error)
}

// Sets writes many objects in few statements, with the errors of the methods for one, each a domain.ElementError, and reads many at once.
type Sets interface {
	InsertRoles(ctx context.Context, roles []domain.Role) error
	UpdateRoles(ctx context.Context, roles []domain.Role) error
	InsertGroups(ctx context.Context, groups []domain.Group) error
	AddMembers(ctx context.Context, members []domain.Member) error
	RemoveMembers(ctx context.Context, members []domain.Member) error
	PutAssignments(ctx context.Context, assignments []domain.Assignment) error

	// APIsNamed returns those that there are of some audiences, and the APIs of a set of files, none if that is empty.
	APIsNamed(ctx context.Context, audiences []string, set string) ([]domain.API, error)
	// RolesNamed is the same of roles.
	RolesNamed(ctx context.Context, names []string, set string) ([]domain.Role, error)
}

// Assignments keeps who has which role.
type Assignments interface {
	Tx(ctx context.Context, fn func(ctx context.Context) error) error

	// PutAssignment creates the assignment or sets its expiry; of a only Role, SubjectKind, Subject and the times count. ErrInvalid for
	// an expiry that AdvanceExpired is past.
	// ErrNotFound names the role or subject that does not exist.
	PutAssignment(ctx context.Context, a domain.Assignment) error
	// DeleteAssignments deletes all or none: a domain.ElementError is ErrNotFound of the one that there is not, and names the role or
	// subject if that does not exist. Of each only Role, SubjectKind and Subject count.
	DeleteAssignments(ctx context.Context, assignments []domain.Assignment) error
	// ListAssignments returns a page of the assignments that a filter chooses, by id.
	ListAssignments(ctx context.Context, f domain.AssignmentFilter, p domain.Page) ([]domain.Assignment, error)
	// SubjectAssignments returns all of one subject, by database id, for the effective roles.
	SubjectAssignments(ctx context.Context, kind domain.SubjectKind, id int64) ([]domain.Assignment, error)
	// CountAdministrators counts the enabled users that hold RoleAdministrator at the given time, directly or by a group, as
	// assignments are now, and those of them who have something to sign in with.
	CountAdministrators(ctx context.Context, now time.Time) (all, able int, err error)
	// AdvanceExpired returns at most limit assignments that have expired by now, oldest expiry first, and moves past them: no later call
	// returns them.
	AdvanceExpired(ctx context.Context, now time.Time, limit int) ([]domain.Assignment, error)
}

// Setup keeps the links with which the first administrator is made, and that it was.
type Setup interface {
	// PutSetupLink stores the hash of a first administrator's link.
	PutSetupLink(ctx context.Context, hash []byte, now, expires time.Time) error
	// FindSetupLink returns ErrNotFound if there is no such link, it has expired, or the setup is done.
	FindSetupLink(ctx context.Context, hash []byte, now time.Time) error
	// CompleteSetup marks the setup as done, once for the installation, and drops all links.
	// ErrConsumed if it was done before, ErrNotFound if there is no such link or it has expired.
	CompleteSetup(ctx context.Context, hash []byte, now time.Time) error
}

// Sessions keeps browser sessions, and links that open an account as they do.
type Sessions interface {
	// EndUserSessions ends all sessions of a user.
	EndUserSessions(ctx context.Context, userID int64, now time.Time) error
	// DeletePasswordLink lets the link with which a user sets a password, if there is one, open nothing any more.
	DeletePasswordLink(ctx context.Context, userID int64) error
}

// Revoker takes tokens back (internal/revocation).
type Revoker interface {
	// Begin stores a revocation in the transaction that ctx carries; it holds once that is committed.
	Begin(ctx context.Context, r domain.Revocation) (domain.Revocation, error)
}
