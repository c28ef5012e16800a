package event

import "github.com/signet-auth/signet/internal/domain"

// UserDetails is what a user's events say.
type UserDetails struct {
	Attributes    map[string]any `json:"attributes,omitempty"` // those that were changed; null: removed
	Email         string         `json:"email"`
	EmailVerified bool           `json:"email_verified"`
	Name          string         `json:"name"`
}

// UserCreated says: a user was made.
type UserCreated struct {
	Username string `json:"-"`
	UserDetails
}

// Kind implements Event.
func (UserCreated) Kind() string { return "user.create" }

// Object implements Event.
func (e UserCreated) Object() string { return "user:" + e.Username }

// UserUpdated says: the name, the email, whether it is verified, or attributes were set.
type UserUpdated struct {
	Username string `json:"-"`
	UserDetails
	Subject string `json:"sub"`
}

// Kind implements Event.
func (UserUpdated) Kind() string { return "user.update" }

// Object implements Event.
func (e UserUpdated) Object() string { return "user:" + e.Username }

// UserPasswordSet says: a password was set; the user's sessions, grants and tokens ended.
type UserPasswordSet struct {
	Username string `json:"-"`
	Subject  string `json:"sub"`
	UserID   int64  `json:"-"`
	First    bool   `json:"-"`             // the user had none
	Via      string `json:"via,omitempty"` // how the user did it: "link", with a link, or "account", signed in; empty: somebody else did
}

// Kind implements Event.
func (UserPasswordSet) Kind() string { return "user.set_password" }

// Object implements Event.
func (e UserPasswordSet) Object() string { return "user:" + e.Username }

// Signals implements ForServices.
func (e UserPasswordSet) Signals() []domain.SecurityEvent {
	const reason = "The user's password was set anew."
	user, change := aboutUser(e.UserID, e.Subject, e.Username), credentialUpdated
	if e.First {
		change = credentialCreated
	}
	return append(revoked(reason, user), credentialChanged(domain.CredentialPassword, change, reason, user))
}

// UserPasswordRehashed says: the hash of a password was replaced by one of today's cost, at a sign-in.
type UserPasswordRehashed struct {
	Username string `json:"-"`
	Subject  string `json:"sub"`
}

// Kind implements Event.
func (UserPasswordRehashed) Kind() string { return "user.rehash_password" }

// Object implements Event.
func (e UserPasswordRehashed) Object() string { return "user:" + e.Username }

// UserDisabled says: a user was disabled; the user's sessions, grants and tokens ended.
type UserDisabled struct {
	Username string `json:"-"`
	Reason   string `json:"reason,omitempty"`
	Subject  string `json:"sub"`
	UserID   int64  `json:"-"`
}

// Kind implements Event.
func (UserDisabled) Kind() string { return "user.disable" }

// Object implements Event.
func (e UserDisabled) Object() string { return "user:" + e.Username }

// Signals implements ForServices.
func (e UserDisabled) Signals() []domain.SecurityEvent {
	const reason = "The user was disabled."
	user := aboutUser(e.UserID, e.Subject, e.Username)
	return append(revoked(reason, user), account(domain.EventAccountDisabled, reason, user))
}

// UserEnabled says: a user was enabled again.
type UserEnabled struct {
	Username string `json:"-"`
	Subject  string `json:"sub"`
	UserID   int64  `json:"-"`
}

// Kind implements Event.
func (UserEnabled) Kind() string { return "user.enable" }

// Object implements Event.
func (e UserEnabled) Object() string { return "user:" + e.Username }

// Signals implements ForServices.
func (e UserEnabled) Signals() []domain.SecurityEvent {
	user := aboutUser(e.UserID, e.Subject, e.Username)
	return []domain.SecurityEvent{account(domain.EventAccountEnabled, "The user was enabled again.", user)}
}

// UserDeleted says: a user was deleted; the user's sessions, grants and tokens ended.
type UserDeleted struct {
	Username string `json:"-"`
	Subject  string `json:"sub"`
	UserID   int64  `json:"-"`
}

// Kind implements Event.
func (UserDeleted) Kind() string { return "user.delete" }

// Object implements Event.
func (e UserDeleted) Object() string { return "user:" + e.Username }

// Signals implements ForServices.
func (e UserDeleted) Signals() []domain.SecurityEvent {
	const reason = "The user was deleted."
	user := aboutUser(e.UserID, e.Subject, e.Username)
	return append(revoked(reason, user), account(domain.EventAccountPurged, reason, user))
}

// GroupCreated says: a group was made.
type GroupCreated struct {
	Group string `json:"-"`
}

// Kind implements Event.
func (GroupCreated) Kind() string { return "group.create" }

// Object implements Event.
func (e GroupCreated) Object() string { return "group:" + e.Group }

// GroupUpdated says: the description of a group was set.
type GroupUpdated struct {
	Group       string `json:"-"`
	Description string `json:"description"`
}

// Kind implements Event.
func (GroupUpdated) Kind() string { return "group.update" }

// Object implements Event.
func (e GroupUpdated) Object() string { return "group:" + e.Group }

// GroupDeleted says: a group was deleted. Record it before the deletion, which takes the members away that services hear of.
type GroupDeleted struct {
	Group string `json:"-"`
}

// Kind implements Event.
func (GroupDeleted) Kind() string { return "group.delete" }

