package domain

// ElementError says for which of several objects an operation failed that makes all or none.
type ElementError struct {
	Index int
	Err   error
}

func (e *ElementError) Error() string { return e.Err.Error() }

// Unwrap returns why.
func (e *ElementError) Unwrap() error { return e.Err }
