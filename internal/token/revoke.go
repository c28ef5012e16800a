package token

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/signet-auth/signet/internal/domain"
)

// ErrNotYours says that a token was issued to another client.
var ErrNotYours = errors.New("issued to another client")

// RevokeAccess revokes an access token on behalf of the client that it was issued to (RFC 7009 §2.1). A token that is not
// one of ours is no error. ErrNotYours if it is another client's.
func (t *Tokens) RevokeAccess(ctx context.Context, client *domain.Client, token string) error {
	claims, l, err := t.locate(ctx, token)
	switch {
	case err != nil:
		return err
	case !l.found:
		return nil
	case l.token.ClientID != client.ID:
		return ErrNotYours
	}
	return t.revokeOne(ctx, l.token, claims.Audience)
}

// RevokeRefresh ends the grant of a refresh token, given by signature, on behalf of its client (RFC 7009 §2.1). One that is not
// there is no error. ErrNotYours if it is another client's.
func (t *Tokens) RevokeRefresh(ctx context.Context, client *domain.Client, signature string) error {
	found, err := t.store.FindRefreshToken(ctx, signature)
	if isNotFound(err) {
		return nil
	} else if err != nil {
		return fmt.Errorf("find the refresh token: %w", err)
	}
	grant, err := t.store.FindGrant(ctx, found.GrantID)
	switch {
	case isNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("find the grant: %w", err)
	case grant.ClientID != client.ID:
		return ErrNotYours
	}
	if _, err = t.RevokeGrant(ctx, grant.ID); isNotFound(err) {
		return nil // purged meanwhile
	}
	return err
}

// RevokeID revokes a token by its jti. domain.ErrNotFound if it is not in the index.
func (t *Tokens) RevokeID(ctx context.Context, id domain.TokenID) error {
	entry, err := t.findID(ctx, id)
	if err != nil {
		return err
	}
	return t.revokeOne(ctx, entry.IssuedToken, entry.Audience)
}

// findID finds a token by its jti alone. domain.ErrNotFound if it is not in the index.
func (t *Tokens) findID(ctx context.Context, id domain.TokenID) (domain.TokenEntry, error) {
	entries, err := t.List(ctx, domain.TokenFilter{ID: id, Limit: 1})
	switch {
	case err != nil:
		return domain.TokenEntry{}, err
	case len(entries) == 0:
		return domain.TokenEntry{}, fmt.Errorf("token %s: %w", id, domain.ErrNotFound)
	}
	return entries[0], nil
}

// revokeOne names the audience in the audit log: its services are told (internal/secevent). Of a token that is dead already
// it writes nothing.
func (t *Tokens) revokeOne(ctx context.Context, issued domain.IssuedToken, audience string) error {
	if !issued.RevokedAt.IsZero() {
		return nil
	}
	err := t.log.Change(ctx, "token.revoke", "token:"+issued.ID.String(), map[string]any{"aud": audience}, func(ctx context.Context) error {
		return t.store.RevokeToken(ctx, domain.TokenRef{ID: issued.ID, ExpiresAt: issued.ExpiresAt}, t.now())
	})
	if err != nil && !isNotFound(err) { // purged meanwhile
		return fmt.Errorf("revoke token %s: %w", issued.ID, err)
	}
	return nil
}

// RevokeGrant ends a grant: its refresh tokens, codes and access tokens. It says how many access and ID tokens died.
// domain.ErrNotFound if there is no such grant.
func (t *Tokens) RevokeGrant(ctx context.Context, id int64) (died int64, err error) {
	grant, err := t.store.FindGrant(ctx, id)
	if err != nil {
		return 0, fmt.Errorf("find grant %d: %w", id, err)
	}
	if !grant.RevokedAt.IsZero() {
		return 0, nil // nothing to write about
	}
	err = t.store.Tx(ctx, func(ctx context.Context) error {
		if died, err = t.store.RevokeGrant(ctx, id, t.now()); err != nil {
			return err
		}
		return t.log.Record(ctx, "grant.revoke", "grant:"+strconv.FormatInt(id, 10), fmt.Sprintf(`{"tokens":%d}`, died))
	})
	if err != nil {
		return 0, fmt.Errorf("revoke grant %d: %w", id, err)
	}
	return died, nil
}
