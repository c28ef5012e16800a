package servicetest

import (
	"context"
	"fmt"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/interaction"
	"github.com/signet-auth/signet/internal/signin"
)

// Code is the answer that Codes accepts.
const Code = "123456"

// Codes is a method of signing in: a second step, which wants to know the Code.
type Codes struct {
	Asked bool  // of everybody
	User  int64 // whose code it is, zero: the user's who signs in
}

// Name implements signin.Method.
func (*Codes) Name() string { return "code" }

// Follows implements signin.Method.
func (c *Codes) Follows(_ context.Context, a domain.Authentication) (bool, error) {
	return c.Asked && a.User.ID != 0 && !slices.Contains(a.Methods, "otp"), nil
}

// Verify implements signin.Method.
func (c *Codes) Verify(_ context.Context, a domain.Authentication, attempt signin.Attempt) (interaction.Step, error) {
	if attempt.Answer != Code {
		return interaction.Step{}, fmt.Errorf("%w code", domain.ErrInvalid)
	}
	step := interaction.Step{UserID: a.User.ID, AMR: []string{"otp"}, ACR: "2"}
	if c.User != 0 {
		step.UserID = c.User
	}
	return step, nil
}

// Confirm implements signin.Method.
func (*Codes) Confirm(context.Context, interaction.Step) error { return nil }

// Used implements signin.Method.
func (*Codes) Used(context.Context, interaction.Step) error { return nil }
