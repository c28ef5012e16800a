package adminclient

import (
	"net/http"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// Problem is an error that the server answered with (RFC 9457).
type Problem struct {
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Errors []FieldError `json:"errors"`
}

// FieldError says what is wrong with one part of a request.
type FieldError struct {
	Message  string `json:"message"`
	Location string `json:"location"` // body.name, query.limit, …
}

func (p *Problem) Error() string {
	if p.Detail != invalidRequest || len(p.Errors) == 0 {
		return p.Detail
	}
	parts := make([]string, len(p.Errors))
	for i, e := range p.Errors {
		parts[i] = e.Message
		if place := e.Location[strings.LastIndex(e.Location, ".")+1:]; place != "" && place != "body" {
			parts[i] = place + ": " + e.Message
		}
	}
	return strings.Join(parts, "; ")
}

// invalidRequest is the detail of a problem whose errors say all.
const invalidRequest = "validation failed"

// Is makes it the error of domain that its status stands for.
func (p *Problem) Is(target error) bool {
	switch p.Status {
	case http.StatusNotFound:
		return target == domain.ErrNotFound
	case http.StatusPreconditionFailed:
		return target == domain.ErrConflict
	case http.StatusForbidden:
		return target == domain.ErrDenied
	}
	return false
}
