package store

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

func scanPolicy(row scanner) (p domain.Policy, err error) {
	err = row.Scan(&p.Audience, &p.Number, &p.Text, &p.Version, at(&p.UpdatedAt))
	return p, err
}

// FindPolicy implements policy.Store.
func (db *DB) FindPolicy(ctx context.Context, audience string) (domain.Policy, error) {
	return find(ctx, db, scanPolicy, `
		SELECT a.audience, COALESCE(p.active, 0), COALESCE(v.content, ''), COALESCE(p.version, 0), p.updated_at
		FROM apis a LEFT JOIN policies p ON p.api_id = a.id LEFT JOIN policy_versions v ON v.api_id = p.api_id AND v.number = p.active
		WHERE a.audience = $1`, audience)
}

// HoldPolicy implements policy.Store.
func (db *DB) HoldPolicy(ctx context.Context, audience string) (domain.Policy, error) {
	if err := db.holdChanges(ctx); err != nil {
		return domain.Policy{}, err
	}
	return db.FindPolicy(ctx, audience)
}

// SavePolicy implements policy.Store.
func (db *DB) SavePolicy(ctx context.Context, audience string, v domain.PolicyVersion, keep int64) (number int64, err error) {
	err = db.change(ctx, func(ctx context.Context, c *change) error {
		api, err := one(ctx, c.conn, scanInt, `SELECT id FROM apis WHERE audience = $1`, audience)
		if err != nil {
			return err
		}
		// A number is never given twice, also not after the policy was deleted.
		number, err = one(ctx, c.conn, scanInt, `
			INSERT INTO policies (api_id, active, newest, version, updated_at) VALUES ($1, 1, 1, 1, $2)
			ON CONFLICT (api_id) DO UPDATE SET version = policies.version + 1, updated_at = excluded.updated_at,
				newest = policies.newest + 1, active = policies.newest + 1
			RETURNING active`, api, micros(v.CreatedAt))
		if err != nil {
			return err
		}
		_, err = c.exec(ctx, `INSERT INTO policy_versions (api_id, number, content, author, created_at) VALUES ($1, $2, $3, $4, $5)`,
			api, number, v.Text, v.Author, micros(v.CreatedAt))
		if err != nil {
			return err
		}
		if _, err := c.exec(ctx, `DELETE FROM policy_versions WHERE api_id = $1 AND number <= $2`, api, number-keep); err != nil {
			return err
		}
		c.note(domain.ChangePolicy, audience)
		return nil
	})
	return number, err
}

// ActivatePolicy implements policy.Store.
func (db *DB) ActivatePolicy(ctx context.Context, audience string, number int64, now time.Time) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		n, err := c.exec(ctx, `
			UPDATE policies SET active = $2, version = version + 1, updated_at = $3
			WHERE api_id = (SELECT v.api_id FROM apis a JOIN policy_versions v ON v.api_id = a.id WHERE a.audience = $1 AND v.number = $2)`,
			audience, number, micros(now))
		if err == nil && n == 0 {
			err = domain.ErrNotFound
		}
		if err != nil {
			return err
		}
		c.note(domain.ChangePolicy, audience)
		return nil
	})
}

// DeletePolicy implements policy.Store. What counts versions stays.
func (db *DB) DeletePolicy(ctx context.Context, audience string, now time.Time) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		api, err := one(ctx, c.conn, scanInt, `
			UPDATE policies SET active = 0, version = version + 1, updated_at = $2
			WHERE active > 0 AND api_id = (SELECT id FROM apis WHERE audience = $1) RETURNING api_id`, audience, micros(now))
		if err != nil {
			return err
		}
		_, err = c.exec(ctx, `DELETE FROM policy_versions WHERE api_id = $1`, api)
		c.note(domain.ChangePolicy, audience)
		return err
	})
}

func scanPolicyVersion(row scanner) (v domain.PolicyVersion, err error) {
	err = row.Scan(&v.Number, &v.Text, &v.Author, at(&v.CreatedAt), &v.Active)
	return v, err
}

const policyVersions = `FROM apis a JOIN policies p ON p.api_id = a.id JOIN policy_versions v ON v.api_id = p.api_id WHERE a.audience = $1`

// ListPolicyVersions implements policy.Store.
func (db *DB) ListPolicyVersions(ctx context.Context, audience string) ([]domain.PolicyVersion, error) {
	versions, err := findAll(ctx, db, scanPolicyVersion, `SELECT v.number, '', v.author, v.created_at, v.number = p.active `+policyVersions+` ORDER BY v.number DESC`, audience)
	if err == nil && len(versions) == 0 {
		_, err = db.FindPolicy(ctx, audience)
	}
	return versions, err
}

// FindPolicyVersion implements policy.Store.
func (db *DB) FindPolicyVersion(ctx context.Context, audience string, number int64) (domain.PolicyVersion, error) {
	return find(ctx, db, scanPolicyVersion, `SELECT v.number, v.content, v.author, v.created_at, v.number = p.active `+policyVersions+` AND v.number = $2`, audience, number)
}

// PolicyTexts implements policy.Store.
func (db *DB) PolicyTexts(ctx context.Context, audiences []string) (map[string]string, error) {
	texts := map[string]string{}
	err := db.read(ctx, func(ctx context.Context, c conn) error {
		return c.each(ctx, func(row scanner) error {
			var audience, text string
			err := row.Scan(&audience, &text)
			texts[audience] = text
			return err
		}, `SELECT a.audience, v.content FROM `+db.dialect.rows(`$1`, `name`)+` r JOIN apis a ON a.audience = r.name
			JOIN policies p ON p.api_id = a.id JOIN policy_versions v ON v.api_id = p.api_id AND v.number = p.active`, nameRows(audiences))
	})
	return texts, err
}
