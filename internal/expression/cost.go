package expression

import (
	"errors"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// patternsOf returns the regular expressions of an expression, with their sizes in instructions. They are written out in it: a value as a
// pattern would let users choose what it costs to match.
func patternsOf(checked *cel.Ast) (map[string]int, error) {
	patterns := map[string]int{}
	var wrong error
	ast.PostOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != overloads.Matches {
			return
		}
		arguments := e.AsCall().Args()
		pattern := arguments[len(arguments)-1]
		text, ok := types.String(""), pattern.Kind() == ast.LiteralKind
		if ok {
			text, ok = pattern.AsLiteral().(types.String)
		}
		if !ok {
			wrong = errors.New("the pattern of matches must be written out, in quotes")
			return
		}
		if patterns[string(text)], wrong = types.RegexProgramSize(string(text)); wrong != nil {
			wrong = errors.New("the pattern of matches is not a regular expression")
		}
	}))
	return patterns, wrong
}

// costs are what functions cost that CEL has as constant, or by the length of a pattern, which can be much smaller than what it matches.
func costs(patterns map[string]int) []cost.TrackerOption {
	matches := func(arguments []ref.Val, _ ref.Val) *uint64 {
		pattern, _ := arguments[1].(types.String)
		return new((1 + textCost(arguments[0])) * uint64(1+patterns[string(pattern)]/4))
	}
	return []cost.TrackerOption{
		cost.OverloadTracker(overloads.Matches, matches),
		cost.OverloadTracker(overloads.MatchesString, matches),
		cost.OverloadTracker(double, func([]ref.Val, ref.Val) *uint64 { return new(uint64(0)) }),
		cost.OverloadTracker("string_lower", func(arguments []ref.Val, _ ref.Val) *uint64 {
			return new(1 + textCost(arguments[0]))
		}),
		cost.OverloadTracker("string_split", func(arguments []ref.Val, result ref.Val) *uint64 {
			return new(1 + textCost(arguments[0]) + elements(result))
		}),
		cost.OverloadTracker("list_join", func(arguments []ref.Val, result ref.Val) *uint64 {
			return new(1 + elements(arguments[0]) + textCost(result))
		}),
	}
}

// textCost is what CEL counts for reading a text: a unit for ten bytes.
func textCost(value ref.Val) uint64 {
	text, _ := value.(types.String)
	return uint64(len(text)+9) / 10
}

func elements(value ref.Val) uint64 {
	list, ok := value.(traits.Lister)
	if !ok {
		return 0
	}
	size, _ := list.Size().(types.Int)
	return uint64(max(size, 0))
}
