package registry

import (
	"context"

	"github.com/signet-auth/signet/internal/domain"
)

// Every method of these interfaces that changes something bumps the revision and names what changed, in the transaction that ctx carries
// or in one of its own.

// APIs keeps APIs.
type APIs interface {
	// InsertAPI stores an API with its permissions. ErrExists if the audience is taken.
	InsertAPI(ctx context.Context, api domain.API) (id int64, err error)
	// UpdateAPI sets name, algorithm, lifetime, userinfo and the whole list of permissions. ErrNotFound if there is no such audience,
	// ErrConflict if api.Version is neither zero nor that of the API. A permission that is not in the list any more is taken from roles
	// and clients too.
	UpdateAPI(ctx context.Context, api domain.API) error
	// HoldAPI is FindAPI that keeps others from changing the API until the transaction ends.
	HoldAPI(ctx context.Context, audience string) (domain.API, error)
	// DeleteAPI returns ErrNotFound if there is no such audience. Roles and clients lose its permissions.
	DeleteAPI(ctx context.Context, audience string) error
	FindAPI(ctx context.Context, audience string) (domain.API, error)
	// APIsNamed returns those that there are of some audiences, and the APIs of a set of files, none if that is empty.
	APIsNamed(ctx context.Context, audiences []string, set string) ([]domain.API, error)
	// ListAPIs returns APIs by audience; a page of them.
	ListAPIs(ctx context.Context, p domain.Page) ([]domain.API, error)
}

// Permissions are those of the APIs that there are.
type Permissions interface {
	// KnownPermissions returns those of the names that any API has as a permission.
	KnownPermissions(ctx context.Context, names []string) ([]string, error)
	// LosingPermissions returns the roles that give some of the permissions of an API, and the clients that have some of them by name:
	// who loses them if the API has them no more.
	LosingPermissions(ctx context.Context, audience string, permissions []string) ([]domain.PermissionLoss, error)
}

// Clients keeps clients.
type Clients interface {
	// InsertClient stores the client with its APIs, served audiences and secrets.
	// ErrExists if the client_id is taken, ErrNotFound if it names an API or permission that does not exist.
	InsertClient(ctx context.Context, client domain.Client) (id int64, err error)
	// UpdateClient sets all but client_id, secrets, origin and what belongs to that. ErrNotFound as for InsertClient or if there is no such client, ErrConflict if
	// client.Version is neither zero nor that of the client.
	UpdateClient(ctx context.Context, client domain.Client) error
	// DeleteClients deletes all or none: a domain.ElementError is ErrNotFound of the one that there is not. Grants, consents and
	// assignments go with them.
	DeleteClients(ctx context.Context, clientIDs []string) error
	// FindClient returns ErrNotFound if there is no such client_id.
	FindClient(ctx context.Context, clientID string) (domain.Client, error)
	// HoldClient is FindClient that keeps others from changing the client until the transaction ends.
	HoldClient(ctx context.Context, clientID string) (domain.Client, error)
	// ListClients returns a page of the clients that a filter chooses, by client_id.
	ListClients(ctx context.Context, f domain.ClientFilter, p domain.Page) ([]domain.Client, error)
}

// ClientSets reads and writes many clients in few statements. A domain.ElementError says which one is in the way.
type ClientSets interface {
	// InsertClients is InsertClient of many.
	InsertClients(ctx context.Context, clients []domain.Client) error
	// UpdateClients is UpdateClient of many.
	UpdateClients(ctx context.Context, clients []domain.Client) error
	// ClientsNamed returns those that there are of some client_ids, and the clients of a set of files, none if that is empty.
	ClientsNamed(ctx context.Context, clientIDs []string, set string) ([]domain.Client, error)
}

// Secrets keeps the secrets of clients.
type Secrets interface {
	// InsertClientSecret adds a secret. ErrNotFound if there is no such client_id.
	InsertClientSecret(ctx context.Context, clientID string, secret domain.ClientSecret) (id int64, err error)
	// DeleteClientSecret returns ErrNotFound if the client has no secret of that id.
	DeleteClientSecret(ctx context.Context, clientID string, id int64) error
	// ReplaceClientSecret puts a hash in the place of another of the same secret. ErrConflict if the client has none of the id with the
	// old hash.
	ReplaceClientSecret(ctx context.Context, clientID string, id int64, old, new string) error
}

// Trusts keeps whom clients trust.
type Trusts interface {
	// InsertTrust returns ErrNotFound if there is no such client_id.
	InsertTrust(ctx context.Context, clientID string, trust domain.Trust) (id int64, err error)
	// DeleteTrust returns ErrNotFound if the client has no trust of that id.
	DeleteTrust(ctx context.Context, clientID string, id int64) error
}

// Keys is the keyring (internal/keys).
type Keys interface {
	// Provide makes the keys of an algorithm, if there are none, in the transaction that ctx carries.
	Provide(ctx context.Context, alg string) error
}

// Revoker takes tokens back (internal/revocation).
type Revoker interface {
	// Begin stores a revocation in the transaction that ctx carries; it holds once that is committed.
	Begin(ctx context.Context, r domain.Revocation) (domain.Revocation, error)
}
