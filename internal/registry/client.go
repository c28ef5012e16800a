package registry

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// CreateClient registers a client and returns it as stored, with its secret, which is shown this once: it is empty for a
// client that authenticates with none. An empty client_id is filled in. ErrInvalid if the client breaks a rule or names an API or permission that
// does not exist, ErrExists if the client_id is taken.
func (r *Registry) CreateClient(ctx context.Context, client domain.Client) (domain.Client, string, error) {
	if client.AuthMethod() != domain.SecretBasic {
		stored, err := r.createClient(ctx, client, nil)
		return stored, "", err
	}
	secret, hashed := r.newSecret()
	stored, err := r.createClient(ctx, client, []domain.ClientSecret{hashed})
	if err != nil {
		return domain.Client{}, "", err
	}
	return stored, secret, nil
}

// CreateClientWithoutSecret is CreateClient of a client that is going to authenticate by whom it trusts.
func (r *Registry) CreateClientWithoutSecret(ctx context.Context, client domain.Client) (domain.Client, error) {
	return r.createClient(ctx, client, nil)
}

// ImportClient is CreateClient of a client that keeps the secret which it has in another system. ErrInvalid also for a secret that is
// too easy to guess, and for a client that authenticates with none.
func (r *Registry) ImportClient(ctx context.Context, client domain.Client, secret string) (domain.Client, error) {
	if err := maySecret(client); err != nil {
		return domain.Client{}, err
	}
	if err := checkImportedSecret(secret); err != nil {
		return domain.Client{}, err
	}
	return r.createClient(ctx, client, []domain.ClientSecret{r.importedSecret(secret)})
}

// ImportClientByHash is ImportClient where the secret is known by its hash alone.
func (r *Registry) ImportClientByHash(ctx context.Context, client domain.Client, hash string) (domain.Client, error) {
	if err := maySecret(client); err != nil {
		return domain.Client{}, err
	}
	secret, err := r.foreignSecret(hash)
	if err != nil {
		return domain.Client{}, err
	}
	return r.createClient(ctx, client, []domain.ClientSecret{secret})
}

func (r *Registry) createClient(ctx context.Context, client domain.Client, secrets []domain.ClientSecret) (domain.Client, error) {
	if err := r.newClient(&client, secrets); err != nil {
		return domain.Client{}, err
	}
	var stored domain.Client
	err := r.events.Change(ctx, clientCreated(client), func(ctx context.Context) (err error) {
		if err := r.checkNames(ctx, client); err != nil {
			return err
		}
		if _, err := r.clients.InsertClient(ctx, client); err != nil {
			return err
		}
		if err := r.provideKeys(ctx, client); err != nil {
			return err
		}
		stored, err = r.find(ctx, client.ClientID)
		return err
	})
	if err != nil {
		return domain.Client{}, fmt.Errorf("client %q: %w", client.ClientID, err)
	}
	return stored, nil
}

// NewClient is a client that is to be registered.
type NewClient struct {
	domain.Client
	Secret string // that it has in another system; empty: none
}

// CreateClients registers many, all or none: in few statements, so that the transaction is short. A domain.ElementError says which could
// not be, for the reasons of ImportClient and CreateClientWithoutSecret.
func (r *Registry) CreateClients(ctx context.Context, given []NewClient) error {
	clients, events := make([]domain.Client, len(given)), make([]event.Event, len(given))
	for i, g := range given {
		clients[i] = g.Client
		var secrets []domain.ClientSecret
		var err error
		if g.Secret != "" {
			err = cmp.Or(maySecret(g.Client), checkImportedSecret(g.Secret))
			secrets = []domain.ClientSecret{r.importedSecret(g.Secret)}
		}
		if err = cmp.Or(err, r.newClient(&clients[i], secrets)); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
		events[i] = clientCreated(clients[i])
	}
	return r.events.ChangeAll(ctx, events, func(ctx context.Context) error {
		if err := r.checkNames(ctx, clients...); err != nil {
			return err
		}
		if err := r.sets.InsertClients(ctx, clients); err != nil {
			return err
		}
		return r.provideKeys(ctx, clients...)
	})
}

