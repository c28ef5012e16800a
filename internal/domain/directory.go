package domain

import (
	"slices"
	"strconv"
	"time"
)

// User is a person who signs in. Subject is the stable, opaque "sub" of tokens (OpenID Connect Core §2).
type User struct {
	ID             int64
	Subject        string
	Username       string
	Email          string
	EmailVerified  bool
	Name           string
	Attributes     map[string]any // by name, each of the Go type of its AttributeType; nil: none
	DisabledAt     time.Time      // zero: enabled
	DisabledReason string         // empty: none was given
	Version        int64          // 1 at first; each update adds one
	CreatedAt      time.Time
	UpdatedAt      time.Time
}

// Group is a set of users that roles can be assigned to.
type Group struct {
	ID          int64
	Name        string
	Description string
	ManagedBy   string // the set of files that it comes from; empty: none
	Version     int64  // 1 at first; each update adds one
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Member is a user in a group.
type Member struct{ Group, Username string }

// Role is a named set of permissions of APIs.
type Role struct {
	ID          int64
	Name        string
	Description string
	Permissions []RolePermission
	ManagedBy   string // the set of files that it comes from; empty: none
	Version     int64  // 1 at first; each update adds one
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// RolePermission is one permission that a role gives.
type RolePermission struct {
	Audience   string
	Permission string
}

// SubjectKind says what a role is assigned to.
type SubjectKind string

// The kinds of subject that a role can be assigned to.
const (
	SubjectUser   SubjectKind = "user"
	SubjectGroup  SubjectKind = "group"
	SubjectClient SubjectKind = "client"
)

// Assignment gives a role to a user, a group or a client.
type Assignment struct {
	ID          int64
	RoleID      int64
	Role        string // the role's name
	SubjectKind SubjectKind
	SubjectID   int64
	Subject     string    // username, group name or client_id
	ExpiresAt   time.Time // zero: until removed
	ManagedBy   string    // the set of files that it comes from; empty: none
	CreatedAt   time.Time
}

// Place is the assignment's in lists, for Page.
func (a Assignment) Place() string { return strconv.FormatInt(a.ID, 10) }

// SubjectPlace is its place among those of its kind of subject by the names of subject and role, neither of which has a NUL.
func (a Assignment) SubjectPlace() string { return a.Subject + "\x00" + a.Role }

// AssignmentFilter chooses assignments; what is empty stands for any.
type AssignmentFilter struct {
	Role        string
	SubjectKind SubjectKind
	Subject     string // of the kind
	Audience    string // of an API at which the role gives permissions
	Permission  string // that the role gives, at that API or any
}

// Active says whether the assignment counts at the given time.
func (a Assignment) Active(now time.Time) bool {
	return a.ExpiresAt.IsZero() || now.Before(a.ExpiresAt)
}

// The built-in roles of those who manage Signet itself.
const (
	RoleAdministrator = "administrator" // may do everything
	RoleOperator      = "operator"      // may read everything, take access back and keep Signet running
	RoleAuditor       = "auditor"       // may read everything
)

// BuiltInRoles are all of them.
var BuiltInRoles = []string{RoleAdministrator, RoleAuditor, RoleOperator}

// BuiltIn says whether the role is one of BuiltInRoles.
func (r Role) BuiltIn() bool { return slices.Contains(BuiltInRoles, r.Name) }
