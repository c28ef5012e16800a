package domain

import "time"

// RevocationKind says what a revocation takes the tokens of.
type RevocationKind string

// The handles by which many tokens are revoked at once.
const (
	RevokeOfUser   RevocationKind = "user"
	RevokeOfClient RevocationKind = "client"
	RevokeOfAPI    RevocationKind = "api"
	RevokeOfKey    RevocationKind = "key"
	RevokeOfGrant  RevocationKind = "grant"
	RevokeOfAll    RevocationKind = "all"
)

// Revocation takes back every token of a user, client, API, key or grant, or all, that was written before Revision. Unless it is
// limited to tokens issued before a time, one of a user or client ends their grants too. It holds from the moment it is stored;
// the rows of the tokens and grants are marked afterwards, step by step.
type Revocation struct {
	ID           int64
	Kind         RevocationKind
	TargetID     int64     // the database id of the user, client, API, key or grant; zero for all
	UserID       int64     // the user of a grant, else zero
	Revision     int64     // set by the store
	IssuedBefore time.Time // zero: whenever issued
	CreatedAt    time.Time
	Cursor       TokenID // rows up to this one are marked
	Marked       int64   // tokens that it found alive
	Ended        int64   // grants
	DoneAt       time.Time
}

// Covers says whether the revocation takes a token back.
func (r Revocation) Covers(t IssuedToken) bool {
	if t.Revision >= r.Revision || !r.IssuedBefore.IsZero() && !t.ID.Time().Before(r.IssuedBefore) {
		return false
	}
	switch r.Kind {
	case RevokeOfUser:
		return t.UserID == r.TargetID
	case RevokeOfClient:
		return t.ClientID == r.TargetID
	case RevokeOfAPI:
		return t.APIID == r.TargetID
	case RevokeOfKey:
		return t.KeyID == r.TargetID
	case RevokeOfGrant:
		return t.GrantID == r.TargetID
	case RevokeOfAll:
		return true
	}
	return true // in doubt the token is dead
}