// newClient fills in what a new client is not given, and checks it.
func (r *Registry) newClient(client *domain.Client, secrets []domain.ClientSecret) error {
	if client.ClientID == "" {
		client.ClientID = "client_" + strings.ToLower(rand.Text())
	}
	client.CreatedAt = r.now()
	client.UpdatedAt = client.CreatedAt
	client.DisabledAt, client.DisabledReason = time.Time{}, ""
	client.Secrets = secrets
	client.RequirePKCE = client.RequirePKCE || client.Public
	return errors.Join(checkClient(client, r.grantTypes), checkReserved("client_id", client.ClientID, r.issuer), r.checkOrigin(*client))
}

func clientCreated(client domain.Client) event.ClientCreated {
	return event.ClientCreated{ClientID: client.ClientID, ClientDetails: clientDetails(client)}
}

// checkNames refuses new clients that name what is not there, and a client_id that is the audience of an API, for the reason of checkFree.
func (r *Registry) checkNames(ctx context.Context, clients ...domain.Client) error {
	var audiences []string
	for _, client := range clients {
		audiences = append(audiences, client.ClientID, slashed(client.ClientID))
	}
	apis, err := r.apisNamed(ctx, audiences)
	if err != nil {
		return err
	}
	for i, client := range clients {
		for _, audience := range []string{client.ClientID, slashed(client.ClientID)} {
			if _, ok := apis[audience]; ok {
				return &domain.ElementError{Index: i, Err: domain.Invalid("client_id", domain.RuleUnique, "client_id: it is the audience of an API; choose another")}
			}
		}
	}
	return r.checkAPIsExist(ctx, clients...)
}

// UpdateClient changes a client as edit does, and returns it as stored; client_id, secrets and whether it is disabled do not count. It
// loses its secrets where it has keys from now on. edit gets the client as it is in the transaction of the change, and may run again;
// what it fails with ends the change. ErrInvalid as for CreateClient and if it would change between public and confidential, ErrNotFound if there is
// no such client_id.
func (r *Registry) UpdateClient(ctx context.Context, clientID string, edit func(*domain.Client) error) (client domain.Client, err error) {
	err = r.events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		current, err := r.clients.HoldClient(ctx, clientID)
		if err != nil {
			return nil, err
		}
		if client, err = r.edited(current, edit); err != nil {
			return nil, err
		}
		if err := r.checkAPIsExist(ctx, client); err != nil {
			return nil, err
		}
		if err := r.clients.UpdateClient(ctx, client); err != nil {
			return nil, err
		}
		if err := r.dropSecrets(ctx, current, client); err != nil {
			return nil, err
		}
		if err := r.provideKeys(ctx, client); err != nil {
			return nil, err
		}
		if client, err = r.clients.FindClient(ctx, clientID); err != nil {
			return nil, err
		}
		return event.ClientUpdated{ClientID: clientID, Shrunk: shrunk(current, client), ClientDetails: clientDetails(client)}, nil
	})
	if err != nil {
		return domain.Client{}, fmt.Errorf("client %q: %w", clientID, err)
	}
	return r.capped(client), nil
}

