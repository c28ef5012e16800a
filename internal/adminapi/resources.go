package adminapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountResources() {
	const one = "/apis/{name}/resources/{type}/{resource}"
	register(s, http.MethodGet, "/apis/{name}/resources", "resource.list", func(ctx context.Context, caller authn.Caller, in *resourcesInput) (*pageOutput[admin.Resource], error) {
		page, err := s.Admin.ListResources(ctx, caller, in.Name, in.Type, in.query())
		return &pageOutput[admin.Resource]{page}, err
	})
	register(s, http.MethodGet, one, "resource.find", func(ctx context.Context, caller authn.Caller, in *ResourceInput) (*objectOutput[admin.Resource], error) {
		found, err := s.Admin.FindResource(ctx, caller, in.Name, in.resource())
		return shown(found, found.Version, err)
	})
	register(s, http.MethodPut, one, "resource.set", func(ctx context.Context, caller authn.Caller, in *setResourceInput) (*objectOutput[admin.Resource], error) {
		version, err := (&EditInput{IfMatch: in.IfMatch}).version()
		if err != nil {
			return nil, err
		}
		set, err := s.Admin.SetResource(ctx, caller, in.Name, version, in.resource(), in.Body.Properties)
		return shown(set, set.Version, err)
	})
	register(s, http.MethodDelete, one, "resource.delete", func(ctx context.Context, caller authn.Caller, in *deleteResourceInput) (*done, error) {
		version, err := matched(in.IfMatch)
		if err != nil {
			return nil, err
		}
		return nil, s.Admin.DeleteResource(ctx, caller, in.Name, version, in.resource())
	})
}

type deleteResourceInput struct {
	ResourceInput
	IfMatch string `header:"If-Match" doc:"The ETag of the resource that is to be deleted; left out: whatever it is now"`
}

type resourcesInput struct {
	NamedInput
	PageInput
	Type string `query:"type" maxLength:"200" doc:"Those of the type"`
}

// ResourceInput names a registered resource in the path. It is exported, as all inputs that others embed, for huma to fill it.
type ResourceInput struct {
	Name string `path:"name" maxLength:"2000" doc:"The audience of the API"`
	Type string `path:"type" maxLength:"200" doc:"The type of the resource"`
	ID   string `path:"resource" maxLength:"500" doc:"The id of the resource at the API"`
}

// Resolve implements huma.Resolver.
func (in *ResourceInput) Resolve(huma.Context) []error {
	for _, name := range []string{in.Name, in.Type, in.ID} {
		if wrong := checkName(name); wrong != nil {
			return wrong
		}
	}
	return nil
}

func (in *ResourceInput) resource() domain.ResourceName {
	return domain.ResourceName{Type: in.Type, ID: in.ID}
}

type setResourceInput struct {
	ResourceInput
	IfMatch string `header:"If-Match" doc:"The ETag of the resource that was edited, \"0\" if it is new, or * for whatever it is now"`
	Body    struct {
		Properties admin.Properties `json:"properties" doc:"What conditions read where a request gives no properties; all of them, at most 4,096 bytes"`
	}
}
