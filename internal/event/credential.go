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

// Signals implements ForServices.
func (e CredentialRemoved) Signals() []domain.SecurityEvent {
	const reason = "A credential of the user was removed."
	user := aboutUser(e.UserID, e.Subject, e.Username)
	return append(revoked(reason, user), credentialChanged(e.Credential, credentialDeleted, reason, user))
}
