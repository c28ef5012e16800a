package domain

import "time"

// CredentialKind says what a credential is.
type CredentialKind string

// CredentialPassword is a password, of which a user has at most one. Its data is the argon2id hash in PHC form.
const CredentialPassword CredentialKind = "password"

// Credential is what a user proves who they are with.
type Credential struct {
	ID         int64
	UserID     int64
	Kind       CredentialKind
	Data       string // of the kind
	CreatedAt  time.Time
	UpdatedAt  time.Time
	LastUsedAt time.Time // to the hour; zero: not yet
}
