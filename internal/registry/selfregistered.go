package registry

import (
	"context"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// find reads a client with what it may ask for now.
func (r *Registry) find(ctx context.Context, clientID string) (domain.Client, error) {
	client, err := r.clients.FindClient(ctx, clientID)
	client.Claims = mapper(client.ClaimMappings)
	return r.capped(client), err
}

// capped lets a client that registered itself ask for what the ceiling allows, unless an administrator gave it APIs of its own. The
// ceiling is not stored with the client, so that a lower one counts for all of them at once.
func (r *Registry) capped(client domain.Client) domain.Client {
	if client.SelfRegistered() && len(client.APIs) == 0 {
		client.APIs = r.ceiling
	}
	return client
}

// Ceiling is what clients that registered themselves may ask for.
func (r *Registry) Ceiling() []domain.ClientAPI { return r.ceiling }

// checkOrigin keeps the client_ids of metadata documents for the clients that they describe.
func (r *Registry) checkOrigin(client domain.Client) error {
	if r.documents && client.Origin != domain.OriginMetadata && strings.HasPrefix(client.ClientID, "https://") {
		return domain.Invalid("client_id", domain.RuleReserved, "client_id %q: URLs are the names of clients that describe themselves by a metadata document; choose another", shorten(client.ClientID))
	}
	return nil
}

// ExpireClient deletes a client that registered itself, and revokes its grants and tokens, if it is still unused in the transaction
// of the deletion. ErrConflict if it is not, ErrNotFound if there is no such client_id.
func (r *Registry) ExpireClient(ctx context.Context, client domain.Client, unused func(domain.Client) bool) error {
	expired := event.ClientExpired{ClientID: client.ClientID, LastUsedAt: client.LastUsedAt}
	return r.changeClient(ctx, client.ClientID, expired, func(ctx context.Context, current domain.Client) error {
		if !unused(current) {
			return domain.ErrConflict
		}
		if err := r.revokeAll(ctx, current); err != nil {
			return err
		}
		return r.clients.DeleteClients(ctx, []string{current.ClientID})
	})
}
