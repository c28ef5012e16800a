package resourceserver

import (
	"errors"
	"fmt"
)

// What Verify fails with. Each error that wraps ErrInvalidToken says why the token is refused, in words for a log.
var (
	// ErrInvalidToken says that the token is refused: it is malformed, forged, of another issuer, or not for this audience.
	ErrInvalidToken = errors.New("the access token is not valid")
	// ErrExpired is the ErrInvalidToken of a token that was valid once.
	ErrExpired = fmt.Errorf("%w: it has expired", ErrInvalidToken)
	// ErrRevoked is the ErrInvalidToken of a token that was revoked or is suspended.
	ErrRevoked = fmt.Errorf("%w: it was revoked", ErrInvalidToken)
	// ErrBound is the ErrInvalidToken of a token that only the holder of a key may use (RFC 7800 "cnf"), and that came without a proof.
	ErrBound = fmt.Errorf("%w: it is bound to a key and was presented without a proof", ErrInvalidToken)
	// ErrUnavailable says that the token cannot be judged: the issuer could not be reached for too long.
	ErrUnavailable = errors.New("the access token cannot be judged now")
)

func invalid(why string) error { return fmt.Errorf("%w: %s", ErrInvalidToken, why) }

func unavailable(why string) error { return fmt.Errorf("%w: %s", ErrUnavailable, why) }
