package resourceserver

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Claims are what a verified access token says (RFC 9068 §2.2). All requests with the same token share them: do not change them.
type Claims struct {
	// Subject is the user, or the client where that acts for itself.
	Subject string
	// ClientID is the client that the token was issued to.
	ClientID string
	// Issuer is the one that the Verifier was made for, and Audience has the audience that it was made for.
	Issuer   string
	Audience []string
	// ID names the token ("jti").
	ID                  string
	IssuedAt, ExpiresAt time.Time
	// Scopes are what the client was granted: permissions of the API, and scopes like openid.
	Scopes []string
	// Roles and Groups are the subject's, as far as tokens of the API name them, sorted.
	Roles, Groups []string
	// Entitlements are the permissions of the API among the scopes, sorted.
	Entitlements []string
	// AuthTime is when the user signed in, zero if no user did. ACR and AMR say how (RFC 9068 §2.2.1).
	AuthTime time.Time
	ACR      string
	AMR      []string
	// Session names the user's session that the token's grant ends with ("sid"), empty: none.
	Session string

	notBefore time.Time
	payload   string
	all       func() map[string]any // nil: they were not read from a token
}

// Has reports whether the token has all of these permissions, or other scopes.
func (c *Claims) Has(permissions ...string) bool {
	for _, p := range permissions {
		if !slices.Contains(c.Scopes, p) {
			return false
		}
	}
	return true
}

// Decode reads all claims, the API's own among them, into a value of the caller's, as json.Unmarshal does.
func (c *Claims) Decode(to any) error { return json.Unmarshal([]byte(c.payload), to) }

// All are all claims, as json.Unmarshal reads them, but numbers beyond ±(2^53-1) as int64 or uint64, as far as these go, because a float64
// would round them; nil if they were not read from a token. Do not change them.
func (c *Claims) All() map[string]any {
	if c.all == nil {
		return nil
	}
	return c.all()
}

// FromToken says whether they were read from a token: then the lists of names are sorted.
func (c *Claims) FromToken() bool { return c.all != nil }

// statusRef is where the status of a token is (Token Status List §6.2).
type statusRef struct {
	uri   string // empty: the token has no status
	index int
}

// readClaims reads the claims of an access token whose signature was verified.
func (v *Verifier) readClaims(j *jws) (*Claims, statusRef, error) {
	payload, o, err := j.claims()
	if err != nil {
		return nil, statusRef{}, invalid("its claims are malformed")
	}
	if payload, o, err = v.reveal(payload, o); err != nil {
		return nil, statusRef{}, err
	}
	c := &Claims{
		Subject: o.text("sub"), ClientID: o.text("client_id"), Issuer: o.text("iss"), Audience: o.textOrTexts("aud"), ID: o.text("jti"),
		IssuedAt: o.time("iat"), ExpiresAt: o.time("exp"), notBefore: o.time("nbf"),
		Scopes: strings.Fields(o.text("scope")), Roles: o.texts("roles"), Groups: o.texts("groups"), Entitlements: o.texts("entitlements"),
		AuthTime: o.time("auth_time"), ACR: o.text("acr"), AMR: o.texts("amr"), Session: o.text("sid"),
		payload: payload,
	}
	for _, names := range [][]string{c.Roles, c.Groups, c.Entitlements} {
		slices.Sort(names)
	}
	c.all = sync.OnceValue(func() map[string]any {
		var all domain.JSONObject
		if c.Decode(&all) != nil {
			return nil // it was read before
		}
		return all
	})
	if c.Subject == "" || c.ClientID == "" || c.Issuer == "" || len(c.Audience) == 0 || c.ID == "" || !o.has("iat") || !o.has("exp") {
		return nil, statusRef{}, invalid("it lacks a claim that RFC 9068 §2.2 requires")
	}
	if o.has("cnf") {
		return nil, statusRef{}, ErrBound
	}
	status, err := readStatus(o)
	if err != nil {
		return nil, statusRef{}, err
	}
	if o.err != nil {
		return nil, statusRef{}, invalid("one of its claims is of another type")
	}
	return c, status, nil
}

// readStatus reads the claim "status". One that is not told by a status list cannot be found out.
func readStatus(o *object) (statusRef, error) {
	if !o.has("status") {
		return statusRef{}, nil
	}
	var list *object
	if claim := o.object("status"); claim != nil {
		list = claim.object("status_list")
	}
	if list == nil {
		return statusRef{}, invalid("its status is in no status list")
	}
	uri, index := list.text("uri"), list.integer("idx")
	if list.err != nil || uri == "" || !list.has("idx") || index < 0 {
		return statusRef{}, invalid("its status is malformed")
	}
	// No list is longer than that, and an int may have no more bits.
	return statusRef{uri: uri, index: int(min(index, math.MaxInt32))}, nil
}
