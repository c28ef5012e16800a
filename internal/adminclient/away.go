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

const (
	maxRetryAfter = 30 * time.Second // that a command waits in all because a server asks it to
	maxRepeats    = 5
)

// wait reports whether a server asked to send a request again that it has not carried out, after a time that has passed now. It adds that
// to what was waited before.
func (c *Client) wait(ctx context.Context, response *http.Response, waited *time.Duration) bool {
	switch {
	case response.StatusCode == http.StatusTooManyRequests:
	case response.StatusCode == http.StatusServiceUnavailable && c.finish == nil && response.Request.Method == http.MethodGet: // safe to repeat
	default:
		return false
	}
	after, err := strconv.Atoi(response.Header.Get("Retry-After"))
	if err != nil || after < 0 || after > int((maxRetryAfter-*waited)/time.Second) {
		return false
	}
	pause := time.Duration(after) * time.Second
	*waited += pause
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
