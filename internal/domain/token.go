package domain

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"time"
)

// Grant is one authorization that a user gave a client: the family that its codes, refresh and access tokens belong to.
type Grant struct {
	ID              int64
	ClientID        int64
	UserID          int64
	SessionID       int64      // the browser session it was given in, zero: none
	SID             string     // its name (Session.SID)
	EndsWithSession bool       // its codes and refresh tokens do
	APIs            []GrantAPI // in the order in which they were asked for
	Claims          SingleClaims
	AuthTime        time.Time
	ACR             string
	AMR             []string
	CreatedAt       time.Time
	ExpiresAt       time.Time // the absolute end of the family
	RevokedAt       time.Time
	// Act is the id of what the user did for this very grant, signing in or consenting; it serves one grant. Nil: nothing was needed.
	Act []byte
}

// GrantAPI is an API that a grant covers: each access token is for one (RFC 8707 §2.2).
type GrantAPI struct {
	Audience  string    // the issuer stands for Signet itself (userinfo)
	Scopes    []string  // that its access tokens may have, those included that belong to no API
	RevokedAt time.Time // zero: the grant covers it
}

// At is what the grant covers of an API, nil if it does not cover it.
func (g *Grant) At(audience string) *GrantAPI {
	for i, api := range g.APIs {
		if api.RevokedAt.IsZero() && SameAudience(api.Audience, audience) {
			return &g.APIs[i]
		}
	}
	return nil
}

// Scopes are all that is granted, or asked for, at any of several APIs, each once.
func Scopes(apis []GrantAPI) (all []string) {
	for _, api := range apis {
		for _, scope := range api.Scopes {
			if !slices.Contains(all, scope) {
				all = append(all, scope)
			}
		}
	}
	return all
}

// AuthorizationCode is a code as stored: by signature, never by value (RFC 6749 §4.1.2).
type AuthorizationCode struct {
	Signature string
	GrantID   int64
	Form      []byte // the sanitized authorization request, JSON of url.Values
	CreatedAt time.Time
	ExpiresAt time.Time
	UsedAt    time.Time
}

// RefreshToken is a refresh token as stored: by signature, never by value (RFC 6749 §1.5).
type RefreshToken struct {
	Signature string
	GrantID   int64
	CreatedAt time.Time
	ExpiresAt time.Time // the idle limit, never past the grant's
	UsedAt    time.Time
}

// TokenID is the binary form of a jti: 48 bits of milliseconds, then 80 random bits,
// so that a database index over them grows at one end.
type TokenID [16]byte

// String is the jti of the token: 22 characters of base64url.
func (id TokenID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// Time is when the id was made, to the millisecond, by the clock of that replica.
func (id TokenID) Time() time.Time {
	var ms [8]byte
	copy(ms[2:], id[:6])
	return time.UnixMilli(int64(binary.BigEndian.Uint64(ms[:]))).UTC()
}

// FirstTokenID is the smallest id that can be made at a time or later; there is none from before 1970.
func FirstTokenID(at time.Time) (id TokenID) {
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(max(0, at.Add(time.Millisecond-1).UnixMilli())))
	copy(id[:6], ms[2:])
	return id
}

// ParseTokenID reads a jti. ErrInvalid if Signet makes no such jti, or for zero, which means any token in a filter.
func ParseTokenID(s string) (TokenID, error) {
	var id TokenID
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) != len(id) {
		return id, ErrInvalid
	}
	if copy(id[:], b); id == (TokenID{}) {
		return id, ErrInvalid
	}
	return id, nil
}

// TokenIDsOf are the first and the last id whose jti begins with a text; ok is false if none does.
func TokenIDsOf(begin string) (first, last TokenID, ok bool) {
	const digits = 22
	if len(begin) == digits {
		id, err := ParseTokenID(begin)
		return id, id, err == nil
	}
	for id, digit := range map[*TokenID]string{&first: "A", &last: "_"} { // the least and the greatest
		b, err := base64.RawURLEncoding.DecodeString(begin + strings.Repeat(digit, max(0, digits-len(begin))))
		if err != nil || copy(id[:], b) < len(id) || len(b) > len(id) {
			return first, last, false
		}
	}
	return first, last, true
}

// TokenKind is the kind of a token in the index.
type TokenKind int16

// The kinds of token in the index.
const (
	TokenAccess   TokenKind = 1
	TokenIdentity TokenKind = 2
)

// MaxTokenSize is the size in bytes of the largest access token that any setting lets Signet mint. Whatever reads tokens takes them up
// to this size, so that one which was issued under another setting is understood and can be revoked.
const MaxTokenSize = 32 << 10

// IssuedToken is a row of the index of issued tokens.
type IssuedToken struct {
	ID        TokenID
	Kind      TokenKind
	KeyID     int64
	ClientID  int64
	UserID    int64 // zero: the subject is the client itself
	GrantID   int64 // zero: issued without a grant (client credentials)
	APIID     int64 // zero: the audience is Signet's own (userinfo), or for an ID token the client
	ExpiresAt time.Time

	Digest TokenDigest // of the token as it was answered
	Status StatusRef   // zero: in no status list (ID tokens)

	Revision    int64 // at which it was written; set by the store
	RevokedAt   time.Time
	SuspendedAt time.Time
}

// IssuedAt is the token's iat.
func (t *IssuedToken) IssuedAt() time.Time { return t.ID.Time().Truncate(time.Second) }

// Ref locates the token in the index.
func (t *IssuedToken) Ref() TokenRef { return TokenRef{ID: t.ID, ExpiresAt: t.ExpiresAt} }

// TokenState is the state of a token in the index.
type TokenState string

// The states of a token. Revoked and expired are final; a token that is both counts as revoked.
const (
	TokenLive      TokenState = "live"
	TokenSuspended TokenState = "suspended"
	TokenExpired   TokenState = "expired"
	TokenRevoked   TokenState = "revoked"
)

// TokenStates are all states.
var TokenStates = []TokenState{TokenLive, TokenSuspended, TokenExpired, TokenRevoked}

// State is the token's state at a time, by its row alone; a pending revocation may cover it (Revocation.Covers).
func (t *IssuedToken) State(now time.Time) TokenState {
	switch {
	case !t.RevokedAt.IsZero():
		return TokenRevoked
	case !now.Before(t.ExpiresAt):
		return TokenExpired
	case !t.SuspendedAt.IsZero():
		return TokenSuspended
	default:
		return TokenLive
	}
}

// TokenDigest is the first half of SHA-256 over a token: a presented token with this digest is the token that was issued.
type TokenDigest [16]byte

// TokenRef finds a token in the index; the expiry keeps the search inside one partition.
type TokenRef struct {
	ID        TokenID
	ExpiresAt time.Time
}

// TokenFilter chooses tokens of the index; zero fields choose all. Before, After and Limit page through them, newest first.
type TokenFilter struct {
	ClientID     int64
	UserID       int64
	GrantID      int64 // quick with UserID: there is no database index of grants, nor of keys
	APIID        int64
	KeyID        int64
	RoleID       int64      // of who holds it at Now, by themselves or by a group
	State        TokenState // at Now
	Now          time.Time
	JTI          string    // what it begins with
	IssuedSince  time.Time // then or later
	IssuedBefore time.Time
	Before       TokenID // page: the largest ids that are smaller than this
	After        TokenID // page: the smallest ids that are larger than this
	Limit        int
}

// TokenEntry is a token of the index with the names of its client, user, API and key.
type TokenEntry struct {
	IssuedToken
	Client   string // client_id
	Username string // empty: the subject is the client
	Subject  string // sub
	Audience string
	KeyName  string // kid
}
