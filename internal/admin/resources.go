package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// Resource is a registered resource of an API.
type Resource struct {
	Type       string     `json:"type" doc:"The type, without a colon"`
	ID         string     `json:"id" doc:"The id at the API"`
	Properties Properties `json:"properties" doc:"What conditions of the policy read where a request gives no properties"`
	CreatedAt  time.Time  `json:"created_at"`
	UpdatedAt  time.Time  `json:"updated_at"`
	Version    int64      `json:"-"`
}

// Properties are those of a resource. Read from JSON, its numbers are as they were written there.
type Properties map[string]any

// UnmarshalJSON implements [json.Unmarshaler].
func (p *Properties) UnmarshalJSON(text []byte) error {
	from := json.NewDecoder(bytes.NewReader(text))
	from.UseNumber()
	return from.Decode((*map[string]any)(p))
}

func showResource(r domain.Resource) (Resource, error) {
	shown := Resource{Type: r.Type, ID: r.ID, CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Version: r.Version}
	if err := json.Unmarshal([]byte(r.Properties), &shown.Properties); err != nil {
		return Resource{}, fmt.Errorf("properties of the resource %q: %v", r.Place(), err)
	}
	return shown, nil
}

// ListResources lists the registered resources of an API, of a type unless that is empty; a search looks at ids, and at TYPE:ID. domain.ErrNotFound if there is no such API,
// ErrCursor for that of another list.
func (s *Service) ListResources(ctx context.Context, caller authn.Caller, audience, kind string, q Query) (Page[Resource], error) {
	const operation = "resource.list"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Page[Resource]{}, err
	}
	return page(ctx, s, fmt.Sprintf("%s %q %q", operation, audience, kind), q, func(ctx context.Context, p domain.Page) ([]domain.Resource, error) {
		if _, err := s.config.Policies.Find(ctx, audience); err != nil {
			return nil, err
		}
		return s.config.Policies.Resources.ListResources(ctx, audience, kind, p)
	}, domain.Resource.Place, func(found []domain.Resource) ([]Resource, error) {
		shown := make([]Resource, len(found))
		for i, r := range found {
			var err error
			if shown[i], err = showResource(r); err != nil {
				return nil, err
			}
		}
		return shown, nil
	})
}

// FindResource shows a registered resource. domain.ErrNotFound if there is no such API or resource.
func (s *Service) FindResource(ctx context.Context, caller authn.Caller, audience string, name domain.ResourceName) (Resource, error) {
	ctx, err := s.authorize(ctx, caller, "resource.find")
	if err != nil {
		return Resource{}, err
	}
	found, err := s.config.Policies.FindResource(ctx, audience, name)
	if err != nil {
		return Resource{}, err
	}
	return showResource(found)
}

// SetResource registers a resource of an API, or gives it other properties. domain.ErrConflict if it is not of the version, unless that is
// nil; one that is not registered is of version 0. domain.ErrInvalid says what is wrong, domain.ErrNotFound if there is no such API.
func (s *Service) SetResource(ctx context.Context, caller authn.Caller, audience string, version *int64, name domain.ResourceName, properties Properties) (Resource, error) {
	ctx, err := s.authorize(ctx, caller, "resource.set")
	if err != nil {
		return Resource{}, err
	}
	if properties == nil {
		properties = Properties{}
	}
	text, err := json.Marshal(properties)
	if err != nil {
		return Resource{}, domain.Invalid("properties", domain.RuleFormat, "properties: they are no JSON")
	}
	set, err := s.config.Policies.SetResource(ctx, audience, domain.Resource{Type: name.Type, ID: name.ID, Properties: string(text)}, func(now domain.Resource) error {
		return sameVersion(version, now.Version)
	})
	if err != nil {
		return Resource{}, err
	}
	return showResource(set)
}

// setResources registers resources of an API and deletes others, at once.
func (s *Service) setResources(ctx context.Context, caller authn.Caller, audience string, put []domain.Resource, remove []domain.ResourceName) error {
	for operation, n := range map[string]int{"resource.set": len(put), "resource.delete": len(remove)} {
		if n == 0 {
			continue
		}
		var err error
		if ctx, err = s.authorize(ctx, caller, operation); err != nil {
			return err
		}
	}
	return s.config.Policies.SetResources(ctx, audience, put, remove)
}

// DeleteResource deletes a registered resource. domain.ErrNotFound if there is no such API or resource, domain.ErrConflict as SetResource.
func (s *Service) DeleteResource(ctx context.Context, caller authn.Caller, audience string, version *int64, name domain.ResourceName) error {
	ctx, err := s.authorize(ctx, caller, "resource.delete")
	if err != nil {
		return err
	}
	return s.config.Policies.DeleteResource(ctx, audience, name, func(now domain.Resource) error { return sameVersion(version, now.Version) })
}
