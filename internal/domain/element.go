package domain

import (
	"errors"
	"fmt"
)

// ElementError says for which of several objects an all-or-nothing operation failed.
type ElementError struct {
	Index int
	Err   error
}

func (e *ElementError) Error() string { return e.Err.Error() }

// NameElement adds kind and name of the element that failed to an ElementError; other errors stay as they are.
func NameElement(err error, kind string, names []string) error {
	if element, ok := errors.AsType[*ElementError](err); ok {
		element.Err = fmt.Errorf("%s %q: %w", kind, names[element.Index], element.Err)
	}
	return err
}

// Unwrap returns why.
func (e *ElementError) Unwrap() error { return e.Err }
