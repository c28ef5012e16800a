package session

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Consent returns what a user allowed a client at an audience. ErrNotFound if nothing yet.
func (s *Sessions) Consent(ctx context.Context, userID, clientID int64, audience string) (domain.Consent, error) {
	consent, err := s.consents.FindConsent(ctx, userID, clientID, audience)
	if err != nil {
		return domain.Consent{}, fmt.Errorf("find a consent: %w", err)
	}
	return consent, nil
}

// GiveConsent notes that the user allows the client these scopes at the audience, beside those allowed before.
func (s *Sessions) GiveConsent(ctx context.Context, user domain.User, client domain.Client, audience string, scopes []string) error {
	ctx = event.WithActor(ctx, event.User(user.Username))
	err := s.events.Change(ctx, event.ConsentGiven{ClientID: client.ClientID, Audience: audience, Scopes: scopes}, func(ctx context.Context) error {
		before, err := s.consents.FindConsent(ctx, user.ID, client.ID, audience)
		if err != nil && !errors.Is(err, domain.ErrNotFound) {
			return err
		}
		all := slices.Concat(before.Scopes, scopes)
		slices.Sort(all)
		return s.consents.PutConsent(ctx, domain.Consent{
			UserID: user.ID, ClientID: client.ID, Audience: audience, Scopes: slices.Compact(all), GrantedAt: s.now(),
		})
	})
	if err != nil {
		return fmt.Errorf("give client %q the consent of %q: %w", client.ClientID, user.Username, err)
	}
	return nil
}
