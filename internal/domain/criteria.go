package domain

import (
	"slices"
	"time"
)

// TokenCriteria are what tokens have to meet, all of it, to be revoked by a revocation of several criteria; zero fields are met by all.
type TokenCriteria struct {
	UserID      int64
	ClientID    int64
	APIID       int64
	KeyID       int64
	GrantID     int64
	Role        string    // the name of a role, which its holders had when it began; empty: whoever holds what
	Users       []int64   // those holders: database ids, in order
	Clients     []int64   // the same; for themselves, not for users
	Suspended   bool      // those that are suspended alone
	IssuedSince time.Time // then or later

	User, Client, API, KID string // the names when it began
}

// Met reports whether a token meets the criteria.
func (c *TokenCriteria) Met(t IssuedToken) bool {
	for _, owner := range [][2]int64{{c.UserID, t.UserID}, {c.ClientID, t.ClientID}, {c.APIID, t.APIID}, {c.KeyID, t.KeyID}, {c.GrantID, t.GrantID}} {
		if owner[0] != 0 && owner[0] != owner[1] {
			return false
		}
	}
	return (c.Role == "" || c.held(t)) && (!c.Suspended || !t.SuspendedAt.IsZero()) &&
		(c.IssuedSince.IsZero() || !t.ID.Time().Before(c.IssuedSince))
}

func (c *TokenCriteria) held(t IssuedToken) bool {
	holders, holder := c.Users, t.UserID
	if holder == 0 {
		holders, holder = c.Clients, t.ClientID
	}
	_, held := slices.BinarySearch(holders, holder)
	return held
}

// OfGrants reports whether grants can meet the criteria, which then end with their tokens.
func (c *TokenCriteria) OfGrants() bool {
	return c.KeyID == 0 && c.GrantID == 0 && c.Role == "" && !c.Suspended && c.IssuedSince.IsZero()
}

// MetBy reports whether a grant meets the criteria; audience is that of the API, if that is one.
func (c *TokenCriteria) MetBy(g Grant, audience string) bool {
	return c.OfGrants() && (c.UserID == 0 || c.UserID == g.UserID) && (c.ClientID == 0 || c.ClientID == g.ClientID) &&
		(c.APIID == 0 || slices.ContainsFunc(g.APIs, func(api GrantAPI) bool { return api.Audience == audience }))
}

// ErrTooManyOfRole says that too many hold a role for a revocation to name it. It is an ErrInvalid.
var ErrTooManyOfRole = Invalid("role", RuleTooMany, "revocation: more than 50,000 users or clients hold the role; name an API or a key instead")
