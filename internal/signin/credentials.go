package signin

import (
	"context"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Credentials returns what a user proves with who they are, the oldest first; without the data.
func (p *Passwords) Credentials(ctx context.Context, userID int64) ([]domain.Credential, error) {
	credentials, err := p.store.ListCredentials(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("list the credentials of user %d: %w", userID, err)
	}
	for i := range credentials {
		credentials[i].Data = ""
	}
	return credentials, nil
}

// Remove removes a credential of a user and ends the user's sessions, grants and tokens: they may belong to somebody who had it.
// ErrNotFound if there is no such username, or the user has no credential of the id; ErrInvalid if no administrator could sign in then.
func (p *Passwords) Remove(ctx context.Context, username string, id int64) error {
	return p.directory.ChangeCredential(ctx, username, func(ctx context.Context, user domain.User) (event.Event, error) {
		var removed domain.Credential
		err := p.directory.KeepAdministrator(ctx, func() (err error) {
			removed, err = p.store.DeleteCredential(ctx, user.ID, id)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("credential %d: %w", id, err)
		}
		gone := event.CredentialRemoved{Username: user.Username, Subject: user.Subject, UserID: user.ID, Credential: removed.Kind}
		return gone, p.directory.EndAll(ctx, user.ID)
	})
}
