package adminapi

import (
	"context"
	"net/http"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
)

func (s *surface) mountPreview() {
	register(s, http.MethodPost, "/token-previews", "token.preview", s.previewToken)
}

type previewInput struct {
	Body NewTokenPreview
}

// NewTokenPreview asks what token a client would get.
type NewTokenPreview struct {
	Client string   `json:"client" minLength:"1" maxLength:"2000" doc:"The client_id"`
	User   string   `json:"user,omitempty" minLength:"1" maxLength:"2000" doc:"The user for whom; left out: the client acts for itself"`
	API    string   `json:"api,omitempty" minLength:"1" maxLength:"2000" doc:"The audience; left out: the one that the token endpoint takes for these scopes"`
	Scopes []string `json:"scopes,omitempty" maxItems:"1000" doc:"Left out for a client itself: all that it may ask for"`
}

type previewOutput struct{ Body admin.TokenPreview }

func (s *surface) previewToken(ctx context.Context, caller authn.Caller, in *previewInput) (*previewOutput, error) {
	preview, err := s.Admin.PreviewToken(ctx, caller, admin.TokenRequest{Client: in.Body.Client, User: in.Body.User, API: in.Body.API, Scopes: in.Body.Scopes})
	return &previewOutput{preview}, err
}
