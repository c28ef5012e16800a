package adminclient

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// AwayError says that a server gave no answer.
type AwayError struct {
	Server string // its address
	Err    error  // of the transport, or what an intermediary said
}

func (e *AwayError) Error() string { return fmt.Sprintf("ask %s: %v", e.Server, e.Err) }

func (e *AwayError) Unwrap() error { return e.Err }

// IsAway reports whether an error may pass without anybody's doing: the server cannot be reached, or says that it cannot answer now.
func IsAway(err error) bool {
	if errors.As(err, new(*tls.CertificateVerificationError)) || errors.As(err, new(tls.RecordHeaderError)) {
		return false
	}
	problem, ok := errors.AsType[*Problem](err)
	return ok && isAway(problem.Status) || errors.As(err, new(*AwayError))
}

func isAway(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// maxRetryAfter is how long a command waits because a server asks it to.
const maxRetryAfter = 30 * time.Second

// waited reports whether a server asked to wait, for a time that is acceptable, and that has passed now.
func waited(ctx context.Context, response *http.Response) bool {
	after, err := strconv.Atoi(response.Header.Get("Retry-After"))
	pause := time.Duration(after) * time.Second
	if response.StatusCode != http.StatusTooManyRequests || err != nil || after < 0 || after > int(maxRetryAfter/time.Second) {
		return false
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
