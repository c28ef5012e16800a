package domain

import (
	"errors"
	"fmt"
)

// Rule is the kind of rule that a value breaks: a word that programs may compare.
type Rule string

// The rules.
const (
	RuleRequired Rule = "required"  // it is missing, or empty
	RuleFormat   Rule = "format"    // it is not written as such a value is
	RuleLength   Rule = "length"    // it is too long or too short
	RuleRange    Rule = "range"     // it is too large or too small, too early or too late
	RuleOneOf    Rule = "one_of"    // it is not one of those that there are
	RuleUnknown  Rule = "unknown"   // there is nothing of this name
	RuleUnique   Rule = "unique"    // it is there already
	RuleTooMany  Rule = "too_many"  // there are too many
	RuleReserved Rule = "reserved"  // it has a meaning of its own
	RuleConflict Rule = "conflict"  // it does not go with another value
	RuleBuiltIn  Rule = "built_in"  // it is built in
	RuleState    Rule = "state"     // the object, as it is, does not allow it
	RuleGuess    Rule = "guessable" // it is easy to guess
)

// InvalidError is an ErrInvalid that says of which value, and which rule it breaks.
type InvalidError struct {
	Field string // as the admin API calls it, "redirect_uris[2]"; empty: of none
	Rule  Rule
	err   error
}

// Invalid makes an InvalidError. The format begins with what the value is called; "invalid" is put before it.
func Invalid(field string, rule Rule, format string, args ...any) error {
	return &InvalidError{field, rule, fmt.Errorf("%w "+format, append([]any{ErrInvalid}, args...)...)}
}

func (e *InvalidError) Error() string { return e.err.Error() }

// Unwrap makes it an ErrInvalid.
func (e *InvalidError) Unwrap() error { return e.err }

// Element is the field of an element of a list.
func Element(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }

// InvalidErrors are those that an error wraps, where it joins several all of them.
func InvalidErrors(err error) (all []*InvalidError) {
	for err != nil {
		if invalid, ok := err.(*InvalidError); ok { //nolint:errorlint // its tree is walked here
			return append(all, invalid)
		}
		if many, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // as above
			for _, one := range many.Unwrap() {
				all = append(all, InvalidErrors(one)...)
			}
			return all
		}
		err = errors.Unwrap(err)
	}
	return all
}
