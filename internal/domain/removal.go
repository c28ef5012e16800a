package domain

import (
	"slices"
	"time"
)

// Removal is access that a change takes away: permissions that a role gives no more, the role itself from all who hold it or from one
// user, group or client, or all that comes with a group from its members or one of them. It is of a role or of a group.
type Removal struct {
	RoleID      int64
	Role        string // its name
	GroupID     int64
	Group       string           // its name
	Permissions []RolePermission // of a role: those that are taken away; all, if it is not held any more
	Held        bool             // the role, or what comes with the group, is not held any more
	SubjectKind SubjectKind      // empty: from all who hold it. Of a group it is a user
	SubjectID   int64
	After       time.Time // when the assignment is to end; zero: at once
}

// Of is the kind of the revocation of what a change takes away, with the database id and the name of its role or group.
func (r Removal) Of() (kind RevocationKind, id int64, name string) {
	if r.GroupID != 0 {
		return RevokeOfGroup, r.GroupID, r.Group
	}
	return RevokeOfRole, r.RoleID, r.Role
}

// Holders says how many users, groups and clients hold a role now. A user counts once, whether by an assignment or by groups.
type Holders struct {
	Users, Groups, Clients int
	More                   bool // there are more than are counted
}

// LostAccess is what some users and clients lose at one API: what a role or group gave them that no other assignment gives them.
type LostAccess struct {
	APIID       int64
	Audience    string
	Permissions []string
	Roles       []string  // that access tokens for the API do not name any more
	Groups      []string  // the same, as these tokens name groups
	Users       []int64   // database ids, in order
	Clients     []int64   // database ids, in order; for themselves, not for users
	After       time.Time // tokens that expire until then are not concerned; zero: all are
}

// Carried says whether an access token with these claims carries what its holder loses.
func (l *LostAccess) Carried(t IssuedToken, entitlements, roles, groups []string) bool {
	holders, holder := l.Users, t.UserID
	if holder == 0 {
		holders, holder = l.Clients, t.ClientID
	}
	if t.APIID != l.APIID || !t.ExpiresAt.After(l.After) {
		return false
	}
	if _, holds := slices.BinarySearch(holders, holder); !holds {
		return false
	}
	return carriesAny(entitlements, l.Permissions) || carriesAny(roles, l.Roles) || carriesAny(groups, l.Groups)
}

func carriesAny(claim, lost []string) bool {
	return slices.ContainsFunc(claim, func(name string) bool { return slices.Contains(lost, name) })
}

// LostPlace is a place among the tokens that carry lost access; zero is the first.
type LostPlace struct {
	Part   int     // of a list of LostAccess: the users of its elements, and each of their clients, count one
	Cursor TokenID // there: among the users, an id in its first eight bytes; of a client, a token
}

// ErrTooManyHolders says that too many users or clients lose access for just their tokens to be revoked. It is an ErrInvalid.
var ErrTooManyHolders = Invalid("revoke_tokens", RuleTooMany, "revocation: too many lose access for exactly their tokens to be revoked; make the change alone, then revoke all tokens for the APIs")
