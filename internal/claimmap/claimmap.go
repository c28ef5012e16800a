// Package claimmap compiles and evaluates claim mappings: expressions in CEL that give claims of a client or an API their values. It
// is pure, and bounded in what an expression may cost.
package claimmap

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"github.com/signet-auth/signet/internal/domain"
)

// Bounds of mappings.
const (
	maxMappings   = 20
	maxName       = 200     // bytes
	maxExpression = 1000    // bytes
	maxDepth      = 20      // of an expression
	maxNodes      = 500     // of an expression
	maxPattern    = 500     // instructions of a regular expression
	maxCost       = 20_000  // of all expressions of a set, in CEL's units: some milliseconds
	maxMemory     = 1 << 20 // bytes of text and elements of lists, in any value on the way
	maxResult     = 4 << 10 // bytes of JSON
)

// reserved are the claims that no mapping gives: those of the protocols, and those by which services decide.
var reserved = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "auth_time", "acr", "amr", "nonce", "at_hash", "c_hash", "s_hash", "azp", "sid", "sub_jwk",
	"client_id", "scope", "scp", "act", "may_act", "cnf", "status", "events", "toe", "txn", "sub_id", "roles", "groups", "entitlements", "permissions",
	"authorization_details", "active", "token_type", "username", "typ", "vot", "vtm", "_claim_names", "_claim_sources", "trust_framework",
	"verified_claims", "email_verified", "phone_number_verified", "updated_at", "__proto__",
}

// Set holds the compiled mappings of a client or an API.
type Set struct {
	mappings      []compiled
	groups, roles bool
}

type compiled struct {
	claim   string
	program cel.Program // nil: this version does not take the mapping
}

var _ domain.ClaimMapper = (*Set)(nil)

// Check checks mappings as they are registered. ErrInvalid names the expression and the position of what is wrong.
func Check(mappings []domain.ClaimMapping) error {
	if len(mappings) > maxMappings {
		return fmt.Errorf("%w claims: there are %d; use at most %d", domain.ErrInvalid, len(mappings), maxMappings)
	}
	for i, m := range mappings {
		if err := checkName(m.Claim); err != nil {
			return err
		}
		if slices.ContainsFunc(mappings[:i], func(other domain.ClaimMapping) bool { return other.Claim == m.Claim }) {
			return fmt.Errorf("%w claim %q: it is there twice", domain.ErrInvalid, m.Claim)
		}
		if _, err := compile(m.Expression); err != nil {
			return fmt.Errorf("%w claim %q: expression %q: %w", domain.ErrInvalid, m.Claim, domain.ClipText(m.Expression, maxExpression), err)
		}
	}
	return nil
}

func checkName(name string) error {
	strange := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
	switch {
	case name == "" || len(name) > maxName || strings.ContainsFunc(name, strange):
		return fmt.Errorf("%w claim %q: use 1 to %d printable ASCII characters without spaces and quotes", domain.ErrInvalid, domain.ClipText(name, 2*maxName), maxName)
	case slices.Contains(reserved, strings.ToLower(name)):
		return fmt.Errorf("%w claim %q: Signet or a standard gives this claim its meaning; choose another name", domain.ErrInvalid, name)
	}
	return nil
}

// Compile makes a set of mappings that were checked. One that this version does not take is left out of tokens, which Map says.
func Compile(mappings []domain.ClaimMapping) *Set {
	s := &Set{}
	for _, m := range mappings {
		c := compiled{claim: m.Claim}
		checked, err := compile(m.Expression)
		if err == nil {
			err = checkName(m.Claim)
		}
		if err == nil {
			c.program = checked.program
			s.groups, s.roles = s.groups || checked.groups, s.roles || checked.roles
		}
		s.mappings = append(s.mappings, c)
	}
	return s
}

type checked struct {
	program       cel.Program
	groups, roles bool // it reads them
}

func compile(expression string) (checked, error) {
	if strings.TrimSpace(expression) == "" {
		return checked{}, errors.New("it is empty")
	}
	if len(expression) > maxExpression {
		return checked{}, fmt.Errorf("it has %d bytes; use at most %d", len(expression), maxExpression)
	}
	if !utf8.ValidString(expression) || strings.ContainsRune(expression, 0) {
		return checked{}, errors.New("it is not UTF-8, or has a NUL")
	}
	env, err := environment()
	if err != nil {
		return checked{}, err
	}
	ast, issues := env.Compile(expression)
	if len(issues.Errors()) > 0 {
		first := issues.Errors()[0]
		return checked{}, fmt.Errorf("line %d, column %d: %s", first.Location.Line(), first.Location.Column()+1, first.Message)
	}
	if err := issues.Err(); err != nil {
		return checked{}, err
	}
	patterns, err := patternsOf(ast)
	if err != nil {
		return checked{}, err
	}
	program, err := env.Program(ast, cel.CostLimit(maxCost), cel.CostTrackerOptions(costs(patterns)...), cel.MemoryLimit(maxMemory),
		cel.MemoryTracking(types.MemoryTrackerSizeCalculator(types.NewSizeCalculator(types.SizeCalculatorStringUnitLength(1))),
			types.MemoryTrackerSampleInterval(1)),
		cel.OptimizeRegex(interpreter.MatchesRegexOptimization))
	if err != nil {
		return checked{}, err
	}
	c := checked{program: program}
	for _, reference := range ast.NativeRep().ReferenceMap() {
		c.groups = c.groups || reference.Name == "groups"
		c.roles = c.roles || reference.Name == "roles"
	}
	return c, nil
}

// Uses implements domain.ClaimMapper.
func (s *Set) Uses() (groups, roles bool) { return s.groups, s.roles }