// Object implements Event.
func (e GroupDeleted) Object() string { return "group:" + e.Group }

// Signals implements ForServices.
func (e GroupDeleted) Signals() []domain.SecurityEvent {
	return changed("A group was deleted.", domain.Concerned{Kind: domain.ConcernsMembers, Name: e.Group})
}

// MemberAdded says: a user was put into a group.
type MemberAdded struct {
	Group string `json:"-"`
	User  string `json:"user"`
}

// Kind implements Event.
func (MemberAdded) Kind() string { return "group.add_member" }

// Object implements Event.
func (e MemberAdded) Object() string { return "group:" + e.Group }

// Signals implements ForServices.
func (e MemberAdded) Signals() []domain.SecurityEvent {
	return changed("The user was put into a group.", aboutUser(0, "", e.User))
}

// MemberRemoved says: a user was taken out of a group.
type MemberRemoved struct {
	Group string `json:"-"`
	User  string `json:"user"`
}

// Kind implements Event.
func (MemberRemoved) Kind() string { return "group.remove_member" }

// Object implements Event.
func (e MemberRemoved) Object() string { return "group:" + e.Group }

// Signals implements ForServices.
func (e MemberRemoved) Signals() []domain.SecurityEvent {
	return changed("The user was taken out of a group.", aboutUser(0, "", e.User))
}

// RoleCreated says: a role was made; permissions are "audience#permission".
type RoleCreated struct {
	Role        string   `json:"-"`
	Permissions []string `json:"permissions"`
}

// Kind implements Event.
func (RoleCreated) Kind() string { return "role.create" }

// Object implements Event.
func (e RoleCreated) Object() string { return "role:" + e.Role }

// RoleUpdated says: a role was changed; permissions are "audience#permission".
type RoleUpdated struct {
	Role        string   `json:"-"`
	Permissions []string `json:"permissions"`
}

// Kind implements Event.
func (RoleUpdated) Kind() string { return "role.update" }

// Object implements Event.
func (e RoleUpdated) Object() string { return "role:" + e.Role }

// Signals implements ForServices.
func (e RoleUpdated) Signals() []domain.SecurityEvent {
	return changed("A role was changed.", domain.Concerned{Kind: domain.ConcernsHolders, Name: e.Role})
}

// RoleDeleted says: a role was deleted. Record it before the deletion, which takes the assignments away that services hear of.
type RoleDeleted struct {
	Role string `json:"-"`
}

// Kind implements Event.
func (RoleDeleted) Kind() string { return "role.delete" }

// Object implements Event.
func (e RoleDeleted) Object() string { return "role:" + e.Role }

// Signals implements ForServices.
func (e RoleDeleted) Signals() []domain.SecurityEvent {
	return changed("A role was deleted.", domain.Concerned{Kind: domain.ConcernsHolders, Name: e.Role})
}

// RoleAssigned says: a role was assigned to a subject, until a time (RFC 3339) if there is one.
type RoleAssigned struct {
	Role      string `json:"-"`
	ExpiresAt string `json:"expires_at,omitempty"`
	Subject   string `json:"subject"`
}

// Kind implements Event.
func (RoleAssigned) Kind() string { return "role.assign" }

// Object implements Event.
func (e RoleAssigned) Object() string { return "role:" + e.Role }

// Signals implements ForServices.
func (e RoleAssigned) Signals() []domain.SecurityEvent {
	return changed("A role was assigned.", aboutSubject(e.Subject)...)
}

// RoleUnassigned says: a role was taken from a subject.
type RoleUnassigned struct {
	Role    string `json:"-"`
	Subject string `json:"subject"`
}

// Kind implements Event.
func (RoleUnassigned) Kind() string { return "role.unassign" }

// Object implements Event.
func (e RoleUnassigned) Object() string { return "role:" + e.Role }

// Signals implements ForServices.
func (e RoleUnassigned) Signals() []domain.SecurityEvent {
	return changed("A role was taken away.", aboutSubject(e.Subject)...)
}

// AssignmentExpired says: the time until which a role was assigned to a subject has come (RFC 3339).
type AssignmentExpired struct {
	Role      string `json:"-"`
	ExpiresAt string `json:"expires_at"`
	Subject   string `json:"subject"`
	TooMany   bool   `json:"-"` // whom it concerns are too many to be named
}

// Kind implements Event.
func (AssignmentExpired) Kind() string { return "role.expire" }

// Object implements Event.
func (e AssignmentExpired) Object() string { return "role:" + e.Role }

// Signals implements ForServices.
func (e AssignmentExpired) Signals() []domain.SecurityEvent {
	about := aboutSubject(e.Subject)
	if e.TooMany {
		about = []domain.Concerned{{Kind: domain.ConcernsServed}}
	}
	return changed("The assignment of a role expired.", about...)
}

// SetupLinkMade says: a link with which the first administrator is made.
type SetupLinkMade struct{}

// Kind implements Event.
func (SetupLinkMade) Kind() string { return "setup.link" }

// Object implements Event.
func (SetupLinkMade) Object() string { return "setup" }

// SetupCompleted says: the first administrator was made.
type SetupCompleted struct {
	Username string `json:"-"`
	UserDetails
}

// Kind implements Event.
func (SetupCompleted) Kind() string { return "setup.complete" }

// Object implements Event.
func (e SetupCompleted) Object() string { return "user:" + e.Username }
