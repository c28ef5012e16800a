package event

import (
	"cmp"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// TokensRevoked says that all tokens of a user, client, API or key, or all, issued until now or before a time, were revoked, and their
// grants ended unless they were kept or a time was given.
type TokensRevoked struct {
	TargetID     int64                 `json:"-"` // database id; 0: all
	Name         string                `json:"-"` // of the user, client or API; empty: TargetID stands for it
	IssuedBefore time.Time             `json:"issued_before,omitzero"`
	KeepGrants   bool                  `json:"keep_grants,omitempty"`
	Revocation   domain.RevocationKind `json:"revocation"`
}

// Kind implements Event.
func (TokensRevoked) Kind() string { return "token.revoke_all" }

// Object implements Event.
func (e TokensRevoked) Object() string {
	if e.Revocation == domain.RevokeOfAll {
		return string(e.Revocation)
	}
	return string(e.Revocation) + ":" + cmp.Or(e.Name, strconv.FormatInt(e.TargetID, 10))
}

// Signals implements ForServices.
func (e TokensRevoked) Signals() []domain.SecurityEvent {
	reason := "All tokens of the subject were revoked."
	if !e.IssuedBefore.IsZero() {
		reason += " Only those issued before " + e.IssuedBefore.Format(time.RFC3339Nano) + "."
	}
	kind, ok := concerned[e.Revocation]
	if !ok {
		return nil
	}
	return revoked(reason, domain.Concerned{Kind: kind, ID: e.TargetID})
}

var concerned = map[domain.RevocationKind]domain.ConcernedKind{
	domain.RevokeOfUser: domain.ConcernsUser, domain.RevokeOfClient: domain.ConcernsClient, domain.RevokeOfAPI: domain.ConcernsAPI,
	domain.RevokeOfKey: domain.ConcernsKey, domain.RevokeOfAll: domain.ConcernsAll,
}

// TokenRevoked says: an access token was revoked.
type TokenRevoked struct {
	ID       domain.TokenID `json:"-"`
	Audience string         `json:"aud"`
}

// Kind implements Event.
func (TokenRevoked) Kind() string { return "token.revoke" }

// Object implements Event.
func (e TokenRevoked) Object() string { return "token:" + e.ID.String() }

// Signals implements ForServices.
func (e TokenRevoked) Signals() []domain.SecurityEvent {
	return revoked("The token was revoked.", domain.Concerned{Kind: domain.ConcernsToken, Name: e.ID.String(), Audience: e.Audience})
}

// TokenSuspended says: an access token was suspended.
type TokenSuspended struct {
	ID       domain.TokenID `json:"-"`
	Audience string         `json:"aud"`
}

// Kind implements Event.
func (TokenSuspended) Kind() string { return "token.suspend" }

// Object implements Event.
func (e TokenSuspended) Object() string { return "token:" + e.ID.String() }

// TokenResumed says: a suspended access token counts again.
type TokenResumed struct {
	ID       domain.TokenID `json:"-"`
	Audience string         `json:"aud"`
}

// Kind implements Event.
func (TokenResumed) Kind() string { return "token.resume" }

// Object implements Event.
func (e TokenResumed) Object() string { return "token:" + e.ID.String() }

// RefreshTokenRepeated says: a client came with a refresh token that was used, in the time in which it gives its successor again; from an
// address. Omitted is how many such events were left out since the last.
type RefreshTokenRepeated struct {
	Grant   int64  `json:"-"`
	IP      string `json:"ip"`
	Omitted int64  `json:"omitted,omitempty"`
}

// Kind implements Event.
func (RefreshTokenRepeated) Kind() string { return "refresh_token.repeat" }

// Object implements Event.
func (e RefreshTokenRepeated) Object() string { return "grant:" + strconv.FormatInt(e.Grant, 10) }

// GrantRevoked says: a grant was ended, with its refresh tokens, codes and access tokens; Tokens is how many were marked, if all are.
type GrantRevoked struct {
	ID     int64  `json:"-"`
	Tokens *int64 `json:"tokens,omitempty"`
}

// Kind implements Event.
func (GrantRevoked) Kind() string { return "grant.revoke" }

// Object implements Event.
func (e GrantRevoked) Object() string { return "grant:" + strconv.FormatInt(e.ID, 10) }

// Signals implements ForServices.
func (e GrantRevoked) Signals() []domain.SecurityEvent {
	return revoked("What the user had granted to a client was revoked.", domain.Concerned{Kind: domain.ConcernsGrant, ID: e.ID})
}