// UpdateClients is UpdateClient of many, all or none: in few statements, so that the transaction is short. edit gets the place of each among
// the client_ids, too. A domain.ElementError says for which it failed.
func (r *Registry) UpdateClients(ctx context.Context, clientIDs []string, edit func(i int, client *domain.Client) error) error {
	return r.events.UpdateAll(ctx, func(ctx context.Context) ([]event.Event, error) {
		found, err := r.sets.ClientsNamed(ctx, clientIDs, "")
		if err != nil {
			return nil, err
		}
		stored := make(map[string]domain.Client, len(found))
		for _, client := range found {
			stored[client.ClientID] = client
		}
		clients, events := make([]domain.Client, len(clientIDs)), make([]event.Event, len(clientIDs))
		for i, id := range clientIDs {
			current, ok := stored[id]
			if !ok {
				return nil, &domain.ElementError{Index: i, Err: domain.ErrNotFound}
			}
			if clients[i], err = r.edited(current, func(client *domain.Client) error { return edit(i, client) }); err != nil {
				return nil, &domain.ElementError{Index: i, Err: err}
			}
			events[i] = event.ClientUpdated{ClientID: id, Shrunk: shrunk(current, clients[i]), ClientDetails: clientDetails(clients[i])}
		}
		if err := r.checkAPIsExist(ctx, clients...); err != nil {
			return nil, err
		}
		if err := r.sets.UpdateClients(ctx, clients); err != nil {
			return nil, err
		}
		for i, client := range clients {
			if err := r.dropSecrets(ctx, stored[client.ClientID], client); err != nil {
				return nil, &domain.ElementError{Index: i, Err: err}
			}
		}
		return events, r.provideKeys(ctx, clients...)
	})
}

// edited is a client as edit makes it.
func (r *Registry) edited(current domain.Client, edit func(*domain.Client) error) (domain.Client, error) {
	if err := checkNotBuiltIn(current.ClientID, "changed"); err != nil {
		return current, err
	}
	client := current
	if err := edit(&client); err != nil {
		return current, err
	}
	if client.Public != current.Public && current.Origin != domain.OriginMetadata {
		return current, domain.Invalid("token_endpoint_auth_method", domain.RuleState, "change: a client stays public or confidential; register a new one")
	}
	client.ID, client.ClientID, client.Version = current.ID, current.ClientID, current.Version
	client.DisabledAt, client.DisabledReason = current.DisabledAt, current.DisabledReason
	client.UpdatedAt = r.now()
	return client, checkClient(&client, r.grantTypes)
}

// dropSecrets takes its secrets from a client that has keys from now on.
func (r *Registry) dropSecrets(ctx context.Context, current, client domain.Client) error {
	if client.AuthMethod() == domain.SecretBasic {
		return nil
	}
	for _, secret := range current.Secrets {
		if err := r.secrets.DeleteClientSecret(ctx, client.ClientID, secret.ID); err != nil {
			return err
		}
	}
	return nil
}

// provideKeys makes the keys by which what clients get is signed.
func (r *Registry) provideKeys(ctx context.Context, clients ...domain.Client) error {
	needed := map[string]bool{}
	for _, client := range clients {
		needed[client.IDTokenAlg], needed[client.UserinfoAlg] = true, true
	}
	delete(needed, "")
	for alg := range needed {
		if err := r.keys.Provide(ctx, alg); err != nil {
			return err
		}
	}
	return nil
}

// shrunk are the audiences at which a client may ask for less after a change than before. One that could ask for all permissions of
// an API counts as limited by any list.
func shrunk(before, after domain.Client) (audiences []string) {
	for _, had := range before.APIs {
		i := slices.IndexFunc(after.APIs, func(has domain.ClientAPI) bool { return has.Audience == had.Audience })
		switch {
		case i < 0:
			audiences = append(audiences, had.Audience)
		case len(after.APIs[i].Permissions) == 0: // all
		case len(had.Permissions) == 0,
			slices.ContainsFunc(had.Permissions, func(p string) bool { return !slices.Contains(after.APIs[i].Permissions, p) }):
			audiences = append(audiences, had.Audience)
		}
	}
	return audiences
}

