package store

import (
	"context"

	"github.com/signet-auth/signet/internal/domain"
)

// PutConsent implements session.Store.
func (db *DB) PutConsent(ctx context.Context, consent domain.Consent) error {
	_, err := db.exec(ctx, `
		INSERT INTO consents (user_id, client_ref, audience, scopes, granted_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id, client_ref, audience) DO UPDATE SET scopes = excluded.scopes, granted_at = excluded.granted_at`,
		consent.UserID, consent.ClientID, consent.Audience, jsonList(consent.Scopes), micros(consent.GrantedAt))
	return err
}

// FindConsent implements session.Store.
func (db *DB) FindConsent(ctx context.Context, userID, clientID int64, audience string) (domain.Consent, error) {
	return find(ctx, db, func(row scanner) (c domain.Consent, err error) {
		err = row.Scan(&c.UserID, &c.ClientID, &c.Audience, listOf(&c.Scopes), at(&c.GrantedAt))
		return c, err
	}, `SELECT user_id, client_ref, audience, scopes, granted_at FROM consents
		WHERE user_id = $1 AND client_ref = $2 AND audience = $3`, userID, clientID, audience)
}
