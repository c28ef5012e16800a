package token

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
)

// ErrNotYours says that a token was issued to another client.
var ErrNotYours = errors.New("issued to another client")

// RevokeAccess revokes an access token on behalf of the client that it was issued to (RFC 7009 §2.1). A token that is not
// one of ours, or has expired, is no error. ErrNotYours if it is another client's.
func (t *Tokens) RevokeAccess(ctx context.Context, client *domain.Client, token string) error {
	claims, _, err := t.verify(ctx, token)
	if errors.Is(err, keys.ErrUnknownKey) {
		if err := t.cache.Refresh(ctx); err != nil { // another replica may have made that key a moment ago
			return err
		}
		claims, _, err = t.verify(ctx, token)
	}
	if errors.Is(err, keys.ErrNotOurs) {
		return nil
	} else if err != nil {
		return err
	}
	id, err := domain.ParseTokenID(claims.ID)
	if err != nil {
		return nil
	}
	l, err := t.find(ctx, domain.TokenRef{ID: id, ExpiresAt: time.Unix(claims.ExpiresAt, 0)})
	switch {
	case err != nil:
		return err
	case !l.found:
		return nil
	case l.token.ClientID != client.ID:
		return ErrNotYours
	}
	return t.revokeOne(ctx, l.token)
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
	entries, err := t.List(ctx, domain.TokenFilter{ID: id, Limit: 1})
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return fmt.Errorf("token %s: %w", id, domain.ErrNotFound)
	}
	return t.revokeOne(ctx, entries[0].IssuedToken)
}

// revokeOne writes nothing about a token that is dead already.
func (t *Tokens) revokeOne(ctx context.Context, issued domain.IssuedToken) error {
	if !issued.RevokedAt.IsZero() {
		return nil
	}
	err := t.store.Tx(ctx, func(ctx context.Context) error {
		if err := t.store.RevokeToken(ctx, domain.TokenRef{ID: issued.ID, ExpiresAt: issued.ExpiresAt}, t.now()); err != nil {
			return err
		}
		return t.log.Record(ctx, "token.revoke", "token:"+issued.ID.String(), "")
	})
	if err != nil && !isNotFound(err) { // purged meanwhile
		return fmt.Errorf("revoke token %s: %w", issued.ID, err)
	}
	return nil
}

// RevokeMatching revokes every live token that the filter chooses, and the grants of the user or the client that it names,
// so that no refresh token makes new ones. It says how many access and ID tokens died.
func (t *Tokens) RevokeMatching(ctx context.Context, filter domain.TokenFilter) (died int64, err error) {
	err = t.store.Tx(ctx, func(ctx context.Context) error {
		if filter.UserID != 0 || filter.ClientID != 0 {
			if err := t.store.RevokeGrants(ctx, filter.UserID, filter.ClientID, t.now()); err != nil {
				return err
			}
		}
		if died, err = t.store.RevokeTokens(ctx, filter, t.now()); err != nil {
			return err
		}
		return t.log.Record(ctx, "token.revoke_matching", describe(filter), fmt.Sprintf(`{"tokens":%d}`, died))
	})
	if err != nil {
		return 0, fmt.Errorf("revoke tokens: %w", err)
	}
	return died, nil
}

func describe(f domain.TokenFilter) string {
	switch {
	case f.UserID != 0:
		return "user:" + strconv.FormatInt(f.UserID, 10)
	case f.ClientID != 0:
		return "client:" + strconv.FormatInt(f.ClientID, 10)
	case f.APIID != 0:
		return "api:" + strconv.FormatInt(f.APIID, 10)
	default:
		return "token:*"
	}
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
