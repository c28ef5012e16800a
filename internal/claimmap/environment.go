package claimmap

import (
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// environment is what expressions may name: CEL's own operators, macros and functions, optional values, three functions for text, and
// the sources. Fields of user and client are declared one by one, so that a mistyped one is an error at registration.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.ParserExpressionSizeLimit(maxExpression),
		cel.ParserRecursionLimit(maxDepth),
		cel.ExpressionNestingDepthLimit(maxDepth),
		cel.ExpressionNodeLimit(maxNodes),
		cel.RegexProgramSizeLimit(maxPattern),
		cel.CrossTypeNumericComparisons(true),
		cel.OptionalTypes(),
		cel.Variable("user.sub", cel.StringType),
		cel.Variable("user.username", cel.StringType),
		cel.Variable("user.name", cel.StringType),
		cel.Variable("user.email", cel.StringType),
		cel.Variable("user.email_verified", cel.BoolType),
		cel.Variable("client.client_id", cel.StringType),
		cel.Variable("client.name", cel.StringType),
		cel.Variable("attributes", cel.MapType(cel.StringType, cel.DynType)),
		cel.Variable("groups", cel.ListType(cel.StringType)),
		cel.Variable("roles", cel.ListType(cel.StringType)),
		cel.Function("lower", cel.MemberOverload("string_lower", []*cel.Type{cel.StringType}, cel.StringType,
			cel.UnaryBinding(func(text ref.Val) ref.Val { return types.String(strings.ToLower(string(text.(types.String)))) }))),
		cel.Function("split", cel.MemberOverload("string_split", []*cel.Type{cel.StringType, cel.StringType}, cel.ListType(cel.StringType),
			cel.BinaryBinding(split))),
		cel.Function("join", cel.MemberOverload("list_join", []*cel.Type{cel.ListType(cel.StringType), cel.StringType}, cel.StringType,
			cel.BinaryBinding(join))),
	)
})

func split(text, separator ref.Val) ref.Val {
	if separator == types.String("") {
		return types.WrapErr(failure("split: the separator is empty"))
	}
	return types.DefaultTypeAdapter.NativeToValue(strings.Split(string(text.(types.String)), string(separator.(types.String))))
}

// join bounds its result, which could be much larger than what it is made of.
func join(list, separator ref.Val) ref.Val {
	var b strings.Builder
	for it := list.(traits.Lister).Iterator(); it.HasNext() == types.True; {
		text, ok := it.Next().(types.String)
		if !ok {
			return types.WrapErr(failure("join: an element is no text"))
		}
		if b.Len() > 0 {
			b.WriteString(string(separator.(types.String)))
		}
		if b.WriteString(string(text)); b.Len() > maxResult {
			return types.WrapErr(failure(fmt.Sprintf("join: the text would have more than %d bytes", maxResult)))
		}
	}
	return types.String(b.String())
}
