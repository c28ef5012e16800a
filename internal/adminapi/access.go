package adminapi

import (
	"context"
	"net/http"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
)

func (s *surface) mountAccess() {
	register(s, http.MethodGet, "/users/{name}/access", "user.access", accessOf(s.Admin.UserAccess))
	register(s, http.MethodGet, "/groups/{name}/access", "group.access", accessOf(s.Admin.GroupAccess))
	register(s, http.MethodGet, "/clients/{name}/access", "client.access", accessOf(s.Admin.ClientAccess))
}

type accessOutput struct{ Body admin.Access }

func accessOf(find func(context.Context, authn.Caller, string) (admin.Access, error)) func(context.Context, authn.Caller, *NamedInput) (*accessOutput, error) {
	return func(ctx context.Context, caller authn.Caller, in *NamedInput) (*accessOutput, error) {
		access, err := find(ctx, caller, in.Name)
		return &accessOutput{access}, err
	}
}
