package domain

import "time"

// Signing algorithms (RFC 7518 §3.1, RFC 8037 §3.1).
const (
	ES256 = "ES256"
	RS256 = "RS256"
	EdDSA = "EdDSA"
)

// SigningAlgs are the algorithms that Signet signs with, the default first.
var SigningAlgs = []string{ES256, RS256, EdDSA}

// KeyState is where a signing key stands in its life: next → active → retired, or revoked.
type KeyState string

// The states of a signing key.
const (
	KeyNext    KeyState = "next"    // published, not yet signing
	KeyActive  KeyState = "active"  // published and signing
	KeyRetired KeyState = "retired" // published until its last token has expired
	KeyRevoked KeyState = "revoked" // not published, all it signed is dead
)

// SigningKey is a key pair, its private half sealed with the master key.
type SigningKey struct {
	ID          int64
	KID         string
	Alg         string
	State       KeyState
	PublicJWK   []byte
	SealedKey   []byte // AES-256-GCM over PKCS #8
	CreatedAt   time.Time
	ActivatedAt time.Time
	RetiredAt   time.Time
	RevokedAt   time.Time
}
