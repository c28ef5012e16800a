package event

import "github.com/signet-auth/signet/internal/domain"

// KeyRotated says: the active key of an algorithm was replaced by the next.
type KeyRotated struct {
	Alg string `json:"-"`
}

// Kind implements Event.
func (KeyRotated) Kind() string { return "key.rotate" }

// Object implements Event.
func (e KeyRotated) Object() string { return "alg:" + e.Alg }

// KeyRevoked says: a signing key was revoked, and with it every token that it signed.
type KeyRevoked struct {
	KeyID string `json:"-"`
}

// Kind implements Event.
func (KeyRevoked) Kind() string { return "key.revoke" }

// Object implements Event.
func (e KeyRevoked) Object() string { return "key:" + e.KeyID }

// Signals implements ForServices.
func (e KeyRevoked) Signals() []domain.SecurityEvent {
	return revoked("A signing key was revoked, and all tokens that it signed.", domain.Concerned{Kind: domain.ConcernsKey, Name: e.KeyID})
}
