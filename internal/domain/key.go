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

// KeyState is the state of a signing key: next → active → retired, or revoked.
type KeyState string

// The states of a signing key.
const (
	KeyNext    KeyState = "next"    // published, not yet signing
	KeyActive  KeyState = "active"  // published and signing
	KeyRetired KeyState = "retired" // published until its last token has expired
	KeyRevoked KeyState = "revoked" // not published, its tokens are inactive
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
