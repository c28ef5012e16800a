package adminapi

import (
	"context"

	"github.com/signet-auth/signet/internal/authn"
)

// Disabling says why a user or client is disabled.
type Disabling struct {
	Reason string `json:"reason,omitempty" maxLength:"200" doc:"Shown with what is disabled, and kept in the audit log. Empty: none is given"`
}

type disableInput struct {
	NamedInput
	Body *Disabling
}

// disable makes a handler of an operation that disables what it names.
func disable(
	do func(ctx context.Context, caller authn.Caller, name, reason string) error,
) func(context.Context, authn.Caller, *disableInput) (*done, error) {
	return func(ctx context.Context, caller authn.Caller, in *disableInput) (*done, error) {
		reason := ""
		if in.Body != nil {
			reason = in.Body.Reason
		}
		return nil, do(ctx, caller, in.Name, reason)
	}
}
