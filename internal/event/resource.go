package event

import "github.com/signet-auth/signet/internal/domain"

// maxResourceNames is how many resources an event names.
const maxResourceNames = 20

// ResourceNames are TYPE:ID of the first resources.
func ResourceNames(all []domain.ResourceName) []string {
	names := make([]string, min(len(all), maxResourceNames))
	for i := range names {
		names[i] = all[i].Type + ":" + all[i].ID
	}
	return names
}

// ResourcesSet says: resources of an API were registered, or have other properties.
type ResourcesSet struct {
	Audience  string   `json:"-"`
	Resources []string `json:"resources"` // the first of them
	Count     int      `json:"count"`
}

// Kind implements Event.
func (ResourcesSet) Kind() string { return "resource.set" }

// Object implements Event.
func (e ResourcesSet) Object() string { return "api:" + e.Audience }

// ResourcesDeleted says: resources of an API are not registered any more.
type ResourcesDeleted struct {
	Audience  string   `json:"-"`
	Resources []string `json:"resources"` // the first of them
	Count     int      `json:"count"`
}

// Kind implements Event.
func (ResourcesDeleted) Kind() string { return "resource.delete" }

// Object implements Event.
func (e ResourcesDeleted) Object() string { return "api:" + e.Audience }
