package store

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// InsertTrust implements registry.Trusts.
func (db *DB) InsertTrust(ctx context.Context, clientID string, t domain.Trust) (id int64, err error) {
	claims, err := json.Marshal(t.Claims)
	if err != nil {
		return 0, err
	}
	err = db.change(ctx, func(ctx context.Context, c *change) error {
		client, err := one(ctx, c.conn, scanInt, `SELECT id FROM clients WHERE client_id = $1`, clientID)
		if err != nil {
			return err
		}
		id, err = one(ctx, c.conn, scanInt, `
			INSERT INTO client_trusts (client_ref, issuer, subject, audience, claims, jwks, jwks_uri, private, reusable, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING id`,
			client, t.Issuer, t.Subject, t.Audience, string(claims), t.JWKS, t.JWKSURI, t.Private, t.Reusable, micros(t.CreatedAt))
		if err != nil {
			return err
		}
		c.note(domain.ChangeClient, clientID)
		return nil
	})
	return id, err
}

// DeleteTrust implements registry.Trusts.
func (db *DB) DeleteTrust(ctx context.Context, clientID string, id int64) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		_, err := one(ctx, c.conn, scanInt, `
			DELETE FROM client_trusts WHERE id = $1 AND client_ref = (SELECT id FROM clients WHERE client_id = $2) RETURNING id`, id, clientID)
		if err != nil {
			return err
		}
		c.note(domain.ChangeClient, clientID)
		return nil
	})
}

// addTrusts fills in the trusts of clients, by database id.
func addTrusts(ctx context.Context, c conn, byID map[int64]*domain.Client, placeholders string, args []any) error {
	return c.each(ctx, func(row scanner) error {
		var id int64
		var t domain.Trust
		var claims string
		err := row.Scan(&id, &t.ID, &t.Issuer, &t.Subject, &t.Audience, &claims, &t.JWKS, &t.JWKSURI, &t.Private, &t.Reusable, at(&t.CreatedAt))
		if err == nil && strings.TrimSpace(claims) != "null" {
			err = json.Unmarshal([]byte(claims), &t.Claims)
		}
		if err != nil {
			return err
		}
		byID[id].Trusts = append(byID[id].Trusts, t)
		return nil
	}, `SELECT client_ref, id, issuer, subject, audience, claims, jwks, jwks_uri, private, reusable, created_at FROM client_trusts
		WHERE client_ref IN `+placeholders+` ORDER BY id`, args...)
}
