package adminapi

import (
	"context"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// ChosenTokens are tokens that somebody chose one by one.
type ChosenTokens struct {
	JTI []string `json:"jti" minItems:"1" maxItems:"200" doc:"Their ids"`
}

type revokeTokensInput struct{ Body ChosenTokens }

// RevokedTokens says how many tokens were revoked.
type RevokedTokens struct {
	RevokedTokens int `json:"revoked_tokens" doc:"How many were not revoked before"`
}

func (s *surface) revokeTokens(ctx context.Context, caller authn.Caller, in *revokeTokensInput) (*objectOutput[RevokedTokens], error) {
	ids := make([]domain.TokenID, len(in.Body.JTI))
	for i, jti := range in.Body.JTI {
		var err error
		if ids[i], err = parseID(jti); err != nil {
			return nil, err
		}
	}
	revoked, err := s.Admin.RevokeChosen(ctx, caller, ids)
	return shown(RevokedTokens{revoked}, 0, err)
}
