package claimmap

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/signet-auth/signet/internal/domain"
)

// Map implements domain.ClaimMapper. An expression that gives null or no value, or reads an attribute that the user does not have,
// leaves its claim out without a failure: that is how people differ. All expressions together may cost maxCost; those that come after
// that is spent are left out.
func (s *Set) Map(sources domain.ClaimSources) (claims map[string]any, failures []domain.ClaimFailure) {
	variables := activation(sources)
	claims = make(map[string]any, len(s.mappings))
	var spent uint64
	for i, m := range s.mappings {
		value, cost, err := m.evaluate(variables)
		if spent += cost; spent > maxCost && err == nil {
			err = errTooMuch
		}
		switch {
		case err != nil:
			failures = append(failures, domain.ClaimFailure{Claim: m.claim, Reason: reason(err)})
		case value != nil:
			claims[m.claim] = value
		}
		if spent > maxCost {
			for _, left := range s.mappings[i+1:] {
				failures = append(failures, domain.ClaimFailure{Claim: left.claim, Reason: string(errTooMuch)})
			}
			break
		}
	}
	return claims, failures
}

// failure is a reason in words of this package, with nothing of an expression or a value in it.
type failure string

func (f failure) Error() string { return string(f) }

const errTooMuch failure = "the claim mappings together cost more than the limit"

// reasons are for errors of CEL, by what is in them. What they repeat of expressions and values may be personal, or made to mislead
// who reads the log.
var reasons = []struct{ sign, reason failure }{
	{"cost limit exceeded", errTooMuch},
	{"memory limit exceeded", "a value on the way is larger than the limit"},
	{"division by zero", "division by zero"},
	{"modulus by zero", "division by zero"},
	{"index out of bounds", "an index is outside of its list"},
	{"no such overload", "an operator or function does not take values of these types"},
	{"overflow", "a number is too large"},
	{"type conversion error", "a value cannot be converted"},
}

func reason(err error) string {
	if ours, ok := errors.AsType[failure](err); ok {
		return string(ours)
	}
	for _, r := range reasons {
		if strings.Contains(err.Error(), string(r.sign)) {
			return string(r.reason)
		}
	}
	return "the expression failed"
}

func (c *compiled) evaluate(variables map[string]any) (value any, cost uint64, err error) {
	if c.program == nil {
		return nil, 0, failure("this version of Signet does not take the expression, or the name")
	}
	result, details, err := c.program.Eval(variables)
	if spent := details.ActualCost(); spent != nil {
		cost = *spent
	}
	if err != nil && strings.HasPrefix(err.Error(), "no such key: ") { // of attributes, which a user need not have
		return nil, cost, nil
	}
	if err != nil {
		return nil, cost, err
	}
	value, err = toJSON(result)
	return value, cost, err
}

func toJSON(result ref.Val) (any, error) {
	if optional, ok := result.(*types.Optional); ok {
		if !optional.HasValue() {
			return nil, nil
		}
		result = optional.GetValue()
	}
	native, err := result.ConvertToNative(reflect.TypeFor[*structpb.Value]())
	if err != nil {
		return nil, failure("the result is not JSON")
	}
	value := native.(*structpb.Value).AsInterface()
	text, err := json.Marshal(value)
	if err != nil {
		return nil, failure("the result is not JSON")
	}
	if len(text) > maxResult {
		return nil, failure(fmt.Sprintf("the result has %d bytes; at most %d are taken", len(text), maxResult))
	}
	return value, nil
}

// activation are the variables of environment. A client that acts for itself has a user whose texts are empty, and no attributes.
func activation(sources domain.ClaimSources) map[string]any {
	user := sources.User
	if user == nil {
		user = &domain.User{}
	}
	return map[string]any{
		"user.sub": user.Subject, "user.username": user.Username, "user.name": user.Name, "user.email": user.Email, "user.email_verified": user.EmailVerified,
		"client.client_id": sources.Client.ClientID, "client.name": sources.Client.Name,
		"attributes": attributes(user.Attributes), "groups": list(sources.Groups), "roles": list(sources.Roles),
	}
}

func list(names []string) []string {
	if names == nil {
		return []string{}
	}
	return names
}

// attributes are a user's, with those of the address as members of one.
func attributes(values map[string]any) map[string]any {
	nested := make(map[string]any, len(values))
	address := map[string]any{}
	for name, value := range values {
		if member, ok := strings.CutPrefix(name, domain.AddressPrefix); ok {
			address[member] = value
		} else {
			nested[name] = value
		}
	}
	if len(address) > 0 {
		nested["address"] = address
	}
	return nested
}
