package directory

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// allAttributes is more than an installation has.
const allAttributes = domain.MaxAttributes + 100

// CreateAttribute defines an attribute and returns it as stored. ErrInvalid if it breaks a rule or there are too many, ErrExists if
// the name is taken.
func (d *Directory) CreateAttribute(ctx context.Context, a domain.Attribute) (stored domain.Attribute, err error) {
	if slices.ContainsFunc(domain.StandardAttributes, func(s domain.StandardAttribute) bool { return s.Name == a.Name }) {
		return domain.Attribute{}, fmt.Errorf("attribute %q: %w", a.Name, domain.ErrExists)
	}
	if err := domain.CheckAttributeName(a.Name); err != nil {
		return domain.Attribute{}, err
	}
	if !slices.Contains(domain.AttributeTypes, a.Type) {
		return domain.Attribute{}, domain.Invalid("type", domain.RuleOneOf, "attribute type %q: use one of %v", shorten(string(a.Type)), domain.AttributeTypes)
	}
	if err := domain.CheckText("description", "attribute description", a.Description, maxDescriptionBytes); err != nil {
		return domain.Attribute{}, err
	}
	a.Standard, a.CreatedAt = false, d.now()
	a.UpdatedAt = a.CreatedAt
	created := event.AttributeCreated{Attribute: a.Name, Type: string(a.Type), Description: a.Description}
	err = d.events.Change(ctx, created, func(ctx context.Context) error {
		defined, err := d.attributes.ListAttributes(ctx, domain.Page{Limit: allAttributes})
		if err != nil {
			return err
		}
		if len(defined) >= domain.MaxAttributes+len(domain.StandardAttributes) {
			return fmt.Errorf("%w: there are %d attributes beside the standard ones; delete one that is not used", domain.ErrInvalid, domain.MaxAttributes)
		}
		if _, err := d.attributes.InsertAttribute(ctx, a); err != nil {
			return err
		}
		stored, err = d.attributes.FindAttribute(ctx, a.Name)
		return err
	})
	if err != nil {
		return domain.Attribute{}, fmt.Errorf("attribute %q: %w", a.Name, err)
	}
	return stored, nil
}

// UpdateAttribute changes an attribute as edit does, and returns it as stored; only Description counts. edit gets the attribute as it is
// in the transaction of the change, and may run again; what it fails with ends the change. ErrInvalid if the result breaks a rule,
// ErrNotFound if there is no such attribute.
func (d *Directory) UpdateAttribute(ctx context.Context, name string, edit func(*domain.Attribute) error) (a domain.Attribute, err error) {
	err = d.events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		if a, err = d.attributes.HoldAttribute(ctx, name); err != nil {
			return nil, err
		}
		edited := a
		if err := edit(&edited); err != nil {
			return nil, err
		}
		if err := domain.CheckText("description", "attribute description", edited.Description, maxDescriptionBytes); err != nil {
			return nil, err
		}
		a.Description, a.UpdatedAt = edited.Description, d.now()
		if err := d.attributes.UpdateAttribute(ctx, a); err != nil {
			return nil, err
		}
		a.Version++
		return event.AttributeUpdated{Attribute: name, Description: a.Description}, nil
	})
	if err != nil {
		return domain.Attribute{}, fmt.Errorf("attribute %q: %w", name, err)
	}
	return a, nil
}

// DeleteAttribute removes an attribute from the installation and from every user. ErrInvalid for a standard one, ErrNotFound if there
// is no such attribute.
func (d *Directory) DeleteAttribute(ctx context.Context, name string) error {
	err := d.events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		a, err := d.attributes.HoldAttribute(ctx, name)
		if err != nil {
			return nil, err
		}
		if a.Standard {
			return nil, domain.Invalid("", domain.RuleBuiltIn, "change: it is built in and cannot be deleted")
		}
		return event.AttributeDeleted{Attribute: name}, d.attributes.DeleteAttribute(ctx, name)
	})
	if err != nil {
		return fmt.Errorf("attribute %q: %w", name, err)
	}
	return nil
}

// FindAttribute reads an attribute from the database. ErrNotFound if there is no such attribute.
func (d *Directory) FindAttribute(ctx context.Context, name string) (domain.Attribute, error) {
	a, err := d.attributes.FindAttribute(ctx, name)
	if err != nil {
		return domain.Attribute{}, fmt.Errorf("attribute %q: %w", name, err)
	}
	return a, nil
}

// ListAttributes returns attributes by name; a page of them.
func (d *Directory) ListAttributes(ctx context.Context, p domain.Page) ([]domain.Attribute, error) {
	return d.attributes.ListAttributes(ctx, p)
}

// changedAttributes are those that differ, as they are after the change; nil stands for one that is removed.
func changedAttributes(before, after map[string]any) map[string]any {
	changed := map[string]any{}
	for name, value := range after {
		if !reflect.DeepEqual(before[name], value) {
			changed[name] = value
		}
	}
	for name := range before {
		if _, kept := after[name]; !kept {
			changed[name] = nil
		}
	}
	return changed
}

// putAttributes checks those attributes of a user that were changed, stores them all and returns the changed ones.
func (d *Directory) putAttributes(ctx context.Context, userID int64, before, after map[string]any) (map[string]any, error) {
	changed := changedAttributes(before, after)
	if len(changed) == 0 {
		return nil, nil
	}
	if len(after) > allAttributes {
		return nil, domain.Invalid("attributes", domain.RuleTooMany, "attributes: there are more than are defined")
	}
	defined, err := d.attributes.ListAttributes(ctx, domain.Page{Limit: allAttributes})
	if err != nil {
		return nil, err
	}
	wanted := maps.Clone(after)
	for name, value := range changed {
		i := slices.IndexFunc(defined, func(a domain.Attribute) bool { return a.Name == name })
		switch {
		case value == nil:
			continue
		case i < 0:
			return nil, domain.Invalid("attributes."+shorten(name), domain.RuleUnknown, "attribute %q: none is defined by this name", shorten(name))
		}
		if wanted[name], err = defined[i].Value(value); err != nil {
			return nil, err
		}
		changed[name] = wanted[name]
	}
	text, err := json.Marshal(wanted)
	if err != nil {
		return nil, fmt.Errorf("measure attributes: %w", err)
	}
	if len(text) > domain.MaxAttributesOfUser {
		return nil, domain.Invalid("attributes", domain.RuleLength, "attributes: together they have %d bytes; use at most %d", len(text), domain.MaxAttributesOfUser)
	}
	return changed, d.attributes.PutUserAttributes(ctx, userID, wanted)
}