func clientDetails(client domain.Client) event.ClientDetails {
	overlap := ""
	if client.RefreshOverlap != nil {
		overlap = client.RefreshOverlap.String()
	}
	return event.ClientDetails{
		KeepRefreshTokens: client.KeepRefreshTokens, RefreshOverlap: overlap,
		SessionRefreshTokens: client.SessionRefreshTokens, RevokeOnSessionEnd: client.RevokeOnSessionEnd,
		Name: client.Name, ClaimMappings: client.ClaimMappings, Origin: client.Origin, Public: client.Public, FirstParty: client.FirstParty, GrantTypes: client.GrantTypes,
		RedirectURIs: client.RedirectURIs, PostLogoutRedirectURIs: client.PostLogoutRedirectURIs, RequirePKCE: client.RequirePKCE,
		BackchannelLogoutURI: client.BackchannelLogoutURI, BackchannelLogoutPrivate: client.BackchannelLogoutPrivate,
		FrontchannelLogoutURI: client.FrontchannelLogoutURI, FrontchannelLogoutSID: client.FrontchannelLogoutSID,
		AuthMethod: client.AuthMethod(), SubjectType: client.SubjectType, IDTokenAlg: client.IDTokenAlg, UserinfoAlg: client.UserinfoAlg,
		SectorIdentifier: client.SectorIdentifier, GroupNames: client.GroupNames,
		JWKS: client.JWKS, JWKSURI: client.JWKSURI, JWKSURIPrivate: client.JWKSURIPrivate, EndpointAudience: client.EndpointAudience,
		APIs: client.APIs, Serves: client.Serves, ServesUserinfo: client.ServesUserinfo,
	}
}

// checkAPIsExist says which API or permission that a client names is missing.
func (r *Registry) checkAPIsExist(ctx context.Context, clients ...domain.Client) error {
	var audiences []string
	for _, client := range clients {
		for _, api := range client.APIs {
			audiences = append(audiences, api.Audience)
		}
		audiences = append(audiences, client.Serves...)
	}
	apis, err := r.apisNamed(ctx, audiences)
	if err != nil {
		return err
	}
	for i, client := range clients {
		if err := lacking(client, apis); err != nil {
			return &domain.ElementError{Index: i, Err: err}
		}
	}
	return nil
}

// apisNamed are the permissions of those APIs that there are of some audiences.
func (r *Registry) apisNamed(ctx context.Context, audiences []string) (map[string][]domain.Permission, error) {
	slices.Sort(audiences)
	found, err := r.apis.APIsNamed(ctx, slices.Compact(audiences), "")
	apis := make(map[string][]domain.Permission, len(found))
	for _, api := range found {
		apis[api.Audience] = api.Permissions
	}
	return apis, err
}

// lacking says what a client names that is not among some APIs.
func lacking(client domain.Client, apis map[string][]domain.Permission) error {
	named := slices.Clone(client.APIs)
	for _, audience := range client.Serves {
		named = append(named, domain.ClientAPI{Audience: audience})
	}
	for i, n := range named {
		field := domain.Element("apis", i)
		if i >= len(client.APIs) {
			field = domain.Element("serves", i-len(client.APIs))
		}
		permissions, ok := apis[n.Audience]
		if !ok {
			return domain.Invalid(field, domain.RuleUnknown, "API %q: there is none with this audience; create it first", n.Audience)
		}
		for i, name := range n.Permissions {
			if !slices.ContainsFunc(permissions, func(p domain.Permission) bool { return p.Name == name }) {
				return domain.Invalid(domain.Element(field+".permissions", i), domain.RuleUnknown, "permission %q: API %q does not have it; add it there first", name, n.Audience)
			}
		}
	}
	return nil
}

// DisableClient disables a client, for a reason that may be empty, and revokes its grants and tokens. ErrInvalid for a reason that breaks
// a rule, ErrNotFound if there is no such client_id.
func (r *Registry) DisableClient(ctx context.Context, clientID, reason string) error {
	if err := domain.CheckReason(reason); err != nil {
		return err
	}
	disabled := event.ClientDisabled{ClientID: clientID, Reason: reason}
	return r.changeClient(ctx, clientID, disabled, func(ctx context.Context, client domain.Client) error {
		client.UpdatedAt, client.DisabledReason = r.now(), reason
		if client.DisabledAt.IsZero() {
			client.DisabledAt = client.UpdatedAt
		}
		if err := r.clients.UpdateClient(ctx, client); err != nil {
			return err
		}
		return r.revokeAll(ctx, client)
	})
}

