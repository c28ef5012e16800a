// Package expression compiles expressions in CEL within bounds: of their text, of what an evaluation may cost, and of the values on the
// way. It is pure. Who uses it declares the variables.
package expression

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// Bounds of an expression.
const (
	MaxText    = 1000    // bytes
	MaxCost    = 20_000  // of an evaluation, in CEL's units: some milliseconds
	maxDepth   = 20      // of an expression
	maxNodes   = 500     // of an expression
	maxPattern = 500     // instructions of a regular expression
	maxMemory  = 1 << 20 // bytes of text and elements of lists, in any value on the way
	maxJoined  = 4 << 10 // bytes of what join gives
)

// Environment is what expressions may name: CEL's own operators, macros and functions, optional values, three functions for text, and
// the variables.
type Environment struct{ env *cel.Env }

// NewEnvironment makes an Environment. Variables are declared one by one, so that a mistyped one is an error when an expression is
// compiled.
func NewEnvironment(variables map[string]*cel.Type) (*Environment, error) {
	options := []cel.EnvOption{
		cel.ParserExpressionSizeLimit(MaxText),
		cel.ParserRecursionLimit(maxDepth),
		cel.ExpressionNestingDepthLimit(maxDepth),
		cel.ExpressionNodeLimit(maxNodes),
		cel.RegexProgramSizeLimit(maxPattern),
		cel.CrossTypeNumericComparisons(true),
		cel.OptionalTypes(),
		declareDouble(),
		cel.Function("lower", cel.MemberOverload("string_lower", []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(text ref.Val) ref.Val { return types.String(strings.ToLower(string(text.(types.String)))) }))),
		cel.Function("split", cel.MemberOverload("string_split", []*cel.Type{cel.StringType, cel.StringType}, cel.ListType(cel.StringType),
			cel.BinaryBinding(split))),
		cel.Function("join", cel.MemberOverload("list_join", []*cel.Type{cel.ListType(cel.StringType), cel.StringType}, cel.StringType,
			cel.BinaryBinding(join))),
	}
	names := make([]string, 0, len(variables))
	for name := range variables {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		options = append(options, cel.Variable(name, variables[name]))
	}
	env, err := cel.NewEnv(options...)
	if err != nil {
		return nil, fmt.Errorf("declare the variables of expressions: %w", err)
	}
	return &Environment{env}, nil
}

func split(text, separator ref.Val) ref.Val {
	if separator == types.String("") {
		return types.WrapErr(Failure("split: the separator is empty"))
	}
	return types.DefaultTypeAdapter.NativeToValue(strings.Split(string(text.(types.String)), string(separator.(types.String))))
}

// join bounds its result, which could be much larger than what it is made of.
func join(list, separator ref.Val) ref.Val {
	var b strings.Builder
	for it := list.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		text, ok := it.Next().(types.String)
		if !ok {
			return types.WrapErr(Failure("join: an element is no text"))
		}
		if b.Len() > 0 {
			b.WriteString(string(separator.(types.String)))
		}
		if b.WriteString(string(text)); b.Len() > maxJoined {
			return types.WrapErr(Failure(fmt.Sprintf("join: the text would have more than %d bytes", maxJoined)))
		}
	}
	return types.String(b.String())
}
