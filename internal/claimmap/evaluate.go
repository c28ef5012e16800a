package claimmap

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/signet-auth/signet/internal/domain"
)

// Map implements domain.ClaimMapper. An expression that gives null or no value, or reads an attribute that the user does not have,
// leaves its claim out without a failure.
func (s *Set) Map(sources domain.ClaimSources) (claims map[string]any, failures []domain.ClaimFailure) {
	variables := activation(sources)
	claims = make(map[string]any, len(s.mappings))
	for _, m := range s.mappings {
		value, err := m.evaluate(variables)
		switch {
		case err != nil:
			failures = append(failures, domain.ClaimFailure{Claim: m.claim, Reason: domain.ClipText(quoted.ReplaceAllString(err.Error(), `"…"`), 300)})
		case value != nil:
			claims[m.claim] = value
		}
	}
	return claims, failures
}

// quoted is what an error repeats of a value, which may be personal.
var quoted = regexp.MustCompile(`"[^"]*"`)

func (c *compiled) evaluate(variables map[string]any) (value any, err error) {
	if c.program == nil {
		return nil, fmt.Errorf("it does not compile: %s", c.failure)
	}
	result, _, err := c.program.Eval(variables)
	if err != nil && strings.Contains(err.Error(), "no such key") { // of attributes, which a user need not have
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return toJSON(result)
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
		return nil, fmt.Errorf("the result is not JSON: %w", err)
	}
	value := native.(*structpb.Value).AsInterface()
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("the result is not JSON: %w", err)
	}
	if len(text) > maxResult {
		return nil, fmt.Errorf("the result has %d bytes; at most %d are taken", len(text), maxResult)
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
