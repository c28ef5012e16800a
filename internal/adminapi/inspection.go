package adminapi

import (
	"context"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
)

type inspectTokenInput struct {
	Body struct {
		Token string `json:"token" minLength:"1" doc:"An access token, which may be invalid"`
	}
}

func (s *surface) inspectToken(ctx context.Context, caller authn.Caller, in *inspectTokenInput) (*objectOutput[admin.Inspection], error) {
	i, err := s.Admin.InspectToken(ctx, caller, in.Body.Token)
	return shown(i, 0, err)
}
