package store

import (
	"context"

	"github.com/signet-auth/signet/internal/domain"
)

// apiSettings are the columns that are set when an API is registered and with each update.
func apiSettings(api *domain.API) columns {
	return columns{
		{"name", &api.Name},
		{"signing_alg", &api.SigningAlg},
		{"access_token_ttl", lasting(&api.AccessTokenTTL)},
		{"no_userinfo", &api.NoUserinfo},
		{"memberships", orElse(&api.Memberships, domain.MembershipsRelevant)},
		{"group_names", orElse(&api.GroupNames, domain.GroupsByName)},
		{"claim_mappings", listOf(&api.ClaimMappings)},
		{"encryption_jwks", &api.Encryption.JWKS},
		{"encryption_jwks_uri", &api.Encryption.JWKSURI},
		{"encryption_jwks_uri_private", &api.Encryption.JWKSURIPrivate},
		{"encrypted_claims", listOf(&api.Encryption.Claims)},
		{"updated_at", at(&api.UpdatedAt)},
	}
}

var apiColumns = `id, audience, version, managed_by, created_at` + apiSettings(&domain.API{}).names()

func scanAPI(row scanner) (api domain.API, err error) {
	err = row.Scan(apiSettings(&api).values(&api.ID, &api.Audience, &api.Version, &api.ManagedBy, at(&api.CreatedAt))...)
	return api, err
}

// InsertAPI implements registry.APIs.
func (db *DB) InsertAPI(ctx context.Context, api domain.API) (id int64, err error) {
	err = db.change(ctx, func(ctx context.Context, c *change) error {
		settings := apiSettings(&api)
		id, err = insert(ctx, c.conn, `
			INSERT INTO apis (audience, created_at`+settings.names()+`)
			VALUES ($1, $2`+settings.placeholders(3)+`) ON CONFLICT DO NOTHING RETURNING id`,
			settings.values(api.Audience, at(&api.CreatedAt))...)
		if err != nil {
			return err
		}
		if err := c.putPermissions(ctx, id, api.Permissions); err != nil {
			return err
		}
		c.note(domain.ChangeAPI, api.Audience)
		return nil
	})
	return id, err
}

// UpdateAPI implements registry.APIs.
func (db *DB) UpdateAPI(ctx context.Context, api domain.API) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		settings := apiSettings(&api)
		id, err := one(ctx, c.conn, scanInt, `
			UPDATE apis SET version = version + 1`+settings.assignments(3)+`
			WHERE audience = $1 AND CAST($2 AS BIGINT) IN (0, version) RETURNING id`,
			settings.values(api.Audience, api.Version)...)
		if err != nil {
			return conflict(ctx, c.conn, err, `SELECT id FROM apis WHERE audience = $1`, api.Audience)
		}
		if err := c.putPermissions(ctx, id, api.Permissions); err != nil {
			return err
		}
		c.note(domain.ChangeAPI, api.Audience)
		return nil
	})
}

// putPermissions sets all permissions of an API, and notes the roles and clients that lose one.
func (c *change) putPermissions(ctx context.Context, api int64, permissions []domain.Permission) error {
	rows := make([][]any, len(permissions))
	for i, p := range permissions {
		rows[i] = []any{p.Name, p.Description}
	}
	wanted := c.db.dialect.rows(`$2`, `name`, `description`)
	dropped := `(SELECT p.name FROM permissions p WHERE p.api_id = $1 AND p.name NOT IN (SELECT r.name FROM ` + wanted + ` r))`
	roles, err := list(ctx, c.conn, scanInt, `
		UPDATE roles SET version = version + 1
		WHERE id IN (SELECT role_id FROM role_permissions WHERE api_id = $1 AND permission IN `+dropped+`) RETURNING id`, api, jsonRows(rows))
	if err != nil {
		return err
	}
	c.noteID(domain.ChangeRole, roles...)
	clients, err := list(ctx, c.conn, scanString, `
		UPDATE clients SET version = version + 1
		WHERE id IN (SELECT client_ref FROM client_permissions WHERE api_id = $1 AND permission IN `+dropped+`) RETURNING client_id`, api, jsonRows(rows))
	if err != nil {
		return err
	}
	c.note(domain.ChangeClient, clients...)
	if _, err := c.exec(ctx, `DELETE FROM permissions WHERE api_id = $1 AND name IN `+dropped, api, jsonRows(rows)); err != nil {
		return err
	}
	// A client that had only what was dropped may not use the API any more.
	_, err = c.exec(ctx, `
		DELETE FROM client_apis WHERE api_id = $1 AND NOT all_permissions AND NOT EXISTS (
			SELECT 1 FROM client_permissions p WHERE p.client_ref = client_apis.client_ref AND p.api_id = client_apis.api_id)`, api)
	if err != nil {
		return err
	}
	_, err = c.exec(ctx, `
		INSERT INTO permissions (api_id, name, description) SELECT CAST($1 AS BIGINT), r.name, r.description FROM `+wanted+` r WHERE TRUE
		ON CONFLICT (api_id, name) DO UPDATE SET description = excluded.description`, api, jsonRows(rows))
	return err
}

