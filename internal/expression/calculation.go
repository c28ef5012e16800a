package expression

import (
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/signet-auth/signet/internal/domain"
)

// Numbers of JSON are doubles, but for integers that a double would round: these are ints or uints, so that they compare exactly. Which of
// the two a number is must not matter to a calculation, in which CEL mixes no types: there all of them are doubles.

// calculations are the operators that take numbers of one type only.
var calculations = []string{operators.Add, operators.Subtract, operators.Multiply, operators.Divide, operators.Modulo, operators.Negate}

// double is a function that no text can call.
const double = "@double"

// declareDouble declares the function: of an integer beyond what a double is exact for it makes one, and leaves all else.
func declareDouble() cel.EnvOption {
	return cel.Function(double, cel.Overload(double, []*cel.Type{cel.DynType}, cel.DynType, cel.UnaryBinding(func(value ref.Val) ref.Val {
		switch n := value.(type) {
		case types.Int:
			if n > domain.MaxExact || n < -domain.MaxExact {
				return types.Double(n)
			}
		case types.Uint:
			if n > domain.MaxExact {
				return types.Double(n)
			}
		}
		return value
	})))
}

// calculateInDoubles puts the function around the operands of calculations that may be numbers of JSON, which no type says.
func calculateInDoubles(checked *ast.AST) {
	next := ast.MaxID(checked)
	factory := ast.NewExprFactory()
	ast.PostOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.CallKind || !slices.Contains(calculations, e.AsCall().FunctionName()) {
			return
		}
		operands := slices.Clone(e.AsCall().Args())
		for i, operand := range operands {
			if kind := checked.GetType(operand.ID()).Kind(); operand.Kind() == ast.LiteralKind || kind != types.DynKind && kind != types.DoubleKind {
				continue
			}
			next++
			operands[i] = factory.NewCall(next, double, operand)
			checked.SetType(next, types.DynType)
			checked.SetReference(next, ast.NewFunctionReference(double))
		}
		e.SetKindCase(factory.NewCall(e.ID(), e.AsCall().FunctionName(), operands...))
	}))
}
