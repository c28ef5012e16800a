package expression

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/interpreter"
)

// Expression is a compiled expression. It is safe for use at the same time.
type Expression struct {
	program   cel.Program
	Type      *cel.Type // of its values
	variables map[string]bool
}

// Reads says whether it reads a variable.
func (e *Expression) Reads(variable string) bool { return e.variables[variable] }

// ErrText is what is wrong with the text of an expression, and where, both from 1.
type ErrText struct {
	Line, Column int
	Message      string
}

func (e *ErrText) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// Compile compiles an expression. The error is a sentence for whoever wrote it; an *ErrText where it is about a place.
func (e *Environment) Compile(text string) (*Expression, error) {
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("it is empty")
	}
	if len(text) > MaxText {
		return nil, fmt.Errorf("it has %d bytes; use at most %d", len(text), MaxText)
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, errors.New("it is not UTF-8, or has a NUL")
	}
	ast, issues := e.env.Compile(text)
	if len(issues.Errors()) > 0 {
		first := issues.Errors()[0]
		return nil, &ErrText{first.Location.Line(), first.Location.Column() + 1, first.Message}
	}
	if err := issues.Err(); err != nil {
		return nil, err
	}
	patterns, err := patternsOf(ast)
	if err != nil {
		return nil, err
	}
	calculateInDoubles(ast.NativeRep())
	program, err := e.env.Program(ast, cel.CostLimit(MaxCost), cel.CostTrackerOptions(costs(patterns)...), cel.MemoryLimit(maxMemory),
		cel.MemoryTracking(types.MemoryTrackerSizeCalculator(types.NewSizeCalculator(types.SizeCalculatorStringUnitLength(1))),
			types.MemoryTrackerSampleInterval(1)),
		cel.OptimizeRegex(interpreter.MatchesRegexOptimization))
	if err != nil {
		return nil, err
	}
	compiled := &Expression{program: program, Type: ast.OutputType(), variables: map[string]bool{}}
	for _, reference := range ast.NativeRep().ReferenceMap() {
		if reference.Name != "" {
			compiled.variables[reference.Name] = true
		}
	}
	return compiled, nil
}

// Evaluate evaluates the expression, and says what that cost in CEL's units. variables is a map by name, or a cel.Activation.
func (e *Expression) Evaluate(variables any) (result ref.Val, cost uint64, err error) {
	result, details, err := e.program.Eval(variables)
	if spent := details.ActualCost(); spent != nil {
		cost = *spent
	}
	return result, cost, err
}

// Failure is why an evaluation gave nothing, in words of ours, with nothing of an expression or a value in it.
type Failure string

func (f Failure) Error() string { return string(f) }

// TooCostly is the Failure of what costs more than MaxCost.
const TooCostly Failure = "it costs more than the limit"

// reasons are for errors of CEL, by what is in them. What they repeat of expressions and values may be personal, or made to mislead
// who reads the log.
var reasons = []struct{ sign, reason Failure }{
	{"cost limit exceeded", TooCostly},
	{"memory limit exceeded", "a value on the way is larger than the limit"},
	{"division by zero", "division by zero"},
	{"modulus by zero", "division by zero"},
	{"index out of bounds", "an index is outside of its list"},
	{"no such overload", "an operator or function does not take values of these types"},
	{"overflow", "a number is too large"},
	{"type conversion error", "a value cannot be converted"},
	{missing, "it reads a member that is not there"},
}

const missing = "no such key: "

// IsMissing says whether an evaluation failed because it read a member that is not there.
func IsMissing(err error) bool { return err != nil && strings.HasPrefix(err.Error(), missing) }

// Reason is the Failure of an error of an evaluation.
func Reason(err error) Failure {
	if ours, ok := errors.AsType[Failure](err); ok {
		return ours
	}
	text := err.Error()
	for _, r := range reasons {
		if strings.Contains(text, string(r.sign)) {
			return r.reason
		}
	}
	return "the expression failed"
}
