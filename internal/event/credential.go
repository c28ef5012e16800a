package event

import "github.com/signet-auth/signet/internal/domain"

// CredentialRemoved says: a credential of a user was removed, by kind; the user's sessions, grants and tokens ended.
type CredentialRemoved struct {
	Username   string                `json:"-"`
	Credential domain.CredentialKind `json:"credential"`
	Subject    string                `json:"sub"`
	UserID     int64                 `json:"-"`
}

// Kind implements Event.
func (CredentialRemoved) Kind() string { return "credential.remove" }

// Object implements Event.
func (e CredentialRemoved) Object() string { return "user:" + e.Username }

// Signal implements ForServices.
func (e CredentialRemoved) Signal() domain.SecurityEvent {
	return revoked("A credential of the user was removed.", aboutUser(e.UserID, e.Subject, e.Username))
}