// EnableClient enables a disabled client again, which brings nothing back that was revoked. ErrNotFound if there is no such client_id.
func (r *Registry) EnableClient(ctx context.Context, clientID string) error {
	return r.changeClient(ctx, clientID, event.ClientEnabled{ClientID: clientID}, func(ctx context.Context, client domain.Client) error {
		client.UpdatedAt, client.DisabledAt, client.DisabledReason = r.now(), time.Time{}, ""
		return r.clients.UpdateClient(ctx, client)
	})
}

// DeleteClient removes a client and revokes its grants and tokens. ErrNotFound if there is no such client_id.
func (r *Registry) DeleteClient(ctx context.Context, clientID string) error {
	return r.DeleteClients(ctx, []string{clientID})
}

// DeleteClients is DeleteClient of many, all or none. A domain.ElementError says for which it failed.
func (r *Registry) DeleteClients(ctx context.Context, clientIDs []string) error {
	events := make([]event.Event, len(clientIDs))
	for i, id := range clientIDs {
		if err := checkNotBuiltIn(id, "deleted"); err != nil {
			return domain.NameElement(&domain.ElementError{Index: i, Err: err}, "client", clientIDs)
		}
		events[i] = event.ClientDeleted{ClientID: id}
	}
	err := r.events.ChangeAll(ctx, events, func(ctx context.Context) error {
		clients, err := r.sets.ClientsNamed(ctx, clientIDs, "")
		if err != nil {
			return err
		}
		for _, client := range clients {
			if err := r.revokeAll(ctx, client); err != nil {
				return err
			}
		}
		return r.clients.DeleteClients(ctx, clientIDs)
	})
	return domain.NameElement(err, "client", clientIDs)
}

// checkNotBuiltIn refuses what would make the command line's client something else, or nothing.
func checkNotBuiltIn(clientID, done string) error {
	if clientID == domain.CLIClient {
		return domain.Invalid("", domain.RuleBuiltIn, "change: it is built in and cannot be %s; it can be disabled", done)
	}
	return nil
}

func (r *Registry) revokeAll(ctx context.Context, client domain.Client) error {
	_, err := r.revoker.Begin(ctx, domain.Revocation{Kind: domain.RevokeOfClient, TargetID: client.ID})
	return err
}

// changeClient makes an audited change to a client that exists.
func (r *Registry) changeClient(
	ctx context.Context, clientID string, e event.Event, change func(context.Context, domain.Client) error,
) error {
	err := r.events.Change(ctx, e, func(ctx context.Context) error {
		client, err := r.clients.HoldClient(ctx, clientID)
		if err != nil {
			return err
		}
		return change(ctx, client)
	})
	if err != nil {
		return fmt.Errorf("client %q: %w", clientID, err)
	}
	return nil
}

// FindClient reads a client from the database. ErrNotFound if there is no such client_id.
func (r *Registry) FindClient(ctx context.Context, clientID string) (domain.Client, error) {
	client, err := r.find(ctx, clientID)
	if err != nil {
		return domain.Client{}, fmt.Errorf("client %q: %w", clientID, err)
	}
	return client, nil
}

// ListClients returns a page of the clients that a filter chooses, by client_id.
func (r *Registry) ListClients(ctx context.Context, f domain.ClientFilter, p domain.Page) ([]domain.Client, error) {
	clients, err := r.clients.ListClients(ctx, f, p)
	for i := range clients {
		clients[i] = r.capped(clients[i])
	}
	return clients, err
}
