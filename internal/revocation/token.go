package revocation

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// ErrNotYours says that a token was issued to another client.
var ErrNotYours = errors.New("issued to another client")

// RevokeAccess revokes an access token on behalf of the client that it was issued to (RFC 7009 §2.1). domain.ErrNotFound if it is not in
// the index, ErrNotYours if it is another client's.
func (s *Service) RevokeAccess(ctx context.Context, client *domain.Client, token string) error {
	located, err := s.index.Locate(ctx, token)
	switch {
	case err != nil:
		return err
	case !located.Found:
		return fmt.Errorf("revoke a token: %w", domain.ErrNotFound)
	case located.Token.ClientID != client.ID:
		return ErrNotYours
	case !located.Token.RevokedAt.IsZero():
		return nil
	}
	return s.revokeOne(ctx, located.Token, located.Claims.Audience)
}

// RevokeID revokes a token by its jti. domain.ErrNotFound if it is not in the index. The status of one that a pending revocation
// covers is set now, since that may take until later.
func (s *Service) RevokeID(ctx context.Context, id domain.TokenID) error {
	entry, err := s.index.Find(ctx, id)
	if err != nil {
		return err
	}
	return s.revokeOne(ctx, entry.IssuedToken, entry.Audience)
}

// RevokeListed revokes tokens that were found in the index, all at once, and says how many it revoked: not those that were revoked before,
// by their rows. The status of one that a pending revocation covers is set now.
func (s *Service) RevokeListed(ctx context.Context, tokens []domain.TokenEntry) (revoked int, err error) {
	batch := make([]singleRevocation, len(tokens))
	for i, t := range tokens {
		e, err := event.Attribute(ctx, event.TokenRevoked{ID: t.ID, Audience: t.Audience})
		if err != nil {
			return 0, err
		}
		batch[i] = singleRevocation{t.Ref(), e}
	}
	if revoked, err = s.revokeAll(ctx, batch); err != nil {
		return 0, fmt.Errorf("revoke %d tokens: %w", len(tokens), err)
	}
	return revoked, nil
}

// singleRevocation is a token that is to be revoked, and the event that records it.
type singleRevocation struct {
	token domain.TokenRef
	event event.Attributed
}

// revokeOne revokes a token, if it is not yet, together with those of other requests. The event names the audience, whose services
// receive it (internal/secevent).
func (s *Service) revokeOne(ctx context.Context, issued domain.IssuedToken, audience string) error {
	revoked, err := event.Attribute(ctx, event.TokenRevoked{ID: issued.ID, Audience: audience})
	if err == nil {
		_, err = s.single.Do(ctx, singleRevocation{issued.Ref(), revoked})
	}
	if err != nil {
		return fmt.Errorf("revoke token %s: %w", issued.ID, err)
	}
	return nil
}

func (s *Service) revokeBatch(ctx context.Context, batch []singleRevocation) ([]struct{}, error) {
	_, err := s.revokeAll(ctx, batch)
	return make([]struct{}, len(batch)), err
}

// revokeAll revokes tokens and records those that it has revoked: not one that was revoked before, or is purged.
func (s *Service) revokeAll(ctx context.Context, batch []singleRevocation) (count int, err error) {
	refs := make([]domain.TokenRef, len(batch))
	for i, r := range batch {
		refs[i] = r.token
	}
	err = s.store.Tx(ctx, func(ctx context.Context) error {
		revoked, err := s.statuses.RevokeTokens(ctx, s.now(), refs...)
		if err != nil {
			return err
		}
		count = len(revoked)
		var events []event.Event
		for _, r := range batch {
			if i := slices.Index(revoked, r.token.ID); i >= 0 {
				events, revoked = append(events, r.event), slices.Delete(revoked, i, i+1)
			}
		}
		return s.events.Record(ctx, events...)
	})
	return count, err
}
