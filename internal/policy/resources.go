package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Bounds of registered resources.
const (
	maxType       = 200     // bytes
	maxID         = 500     // bytes
	maxProperties = 4 << 10 // bytes of JSON
)

// Resources keeps the resources of APIs that are registered. What changes something bumps the revision and names the resources, in the
// transaction that ctx carries or in one of its own. All that name an API but ListResources, HasResources and ResourcesOf return
// domain.ErrNotFound if there is none.
type Resources interface {
	// PutResources registers resources, or changes their properties. domain.ErrInvalid if the API would have more than the most.
	PutResources(ctx context.Context, audience string, resources []domain.Resource, most int) error
	// DeleteResources deletes resources. domain.ErrNotFound if one of them is not there.
	DeleteResources(ctx context.Context, audience string, names []domain.ResourceName) error
	// FindResource finds a resource. domain.ErrNotFound also if it is not registered.
	FindResource(ctx context.Context, audience string, name domain.ResourceName) (domain.Resource, error)
	// HoldResource is FindResource that keeps others from changing it until the transaction ends.
	HoldResource(ctx context.Context, audience string, name domain.ResourceName) (domain.Resource, error)
	// HasResources says whether an API has any.
	HasResources(ctx context.Context, audience string) (bool, error)
	// ListResources lists those of an API, of a type unless that is empty, by domain.Resource.Place.
	ListResources(ctx context.Context, audience, kind string, p domain.Page) ([]domain.Resource, error)
	// ResourcesOf returns all of APIs, by audience.
	ResourcesOf(ctx context.Context, audiences []string) (map[string][]domain.Resource, error)
}

// SetResource registers a resource of an API, or gives it other properties. check gets the resource as it is in the transaction of the
// change, the zero one if it is not registered; what it fails with ends the change. The same properties change nothing.
// domain.ErrNotFound if there is no such API, domain.ErrInvalid says what is wrong.
func (s *Service) SetResource(ctx context.Context, audience string, r domain.Resource, check func(domain.Resource) error) (stored domain.Resource, err error) {
	if err := checkResource(r); err != nil {
		return domain.Resource{}, err
	}
	err = s.Events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		now, err := s.holdResource(ctx, audience, r.Name())
		if err == nil {
			err = check(now)
		}
		if err != nil || now.Version > 0 && now.Properties == r.Properties {
			stored = now
			return nil, err
		}
		return s.putResources(ctx, audience, []domain.Resource{r}, func() (err error) {
			stored, err = s.Resources.FindResource(ctx, audience, r.Name())
			return err
		})
	})
	return stored, err
}

// holdResource is the zero Resource if it is not registered.
func (s *Service) holdResource(ctx context.Context, audience string, name domain.ResourceName) (domain.Resource, error) {
	now, err := s.Resources.HoldResource(ctx, audience, name)
	if errors.Is(err, domain.ErrNotFound) {
		_, err = s.Store.FindPolicy(ctx, audience) // finds out whether there is such an API
		now = domain.Resource{}
	}
	return now, err
}

func (s *Service) putResources(ctx context.Context, audience string, resources []domain.Resource, then func() error) (event.Event, error) {
	names := make([]domain.ResourceName, len(resources))
	for i := range resources {
		names[i], resources[i].UpdatedAt = resources[i].Name(), s.Now()
	}
	if err := s.Resources.PutResources(ctx, audience, resources, domain.MaxResources); err != nil {
		return nil, err
	}
	return event.ResourcesSet{Audience: audience, Resources: event.ResourceNames(names), Count: len(names)}, then()
}

// SetResources registers many resources, and deletes others, at once. Errors as SetResource's and DeleteResource's.
func (s *Service) SetResources(ctx context.Context, audience string, put []domain.Resource, remove []domain.ResourceName) error {
	for _, r := range put {
		if err := checkResource(r); err != nil {
			return err
		}
	}
	return s.Events.UpdateAll(ctx, func(ctx context.Context) (events []event.Event, err error) {
		if len(remove) > 0 {
			if err := s.Resources.DeleteResources(ctx, audience, remove); err != nil {
				return nil, err
			}
			events = append(events, event.ResourcesDeleted{Audience: audience, Resources: event.ResourceNames(remove), Count: len(remove)})
		}
		if len(put) > 0 {
			e, err := s.putResources(ctx, audience, put, func() error { return nil })
			if err != nil {
				return nil, err
			}
			events = append(events, e)
		}
		return events, nil
	})
}

