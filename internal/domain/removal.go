package domain

import (
	"fmt"
	"slices"
)

// Removal is access that a change takes away: permissions that a role gives no more, or the role itself, from all who hold it or from
// one user, group or client.
type Removal struct {
	RoleID      int64
	Role        string           // its name
	Permissions []RolePermission // those that are taken away
	Held        bool             // the role is not held any more: it is deleted or unassigned
	SubjectKind SubjectKind      // empty: from all who hold it
	SubjectID   int64
}

// Holders says how many users, groups and clients hold a role now. A user counts once, whether by an assignment or by groups.
type Holders struct {
	Users, Groups, Clients int
	More                   bool // there are more than are counted
}

// LostAccess is what some users and clients lose at one API: what a role gave them that no other assignment gives them.
type LostAccess struct {
	APIID       int64
	Audience    string
	Permissions []string
	Role        string  // that access tokens for the API do not name any more; empty: none
	Users       []int64 // database ids, in order
	Clients     []int64 // database ids, in order; for themselves, not for users
}

// Carried says whether an access token with these claims carries what its holder loses.
func (l *LostAccess) Carried(t IssuedToken, entitlements, roles []string) bool {
	holders, holder := l.Users, t.UserID
	if holder == 0 {
		holders, holder = l.Clients, t.ClientID
	}
	if t.APIID != l.APIID {
		return false
	}
	if _, holds := slices.BinarySearch(holders, holder); !holds {
		return false
	}
	return l.Role != "" && slices.Contains(roles, l.Role) ||
		slices.ContainsFunc(entitlements, func(permission string) bool { return slices.Contains(l.Permissions, permission) })
}

// LostPlace is a place among the tokens that carry lost access; zero is the first.
type LostPlace struct {
	Part   int     // of a list of LostAccess: the users of its elements, and each of their clients, count one
	Cursor TokenID // there: among the users, an id in its first eight bytes; of a client, a token
}

// ErrTooManyHolders says that too many users, groups or clients hold a role for just their tokens to be revoked. It is an ErrInvalid.
var ErrTooManyHolders = fmt.Errorf("%w revocation: too many hold the role for exactly their tokens to be revoked; make the change alone, then revoke all tokens for the APIs", ErrInvalid)
