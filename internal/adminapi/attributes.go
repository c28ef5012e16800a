package adminapi

import (
	"context"
	"net/http"
	"net/url"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountAttributes() {
	register(s, http.MethodGet, "/attributes", "attribute.list", list(s.Admin.ListAttributes))
	creating(s, http.StatusCreated, "/attributes", "attribute.create", s.createAttribute)
	register(s, http.MethodGet, "/attributes/{name}", "attribute.find", func(ctx context.Context, caller authn.Caller, in *NamedInput) (*objectOutput[admin.Attribute], error) {
		a, err := s.Admin.FindAttribute(ctx, caller, in.Name)
		return shown(a, a.Version, err)
	})
	register(s, http.MethodPatch, "/attributes/{name}", "attribute.update", s.updateAttribute)
	register(s, http.MethodDelete, "/attributes/{name}", "attribute.delete", act(s.Admin.DeleteAttribute))
}

type createAttributeInput struct {
	Body struct {
		Name        string `json:"name" minLength:"1"`
		Type        string `json:"type" enum:"string,number,boolean,string_list" doc:"Stays what it is"`
		Description string `json:"description,omitempty" doc:"Empty: none"`
	}
}

func (s *surface) createAttribute(ctx context.Context, caller authn.Caller, in *createAttributeInput) (*objectOutput[admin.Attribute], error) {
	a, err := s.Admin.CreateAttribute(ctx, caller, in.Body.Name, in.Body.Type, in.Body.Description)
	return created(a, a.Version, "/attributes/"+url.PathEscape(a.Name), err)
}

type updateAttributeInput struct {
	EditInput
	Body struct {
		Description *string `json:"description,omitempty" doc:"Empty: none from now on"`
	}
}

func (s *surface) updateAttribute(ctx context.Context, caller authn.Caller, in *updateAttributeInput) (*objectOutput[admin.Attribute], error) {
	version, err := in.version()
	if err != nil {
		return nil, err
	}
	a, err := s.Admin.UpdateAttribute(ctx, caller, in.Name, version, func(a *domain.Attribute) error {
		set(&a.Description, in.Body.Description)
		return nil
	})
	return shown(a, a.Version, err)
}
