package domain

import (
	"slices"
	"time"
)

// RevocationKind is the kind of object whose tokens a revocation revokes.
type RevocationKind string

// The selectors by which many tokens are revoked at once.
const (
	RevokeOfUser   RevocationKind = "user"
	RevokeOfClient RevocationKind = "client"
	RevokeOfAPI    RevocationKind = "api"
	RevokeOfKey    RevocationKind = "key"
	RevokeOfGrant  RevocationKind = "grant"
	RevokeOfRole   RevocationKind = "role"  // of those that carry what a role does not give their holders any more
	RevokeOfGroup  RevocationKind = "group" // of those that carry what came with a group, and does not any more
	RevokeOfAll    RevocationKind = "all"

	RevokeByCriteria RevocationKind = "criteria" // of those that meet several criteria
)

// ByClaims reports whether a revocation of this kind revokes tokens by what they carry.
func (k RevocationKind) ByClaims() bool { return k == RevokeOfRole || k == RevokeOfGroup }

// Revocation revokes every token of a user, client, API, key or grant, or all, that was written before Revision, and ends their
// grants, see EndsGrants. It is in force as soon as it is stored; the rows of the tokens and grants are updated afterwards, step by step.
type Revocation struct {
	ID           int64
	Kind         RevocationKind
	TargetID     int64     // the database id of the user, client, API, key, grant, role or group; zero for all and for criteria
	UserID       int64     // the user of a grant, else zero
	Audience     string    // the API's, set by the store; else empty
	Name         string    // of the target when it began, set by the store; empty if it has none
	KeepGrants   bool      // grants do not end with their tokens
	Revision     int64     // set by the store
	IssuedBefore time.Time // zero: whenever issued
	CreatedAt    time.Time
	Cursor       TokenID        // rows up to this one are updated
	Marked       int64          // live tokens that it revoked
	Ended        int64          // grants that it ended
	Lost         []LostAccess   // for a role or group: what a token has to carry
	Part         int            // of Lost, see LostPlace: rows before it are updated
	Criteria     *TokenCriteria // of several criteria
	DoneAt       time.Time
}

// EndsGrants reports whether the revocation ends grants, so that no refresh token makes new tokens: that of a user, client, API or all
// does, and one of several of these, unless it is limited to tokens issued before a time or keeps them.
func (r Revocation) EndsGrants() bool {
	switch r.Kind {
	case RevokeOfUser, RevokeOfClient, RevokeOfAPI, RevokeOfAll:
		return !r.KeepGrants && r.IssuedBefore.IsZero()
	case RevokeByCriteria:
		return !r.KeepGrants && r.IssuedBefore.IsZero() && r.Criteria.OfGrants()
	}
	return false
}

// Covers reports whether the revocation revokes a token, whatever that says. One of a role or group does not: see CoversClaims.
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
	case RevokeOfRole, RevokeOfGroup:
		return false
	case RevokeByCriteria:
		return r.Criteria.Met(t)
	case RevokeOfAll:
		return true
	}
	return true // an unknown kind revokes
}

// CoversClaims reports whether the revocation revokes an access token with these claims.
func (r Revocation) CoversClaims(t IssuedToken, entitlements, roles, groups []string) bool {
	if !r.Kind.ByClaims() {
		return r.Covers(t)
	}
	if t.Revision >= r.Revision {
		return false
	}
	return slices.ContainsFunc(r.Lost, func(l LostAccess) bool { return l.Carried(t, entitlements, roles, groups) })
}
