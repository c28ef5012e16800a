package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	case !l.token.RevokedAt.IsZero():
		return nil
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

// RevokeID revokes a token by its jti. domain.ErrNotFound if it is not in the index. One that a revocation under way covers is
// marked now, since that may take until later.
func (t *Tokens) RevokeID(ctx context.Context, id domain.TokenID) error {
	entry, err := t.Find(ctx, id)
	if err != nil {
		return err
	}
	return t.revokeOne(ctx, entry.IssuedToken, entry.Audience)
}

// Find finds a token of the index by its jti alone. domain.ErrNotFound if it is not in the index.
func (t *Tokens) Find(ctx context.Context, id domain.TokenID) (domain.TokenEntry, error) {
	entries, _, err := t.List(ctx, domain.TokenFilter{ID: id, Limit: 1})
	switch {
	case err != nil:
		return domain.TokenEntry{}, err
	case len(entries) == 0:
		return domain.TokenEntry{}, fmt.Errorf("token %s: %w", id, domain.ErrNotFound)
	}
	return entries[0], nil
}

// death is a token that is to be revoked, and the event that tells of it.
type death struct {
	token domain.TokenRef
	event domain.Event
}

// revokeOne revokes a token, if it is not yet, together with those of other requests. The event names the audience: its services are told
// (internal/secevent).
func (t *Tokens) revokeOne(ctx context.Context, issued domain.IssuedToken, audience string) error {
	event, err := t.log.Event(ctx, "token.revoke", "token:"+issued.ID.String(), map[string]any{"aud": audience})
	if err == nil {
		_, err = t.deaths.do(ctx, death{issued.Ref(), event})
	}
	if err != nil {
		return fmt.Errorf("revoke token %s: %w", issued.ID, err)
	}
	return nil
}

// revokeBatch revokes tokens and writes of those that have died by it: not of one that was dead before, or is purged.
func (t *Tokens) revokeBatch(ctx context.Context, batch []death) ([]struct{}, error) {
	refs := make([]domain.TokenRef, len(batch))
	for i, d := range batch {
		refs[i] = d.token
	}
	err := t.store.Tx(ctx, func(ctx context.Context) error {
		revoked, err := t.store.RevokeTokens(ctx, t.now(), refs...)
		if err != nil {
			return err
		}
		var events []domain.Event
		for _, d := range batch {
			if i := slices.Index(revoked, d.token.ID); i >= 0 {
				events, revoked = append(events, d.event), slices.Delete(revoked, i, i+1)
			}
		}
		return t.log.Append(ctx, events...)
	})
	return make([]struct{}, len(batch)), err
}

// RevokeGrant ends a grant: its refresh tokens, codes and access tokens. It holds as soon as it returns; of a user with very many
// tokens, Finish marks them. What was done before is no error. domain.ErrNotFound if there is no such grant.
func (t *Tokens) RevokeGrant(ctx context.Context, id int64) (r domain.Revocation, err error) {
	grant, err := t.store.FindGrant(ctx, id)
	if err != nil {
		return r, fmt.Errorf("find grant %d: %w", id, err)
	}
	if grant.RevokedAt.IsZero() {
		r, err = t.revokeGrant(ctx, id)
		if !errors.Is(err, domain.ErrRevoked) {
			return r, err
		}
	}
	return t.revocationOf(ctx, id)
}

// revocationOf returns the revocation that has ended a grant, which may have been its user's or client's.
func (t *Tokens) revocationOf(ctx context.Context, id int64) (r domain.Revocation, err error) {
	open, err := t.store.OpenRevocations(ctx) // before the grant is read: what is done by then has marked its tokens
	if err != nil {
		return r, fmt.Errorf("find the revocation of grant %d: %w", id, err)
	}
	grant, err := t.store.FindGrant(ctx, id)
	if err != nil {
		return r, fmt.Errorf("find grant %d: %w", id, err)
	}
	took := []domain.Revocation{
		{Kind: domain.RevokeOfGrant, TargetID: id},
		{Kind: domain.RevokeOfUser, TargetID: grant.UserID},
		{Kind: domain.RevokeOfClient, TargetID: grant.ClientID},
	}
	for _, r := range open {
		if r.IssuedBefore.IsZero() && slices.ContainsFunc(took, func(t domain.Revocation) bool { return t.Kind == r.Kind && t.TargetID == r.TargetID }) {
			return r, nil
		}
	}
	return domain.Revocation{Kind: domain.RevokeOfGrant, TargetID: id, CreatedAt: grant.RevokedAt, DoneAt: grant.RevokedAt}, nil
}

// revokeGrant returns domain.ErrRevoked if somebody else was faster.
func (t *Tokens) revokeGrant(ctx context.Context, id int64) (r domain.Revocation, err error) {
	err = t.store.Tx(ctx, func(ctx context.Context) error {
		if r, err = t.store.RevokeGrant(ctx, id, stepSize, t.now()); err != nil {
			return err
		}
		details := map[string]any{}
		if !r.DoneAt.IsZero() {
			details["tokens"] = r.Marked
		}
		return t.log.Record(ctx, "grant.revoke", "grant:"+strconv.FormatInt(id, 10), details)
	})
	if err != nil {
		return r, fmt.Errorf("revoke grant %d: %w", id, err)
	}
	return r, nil
}
