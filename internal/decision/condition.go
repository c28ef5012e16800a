package decision

import (
	"errors"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	"github.com/signet-auth/signet/internal/expression"
)

// environment has what conditions may read. What is not a map is declared on its own, so that a mistyped name is an error when the policy
// is compiled.
var environment = sync.OnceValues(func() (*expression.Environment, error) {
	values, names := cel.MapType(cel.StringType, cel.DynType), cel.ListType(cel.StringType)
	return expression.NewEnvironment(map[string]*cel.Type{
		"subject.type":        cel.StringType,
		"subject.id":          cel.StringType,
		"subject.permissions": names,
		"subject.roles":       names,
		"subject.groups":      names,
		"subject.claims":      values,
		"subject.properties":  values,
		"action.name":         cel.StringType,
		"action.properties":   values,
		"resource.type":       cel.StringType,
		"resource.id":         cel.StringType,
		"resource.properties": values,
		"context":             values,
		"now":                 cel.TimestampType,
	})
})

func compileCondition(text string) (*expression.Expression, error) {
	env, err := environment()
	if err != nil {
		return nil, err
	}
	compiled, err := env.Compile(text)
	if err != nil {
		return nil, err
	}
	if compiled.Type.Kind() != types.BoolKind && compiled.Type.Kind() != types.DynKind {
		return nil, errors.New("it gives " + compiled.Type.String() + ", but has to be true or false")
	}
	return compiled, nil
}

// holds evaluates a condition on a copy of the request, so that only a request with a condition has to be on the heap.
func holds(condition *expression.Expression, request *Request) (holds bool, cost uint64, err error) {
	variables := activation(*request)
	result, cost, err := condition.Evaluate(&variables)
	if err != nil {
		return false, cost, err
	}
	value, ok := result.(types.Bool)
	if !ok {
		return false, cost, expression.Failure("the condition is neither true nor false")
	}
	return bool(value), cost, nil
}

// activation gives conditions the members of a request.
type activation Request

var _ cel.Activation = (*activation)(nil)

// Parent implements cel.Activation.
func (*activation) Parent() cel.Activation { return nil }

// ResolveName implements cel.Activation.
func (a *activation) ResolveName(name string) (any, bool) {
	switch name {
	case "subject.type":
		return a.Subject.Type, true
	case "subject.id":
		return a.Subject.ID, true
	case "subject.permissions":
		return a.Subject.Permissions.list(), true
	case "subject.roles":
		return a.Subject.Roles.list(), true
	case "subject.groups":
		return a.Subject.Groups.list(), true
	case "subject.claims":
		if a.Subject.Claims == nil {
			return none, true
		}
		return members(a.Subject.Claims.All()), true
	case "subject.properties":
		return members(a.Subject.Properties), true
	case "action.name":
		return a.Action.Name, true
	case "action.properties":
		return members(a.Action.Properties), true
	case "resource.type":
		return a.Resource.Type, true
	case "resource.id":
		return a.Resource.ID, true
	case "resource.properties":
		return members(a.Resource.Properties), true
	case "context":
		return members(a.Context), true
	case "now":
		return a.Now, true
	}
	return nil, false
}

var none = map[string]any{}

func members(object map[string]any) map[string]any {
	if object == nil {
		return none
	}
	return object
}

func (n Names) list() []string {
	if n.sorted == nil {
		return []string{}
	}
	return n.sorted
}
