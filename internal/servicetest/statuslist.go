package servicetest

import (
	"encoding/json"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/status"
	"github.com/signet-auth/signet/internal/statuslist"
	"github.com/signet-auth/signet/internal/token"
)

// ListClaims are those of a status list token (Token Status List §5.1).
type ListClaims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
	TTL       int64  `json:"ttl"`
	List      struct {
		Bits        int    `json:"bits"`
		Lst         string `json:"lst"`
		Aggregation string `json:"aggregation_uri"`
	} `json:"status_list"`
}

// Fetch reads a status list as a replica serves it.
func Fetch(t *testing.T, r *Replica, id int64) (status.ListToken, ListClaims) {
	t.Helper()
	list, err := r.Statuses.List(eventtest.Context(t), id)
	Must(t, err)
	payload, _, err := r.Keys.Verify(eventtest.Context(t), keys.TypeStatusList, string(list.Body))
	Must(t, err)
	var claims ListClaims
	Must(t, json.Unmarshal(payload, &claims))
	return list, claims
}

// Status is what the list of a token says of it at a replica.
func Status(t *testing.T, r *Replica, signed token.SignedToken) domain.TokenStatus {
	t.Helper()
	_, claims := Fetch(t, r, signed.Record.Status.List)
	list, err := statuslist.Decode(claims.List.Bits, claims.List.Lst, 1<<18)
	Must(t, err)
	status, err := list.Get(int(signed.Record.Status.Index))
	Must(t, err)
	return status
}

// Become is an edit that makes an object what is given, in all that an update may change.
func Become[T any](given T) func(*T) error {
	return func(object *T) error { *object = given; return nil }
}
