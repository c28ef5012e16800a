// Package claimmap compiles and evaluates claim mappings: expressions in CEL that give claims of a client or an API their values. It
// is pure, and bounded in what an expression may cost.
package claimmap

import (
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/expression"
)

// Bounds of mappings.
const (
	maxMappings = 20
	maxName     = 200                // bytes
	maxCost     = expression.MaxCost // of all expressions of a set
	maxResult   = 4 << 10            // bytes of JSON
)

// reserved are the claims that no mapping gives: those of the protocols, and those by which services decide.
var reserved = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "auth_time", "acr", "amr", "nonce", "at_hash", "c_hash", "s_hash", "azp", "sid", "sub_jwk",
	"client_id", "scope", "scp", "act", "may_act", "cnf", "status", "events", "toe", "txn", "sub_id", "roles", "groups", "entitlements", "permissions",
	"authorization_details", "active", "token_type", "username", "typ", "vot", "vtm", "_claim_names", "_claim_sources", "trust_framework",
	"verified_claims", "encrypted_claims", "email_verified", "phone_number_verified", "updated_at", "__proto__",
}

// Set holds the compiled mappings of a client or an API.
type Set struct {
	mappings      []compiled
	groups, roles bool
}

type compiled struct {
	claim      string
	expression *expression.Expression // nil: this version does not take the mapping
}

var _ domain.ClaimMapper = (*Set)(nil)

// Check checks mappings as they are registered. ErrInvalid names the expression and the position of what is wrong.
func Check(mappings []domain.ClaimMapping) error {
	if len(mappings) > maxMappings {
		return domain.Invalid("claim_mappings", domain.RuleTooMany, "claims: there are %d; use at most %d", len(mappings), maxMappings)
	}
	for i, m := range mappings {
		field := domain.Element("claim_mappings", i)
		if err := checkName(field+".claim", m.Claim); err != nil {
			return err
		}
		if slices.ContainsFunc(mappings[:i], func(other domain.ClaimMapping) bool { return other.Claim == m.Claim }) {
			return domain.Invalid(field+".claim", domain.RuleUnique, "claim %q: it is there twice", m.Claim)
		}
		if _, err := compile(m.Expression); err != nil {
			return domain.Invalid(field+".expression", domain.RuleFormat, "claim %q: expression %q: %w", m.Claim, domain.ClipText(m.Expression, expression.MaxText), err)
		}
	}
	return nil
}

func checkName(field, name string) error {
	strange := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
	switch {
	case name == "" || len(name) > maxName || strings.ContainsFunc(name, strange):
		return domain.Invalid(field, domain.RuleFormat, "claim %q: use 1 to %d printable ASCII characters without spaces and quotes", domain.ClipText(name, 2*maxName), maxName)
	case slices.Contains(reserved, strings.ToLower(name)):
		return domain.Invalid(field, domain.RuleReserved, "claim %q: Signet or a standard gives this claim its meaning; choose another name", name)
	}
	return nil
}

// Compile makes a set of mappings that were checked. One that this version does not take is left out of tokens, which Map says.
func Compile(mappings []domain.ClaimMapping) *Set {
	s := &Set{}
	for _, m := range mappings {
		c := compiled{claim: m.Claim}
		taken, err := compile(m.Expression)
		if err == nil {
			err = checkName("", m.Claim)
		}
		if err == nil {
			c.expression = taken
			s.groups, s.roles = s.groups || taken.Reads("groups"), s.roles || taken.Reads("roles")
		}
		s.mappings = append(s.mappings, c)
	}
	return s
}

// environment has the sources. Fields of user and client are declared one by one, so that a mistyped one is an error at registration.
var environment = sync.OnceValues(func() (*expression.Environment, error) {
	return expression.NewEnvironment(map[string]*cel.Type{
		"user.sub":            cel.StringType,
		"user.username":       cel.StringType,
		"user.name":           cel.StringType,
		"user.email":          cel.StringType,
		"user.email_verified": cel.BoolType,
		"client.client_id":    cel.StringType,
		"client.name":         cel.StringType,
		"attributes":          cel.MapType(cel.StringType, cel.DynType),
		"groups":              cel.ListType(cel.StringType),
		"roles":               cel.ListType(cel.StringType),
	})
})

func compile(text string) (*expression.Expression, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	return env.Compile(text)
}

// Uses implements domain.ClaimMapper.
func (s *Set) Uses() (groups, roles bool) { return s.groups, s.roles }
