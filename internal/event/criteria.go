package event

import (
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// TokensRevokedByCriteria says that the tokens which meet several criteria, issued until now or before a time, were revoked, and the
// grants that meet them ended unless they were kept or a time was given. Services are sent none: no kind of subject says which these are.
type TokensRevokedByCriteria struct {
	API          string    `json:"api,omitempty"`
	Client       string    `json:"client,omitempty"`
	Grant        int64     `json:"grant,omitempty"`
	IssuedBefore time.Time `json:"issued_before,omitzero"`
	IssuedSince  time.Time `json:"issued_since,omitzero"`
	KeepGrants   bool      `json:"keep_grants,omitempty"`
	KID          string    `json:"kid,omitempty"`
	Role         string    `json:"role,omitempty"`
	Suspended    bool      `json:"suspended,omitempty"`
	User         string    `json:"user,omitempty"`
}

// RevokedByCriteria is the event of a revocation.
func RevokedByCriteria(r domain.Revocation) TokensRevokedByCriteria {
	k := r.Criteria
	return TokensRevokedByCriteria{k.API, k.Client, k.GrantID, r.IssuedBefore, k.IssuedSince, r.KeepGrants, k.KID, k.Role, k.Suspended, k.User}
}

// Kind implements Event.
func (TokensRevokedByCriteria) Kind() string { return "token.revoke_by_criteria" }

// Object implements Event: the narrowest of what is named.
func (e TokensRevokedByCriteria) Object() string {
	switch {
	case e.Grant != 0:
		return "grant:" + strconv.FormatInt(e.Grant, 10)
	case e.User != "":
		return "user:" + e.User
	case e.Client != "":
		return "client:" + e.Client
	case e.API != "":
		return "api:" + e.API
	case e.KID != "":
		return "key:" + e.KID
	case e.Role != "":
		return "role:" + e.Role
	}
	return "all"
}