// DeleteAPI implements registry.APIs.
func (db *DB) DeleteAPI(ctx context.Context, audience string) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		id, err := one(ctx, c.conn, scanInt, `SELECT id FROM apis WHERE audience = $1`, audience)
		if err != nil {
			return err
		}
		roles, err := list(ctx, c.conn, scanInt, `
			UPDATE roles SET version = version + 1 WHERE id IN (SELECT role_id FROM role_permissions WHERE api_id = $1) RETURNING id`, id)
		if err != nil {
			return err
		}
		clients, err := list(ctx, c.conn, scanString, `
			UPDATE clients SET version = version + 1
			WHERE id IN (SELECT client_ref FROM client_apis WHERE api_id = $1 UNION SELECT client_ref FROM client_serves WHERE api_id = $1)
			RETURNING client_id`, id)
		if err != nil {
			return err
		}
		if _, err := c.exec(ctx, `DELETE FROM apis WHERE id = $1`, id); err != nil {
			return err
		}
		c.noteID(domain.ChangeRole, roles...)
		c.note(domain.ChangeClient, clients...)
		c.note(domain.ChangeAPI, audience)
		c.note(domain.ChangePolicy, audience)
		return nil
	})
}

// FindAPI returns ErrNotFound if there is no such audience.
func (db *DB) FindAPI(ctx context.Context, audience string) (api domain.API, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		api, err = one(ctx, c, scanAPI, `SELECT `+apiColumns+` FROM apis WHERE audience = $1`, audience)
		if err != nil {
			return err
		}
		return addPermissions(ctx, c, []*domain.API{&api})
	})
	return api, err
}

// HoldAPI implements registry.APIs.
func (db *DB) HoldAPI(ctx context.Context, audience string) (domain.API, error) {
	if err := db.holdChanges(ctx); err != nil {
		return domain.API{}, err
	}
	return db.FindAPI(ctx, audience)
}

// ListAPIs implements registry.APIs.
func (db *DB) ListAPIs(ctx context.Context, p domain.Page) (apis []domain.API, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		apis, err = pageOf(ctx, c, scanAPI, pageQuery{
			columns: apiColumns, from: `apis`, id: `id`, key: `audience`, names: []string{`audience`, `name`},
		}, p)
		if err != nil {
			return err
		}
		return addPermissions(ctx, c, pointers(apis))
	})
	return apis, err
}

func addPermissions(ctx context.Context, c conn, apis []*domain.API) error {
	if len(apis) == 0 {
		return nil
	}
	byID, ids := index(apis, func(a *domain.API) int64 { return a.ID })
	placeholders, args := in(nil, ids...)
	return c.each(ctx, func(row scanner) error {
		var id int64
		var p domain.Permission
		if err := row.Scan(&id, &p.Name, &p.Description); err != nil {
			return err
		}
		byID[id].Permissions = append(byID[id].Permissions, p)
		return nil
	}, `SELECT api_id, name, description FROM permissions WHERE api_id IN `+placeholders+` ORDER BY api_id, name`, args...)
}

// KnownPermissions returns those of the names that any API has as a permission.
func (db *DB) KnownPermissions(ctx context.Context, names []string) ([]string, error) {
	return findAll(ctx, db, scanString, `SELECT r.name FROM `+db.dialect.rows(`$1`, `name`)+` r
		WHERE EXISTS (SELECT 1 FROM permissions p WHERE p.name = r.name)`, nameRows(names))
}
