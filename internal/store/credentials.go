package store

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// PutCredential implements signin.Store.
func (db *DB) PutCredential(ctx context.Context, credential domain.Credential) error {
	_, err := db.exec(ctx, `
		INSERT INTO credentials (user_id, kind, data, created_at, updated_at) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (user_id) WHERE kind = 'password' DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at, last_used_at = NULL`,
		credential.UserID, string(credential.Kind), credential.Data, micros(credential.CreatedAt), micros(credential.UpdatedAt))
	return err
}

// FindCredential implements signin.Store.
func (db *DB) FindCredential(ctx context.Context, userID int64, kind domain.CredentialKind) (domain.Credential, error) {
	return find(ctx, db, scanCredential, `
		SELECT `+credentialColumns+` FROM credentials WHERE user_id = $1 AND kind = $2`, userID, string(kind))
}

const credentialColumns = `id, user_id, kind, data, created_at, updated_at, last_used_at`

func scanCredential(row scanner) (c domain.Credential, err error) {
	err = row.Scan(&c.ID, &c.UserID, &c.Kind, &c.Data, at(&c.CreatedAt), at(&c.UpdatedAt), at(&c.LastUsedAt))
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

// ListCredentials implements signin.Store.
func (db *DB) ListCredentials(ctx context.Context, userID int64) ([]domain.Credential, error) {
	return findAll(ctx, db, scanCredential, `SELECT `+credentialColumns+` FROM credentials WHERE user_id = $1 ORDER BY id LIMIT 100`, userID)
}

// DeleteCredential implements signin.Store.
func (db *DB) DeleteCredential(ctx context.Context, userID, id int64) (domain.Credential, error) {
	var deleted domain.Credential
	err := db.write(ctx, func(ctx context.Context, c conn) (err error) {
		deleted, err = one(ctx, c, scanCredential, `DELETE FROM credentials WHERE user_id = $1 AND id = $2 RETURNING `+credentialColumns, userID, id)
		return err
	})
	return deleted, err
}

// noteUseEvery is how often the use of a credential is noted.
const noteUseEvery = time.Hour

// NoteCredentialUse implements signin.Store.
func (db *DB) NoteCredentialUse(ctx context.Context, userID int64, kind domain.CredentialKind, now time.Time) error {
	_, err := db.exec(ctx, `
		UPDATE credentials SET last_used_at = $3 WHERE user_id = $1 AND kind = $2 AND (last_used_at IS NULL OR last_used_at <= $4)`,
		userID, string(kind), micros(now), micros(now.Add(-noteUseEvery)))
	return err
}
