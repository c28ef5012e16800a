package store

import (
	"context"

	"github.com/signet-auth/signet/internal/domain"
)

// PutCredential implements signin.Store.
func (db *DB) PutCredential(ctx context.Context, credential domain.Credential) error {
	_, err := db.exec(ctx, `
		INSERT INTO credentials (user_id, kind, data, created_at, updated_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id) WHERE kind = 'password' DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at`,
		credential.UserID, string(credential.Kind), credential.Data, micros(credential.CreatedAt), micros(credential.UpdatedAt))
	return err
}

// FindCredential implements signin.Store.
func (db *DB) FindCredential(ctx context.Context, userID int64, kind domain.CredentialKind) (domain.Credential, error) {
	return find(ctx, db, scanCredential, `
		SELECT user_id, kind, data, created_at, updated_at FROM credentials WHERE user_id = $1 AND kind = $2`, userID, string(kind))
}

func scanCredential(row scanner) (c domain.Credential, err error) {
	err = row.Scan(&c.UserID, &c.Kind, &c.Data, at(&c.CreatedAt), at(&c.UpdatedAt))
	return c, err
}

// UsersWithCredential implements signin.Store.
func (db *DB) UsersWithCredential(ctx context.Context, kind domain.CredentialKind, userIDs []int64) ([]int64, error) {
	if len(userIDs) == 0 {
		return nil, nil
	}
	placeholders, args := in([]any{string(kind)}, userIDs...)
	return findAll(ctx, db, scanInt, `SELECT DISTINCT user_id FROM credentials WHERE kind = $1 AND user_id IN `+placeholders, args...)
}
