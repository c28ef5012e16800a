package admin

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// Attribute is a property that users may have.
type Attribute struct {
	Name        string    `json:"name"`
	Type        string    `json:"type" enum:"string,number,boolean,string_list"`
	Description string    `json:"description,omitempty"`
	Standard    bool      `json:"standard" doc:"Built in, for a claim of OpenID Connect"`
	ManagedBy   string    `json:"managed_by,omitempty" doc:"The set of files that it comes from: applying them again undoes other changes. Left out: none"`
	CreatedAt   time.Time `json:"created_at,omitzero" doc:"Not of one that is built in"`
	UpdatedAt   time.Time `json:"updated_at,omitzero"`
	Version     int64     `json:"-"`
}

func showAttribute(a domain.Attribute) Attribute {
	shown := Attribute{Name: a.Name, Type: string(a.Type), Description: a.Description, Standard: a.Standard, ManagedBy: a.ManagedBy, Version: a.Version}
	if a.CreatedAt.UnixMicro() != 0 {
		shown.CreatedAt = a.CreatedAt
	}
	if a.UpdatedAt.UnixMicro() != 0 {
		shown.UpdatedAt = a.UpdatedAt
	}
	return shown
}

// CreateAttribute defines an attribute. The errors are those of directory.CreateAttribute.
func (s *Service) CreateAttribute(ctx context.Context, caller authn.Caller, name, kind, description string) (Attribute, error) {
	ctx, err := s.authorize(ctx, caller, "attribute.create")
	if err != nil {
		return Attribute{}, err
	}
	a, err := s.config.Directory.CreateAttribute(ctx, domain.Attribute{Name: name, Type: domain.AttributeType(kind), Description: description})
	return showAttribute(a), err
}

// FindAttribute shows an attribute. domain.ErrNotFound if there is none of the name.
func (s *Service) FindAttribute(ctx context.Context, caller authn.Caller, name string) (Attribute, error) {
	ctx, err := s.authorize(ctx, caller, "attribute.find")
	if err != nil {
		return Attribute{}, err
	}
	a, err := s.config.Directory.FindAttribute(ctx, name)
	return showAttribute(a), err
}

// ListAttributes lists attributes by name. ErrCursor for that of another list.
func (s *Service) ListAttributes(ctx context.Context, caller authn.Caller, q Query) (Page[Attribute], error) {
	const operation = "attribute.list"
	ctx, err := s.authorize(ctx, caller, operation)
	if err != nil {
		return Page[Attribute]{}, err
	}
	return page(ctx, s, operation, q, s.config.Directory.ListAttributes, func(o domain.Attribute) string { return o.Name }, each(showAttribute))
}

// UpdateAttribute changes an attribute's description as edit does. domain.ErrConflict if the attribute is not of the version, unless
// that is nil; otherwise the errors of directory.UpdateAttribute.
func (s *Service) UpdateAttribute(ctx context.Context, caller authn.Caller, name string, version *int64, edit func(*domain.Attribute) error) (Attribute, error) {
	ctx, err := s.authorize(ctx, caller, "attribute.update")
	if err != nil {
		return Attribute{}, err
	}
	a, err := s.config.Directory.UpdateAttribute(ctx, name, func(a *domain.Attribute) error {
		if err := sameVersion(version, a.Version); err != nil {
			return err
		}
		return edit(a)
	})
	return showAttribute(a), err
}

// DeleteAttribute deletes an attribute, with what users have of it. The errors are those of directory.DeleteAttribute.
func (s *Service) DeleteAttribute(ctx context.Context, caller authn.Caller, name string) error {
	ctx, err := s.authorize(ctx, caller, "attribute.delete")
	if err != nil {
		return err
	}
	return s.config.Directory.DeleteAttribute(ctx, name)
}

// ParseAttributes reads changes of attributes from texts, by name; those to remove become nil. domain.ErrInvalid if there is no attribute
// of a name, or a text is not of its type.
func (s *Service) ParseAttributes(ctx context.Context, caller authn.Caller, given map[string][]string, remove []string) (map[string]any, error) {
	ctx, err := s.authorize(ctx, caller, "attribute.find")
	if err != nil {
		return nil, err
	}
	find := func(name string) (domain.Attribute, error) { return s.config.Directory.FindAttribute(ctx, name) }
	return domain.ParseAttributes(find, given, remove)
}
