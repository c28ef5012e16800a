package claimmap

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/expression"
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
			failures = append(failures, domain.ClaimFailure{Claim: m.claim, Reason: string(expression.Reason(err))})
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

const errTooMuch expression.Failure = "the claim mappings together cost more than the limit"

func (c *compiled) evaluate(variables map[string]any) (value any, cost uint64, err error) {
	if c.expression == nil {
		return nil, 0, expression.Failure("this version of Signet does not take the expression, or the name")
	}
	result, cost, err := c.expression.Evaluate(variables)
	if expression.IsMissing(err) { // of attributes, which a user need not have
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
		return nil, expression.Failure("the result is not JSON")
	}
	value := native.(*structpb.Value).AsInterface()
	text, err := json.Marshal(value)
	if err != nil {
		return nil, expression.Failure("the result is not JSON")
	}
	if len(text) > maxResult {
		return nil, expression.Failure(fmt.Sprintf("the result has %d bytes; at most %d are taken", len(text), maxResult))
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
