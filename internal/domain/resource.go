package domain

import (
	"strconv"
	"time"
)

// Resource is a resource of an API that is registered.
type Resource struct {
	Type, ID   string
	Properties string // a JSON object
	Version    int64  // the revision of its last change
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// MaxResources is how many an API may have.
const MaxResources = 10_000

// ResourceName names a resource within its API.
type ResourceName struct{ Type, ID string }

// Name is the resource's.
func (r Resource) Name() ResourceName { return ResourceName{r.Type, r.ID} }

// Place is where the resource is in lists. A type has no colon.
func (r Resource) Place() string { return r.Type + ":" + r.ID }

// ResourceKey is the key of a resource in changes. api is the database id of its API, which no other one ever has.
func ResourceKey(api int64, name ResourceName) string {
	return strconv.FormatInt(api, 10) + " " + name.Type + ":" + name.ID
}

// Candidates chooses who a permission or a role may come to: those with a role that has one of the names, or gives one of the permissions at
// the API.
type Candidates struct {
	Audience    string
	Permissions []string
	Roles       []string
}

// Candidate is a user or a client.
type Candidate struct {
	ID     int64
	Name   string // the "sub" or the client_id
	Before bool   // it was found by what comes before in the order, too
}
