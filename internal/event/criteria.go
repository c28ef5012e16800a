package event

import (
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// TokensRevokedByCriteria says that the tokens which meet several criteria, issued until now or before a time, were revoked, and the
// grants that meet them ended unless they were kept or a time was given.
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
	UserID       int64     `json:"-"`
}

// RevokedByCriteria is the event of a revocation.
func RevokedByCriteria(r domain.Revocation) TokensRevokedByCriteria {
	k := r.Criteria
	return TokensRevokedByCriteria{k.API, k.Client, k.GrantID, r.IssuedBefore, k.IssuedSince, r.KeepGrants, k.KID, k.Role, k.Suspended, k.User, k.UserID}
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

// Signals implements ForServices: to whom the tokens may belong, if the criteria say that. Of those that name neither a grant, a user nor a
// role no kind of subject says which they are.
func (e TokensRevokedByCriteria) Signals() []domain.SecurityEvent {
	about := domain.Concerned{Audience: e.API, Client: e.Client}
	switch {
	case e.Grant != 0:
		about.Kind, about.ID = domain.ConcernsGrant, e.Grant
	case e.UserID != 0:
		about.Kind, about.ID = domain.ConcernsUser, e.UserID
	case e.Role != "":
		about.Kind, about.Name = domain.ConcernsHolders, e.Role
	default:
		return nil
	}
	return revoked(e.reason(), about)
}

// reason says which tokens of the subject were revoked.
func (e TokensRevokedByCriteria) reason() string {
	var only []string
	for _, criterion := range []struct{ says, value string }{
		{"of the client ", e.Client}, {"for the API ", e.API}, {"signed with the key ", e.KID}, {"of those who hold the role ", e.Role},
		{"issued since ", instant(e.IssuedSince)}, {"issued before ", instant(e.IssuedBefore)},
	} {
		if criterion.value != "" {
			only = append(only, criterion.says+criterion.value)
		}
	}
	if e.Suspended {
		only = append(only, "that were suspended")
	}
	if len(only) == 0 {
		return "Tokens of the subject were revoked."
	}
	return "Tokens of the subject were revoked. Only those " + strings.Join(only, ", ") + "."
}

// instant is empty for the zero time.
func instant(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Format(time.RFC3339Nano)
}