// DeleteResource deletes a resource. check gets it as SetResource's does. domain.ErrNotFound if there is no such API or resource.
func (s *Service) DeleteResource(ctx context.Context, audience string, name domain.ResourceName, check func(domain.Resource) error) error {
	return s.Events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		now, err := s.Resources.HoldResource(ctx, audience, name)
		if err == nil {
			err = check(now)
		}
		if err != nil {
			return nil, err
		}
		names := []domain.ResourceName{name}
		return event.ResourcesDeleted{Audience: audience, Resources: event.ResourceNames(names), Count: 1}, s.Resources.DeleteResources(ctx, audience, names)
	})
}

// FindResource finds a resource. domain.ErrNotFound if there is no such API or resource.
func (s *Service) FindResource(ctx context.Context, audience string, name domain.ResourceName) (domain.Resource, error) {
	r, err := s.Resources.FindResource(ctx, audience, name)
	if err != nil {
		return domain.Resource{}, fmt.Errorf("resource %q of %q: %w", name.Type+":"+name.ID, audience, err)
	}
	return r, nil
}

// ResourcesOf returns all registered resources of APIs, by audience.
func (s *Service) ResourcesOf(ctx context.Context, audiences []string) (map[string][]domain.Resource, error) {
	found, err := s.Resources.ResourcesOf(ctx, audiences)
	if err != nil {
		return nil, fmt.Errorf("read the resources: %w", err)
	}
	return found, nil
}

func checkResource(r domain.Resource) error {
	switch {
	case r.Type == "" || len(r.Type) > maxType || strings.Contains(r.Type, ":"):
		return domain.Invalid("type", domain.RuleFormat, "type of a resource %q: use 1 to %d bytes without a colon", domain.ClipText(r.Type, 100), maxType)
	case r.ID == "":
		return domain.Invalid("id", domain.RuleRequired, "resource: it has no id")
	case len(r.Properties) > maxProperties:
		return domain.Invalid("properties", domain.RuleLength, "resource %s:%s: its properties have %d bytes in JSON; use at most %d", r.Type, domain.ClipText(r.ID, 100), len(r.Properties), maxProperties)
	case strings.Contains(r.Properties, `\u0000`):
		return domain.Invalid("properties", domain.RuleFormat, "resource %s:%s: a property has a NUL", r.Type, domain.ClipText(r.ID, 100))
	}
	if _, err := propertiesOf(r); err != nil {
		return domain.Invalid("properties", domain.RuleRange, "resource %s:%s: a property has a number that is too large", r.Type, domain.ClipText(r.ID, 100))
	}
	if err := domain.CheckText("type", "type of a resource", r.Type, maxType); err != nil {
		return err
	}
	return domain.CheckText("id", "id of a resource", r.ID, maxID)
}

// registered are the properties of a resource from the cache; nil if it is not registered. Where nothing is, nothing is looked up. They
// must not be changed.
func (s *Service) registered(ctx context.Context, audience string, name domain.ResourceName) (map[string]any, error) {
	if strings.Contains(name.Type, ":") || len(name.Type) > maxType || len(name.ID) > maxID {
		return nil, nil // it cannot be registered, and its key in the cache could be another one's, or be huge
	}
	api, err := s.Registry.LookupAPI(ctx, audience)
	if err != nil {
		return nil, err
	}
	some, err := cache.Get(ctx, s.Cache, domain.ChangeResource, strconv.FormatInt(api.ID, 10), func(ctx context.Context) (bool, error) {
		return s.Resources.HasResources(ctx, audience)
	})
	if err != nil || !some {
		return nil, err
	}
	properties, err := cache.Get(ctx, s.Cache, domain.ChangeResource, domain.ResourceKey(api.ID, name), func(ctx context.Context) (map[string]any, error) {
		found, err := s.Resources.FindResource(ctx, audience, name)
		if err != nil {
			return nil, err
		}
		return propertiesOf(found)
	})
	if errors.Is(err, domain.ErrNotFound) {
		return nil, nil
	}
	return properties, err
}

func propertiesOf(r domain.Resource) (map[string]any, error) {
	var properties domain.JSONObject
	if err := json.Unmarshal([]byte(r.Properties), &properties); err != nil {
		return nil, fmt.Errorf("properties of the resource %q: %v", r.Place(), err)
	}
	return properties, nil
}
