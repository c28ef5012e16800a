package store

import (
	"context"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
)

const clientColumns = `id, client_id, name, is_public, first_party, grant_types, redirect_uris, id_token_alg, disabled_at, version, created_at, updated_at`

func scanClient(row scanner) (cl domain.Client, err error) {
	err = row.Scan(&cl.ID, &cl.ClientID, &cl.Name, &cl.Public, &cl.FirstParty, listOf(&cl.GrantTypes), listOf(&cl.RedirectURIs),
		&cl.IDTokenAlg, at(&cl.DisabledAt), &cl.Version, at(&cl.CreatedAt), at(&cl.UpdatedAt))
	return cl, err
}

// InsertClient stores the client with its APIs, served audiences and secrets.
// ErrExists if the client_id is taken, ErrNotFound if it names an API or permission that does not exist.
func (db *DB) InsertClient(ctx context.Context, client domain.Client) (id int64, err error) {
	err = db.change(ctx, func(ctx context.Context, c *change) error {
		access, err := resolveAccess(ctx, c.conn, client)
		if err != nil {
			return err
		}
		id, err = insert(ctx, c.conn, `
			INSERT INTO clients (client_id, name, is_public, first_party, grant_types, redirect_uris, id_token_alg, disabled_at, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING id`,
			client.ClientID, client.Name, client.Public, client.FirstParty, jsonList(client.GrantTypes), jsonList(client.RedirectURIs),
			client.IDTokenAlg, nullMicros(client.DisabledAt), micros(client.CreatedAt), micros(client.UpdatedAt))
		if err != nil {
			return err
		}
		if err := access.put(ctx, c.conn, id); err != nil {
			return err
		}
		for _, secret := range client.Secrets {
			if _, err := insertSecret(ctx, c.conn, id, secret); err != nil {
				return err
			}
		}
		return c.note(ctx, domain.ChangeClient, client.ClientID)
	})
	return id, err
}

// UpdateClient sets all but client_id and secrets. ErrNotFound as for InsertClient or if there is no such client, ErrConflict if
// client.Version is neither zero nor that of the client.
func (db *DB) UpdateClient(ctx context.Context, client domain.Client) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		access, err := resolveAccess(ctx, c.conn, client)
		if err != nil {
			return err
		}
		id, err := one(ctx, c.conn, scanInt, `
			UPDATE clients SET name = $2, is_public = $3, first_party = $4, grant_types = $5, redirect_uris = $6, id_token_alg = $7,
				disabled_at = $8, updated_at = $9, version = version + 1
			WHERE client_id = $1 AND CAST($10 AS BIGINT) IN (0, version) RETURNING id`,
			client.ClientID, client.Name, client.Public, client.FirstParty, jsonList(client.GrantTypes), jsonList(client.RedirectURIs),
			client.IDTokenAlg, nullMicros(client.DisabledAt), micros(client.UpdatedAt), client.Version)
		if err != nil {
			return conflict(ctx, c.conn, err, `SELECT id FROM clients WHERE client_id = $1`, client.ClientID)
		}
		if _, err := c.exec(ctx, `DELETE FROM client_permissions WHERE client_id = $1`, id); err != nil {
			return err
		}
		if _, err := c.exec(ctx, `DELETE FROM client_serves WHERE client_id = $1`, id); err != nil {
			return err
		}
		if err := access.put(ctx, c.conn, id); err != nil {
			return err
		}
		return c.note(ctx, domain.ChangeClient, client.ClientID)
	})
}

// DeleteClient returns ErrNotFound if there is no such client_id. Grants, consents and assignments go with it.
func (db *DB) DeleteClient(ctx context.Context, clientID string) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		if _, err := one(ctx, c.conn, scanInt, `DELETE FROM clients WHERE client_id = $1 RETURNING id`, clientID); err != nil {
			return err
		}
		if err := c.note(ctx, domain.ChangeClient, clientID); err != nil {
			return err
		}
		return c.note(ctx, domain.ChangeClientAccess, clientID)
	})
}

// FindClient returns ErrNotFound if there is no such client_id.
func (db *DB) FindClient(ctx context.Context, clientID string) (client domain.Client, err error) {
	return db.findClient(ctx, clientID, ``)
}

// HoldClient is FindClient that keeps others from changing the client until the transaction ends.
func (db *DB) HoldClient(ctx context.Context, clientID string) (client domain.Client, err error) {
	return db.findClient(ctx, clientID, db.dialect.forUpdate())
}

func (db *DB) findClient(ctx context.Context, clientID, lock string) (client domain.Client, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		client, err = one(ctx, c, scanClient, `SELECT `+clientColumns+` FROM clients WHERE client_id = $1`+lock, clientID)
		if err != nil {
			return err
		}
		return addClientParts(ctx, c, []*domain.Client{&client})
	})
	return client, err
}

// ListClients returns clients by client_id, those after the given one, at most limit.
func (db *DB) ListClients(ctx context.Context, after string, limit int) (clients []domain.Client, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		clients, err = list(ctx, c, scanClient, `SELECT `+clientColumns+` FROM clients WHERE client_id > $1 ORDER BY client_id LIMIT $2`, after, limit)
		if err != nil {
			return err
		}
		return addClientParts(ctx, c, pointers(clients))
	})
	return clients, err
}

// InsertClientSecret adds a secret. ErrNotFound if there is no such client_id.
func (db *DB) InsertClientSecret(ctx context.Context, clientID string, secret domain.ClientSecret) (id int64, err error) {
	err = db.change(ctx, func(ctx context.Context, c *change) error {
		client, err := one(ctx, c.conn, scanInt, `SELECT id FROM clients WHERE client_id = $1`, clientID)
		if err != nil {
			return err
		}
		if id, err = insertSecret(ctx, c.conn, client, secret); err != nil {
			return err
		}
		return c.note(ctx, domain.ChangeClient, clientID)
	})
	return id, err
}

func insertSecret(ctx context.Context, c conn, client int64, secret domain.ClientSecret) (int64, error) {
	return one(ctx, c, scanInt, `
		INSERT INTO client_secrets (client_id, hash, hint, created_at, expires_at) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
		client, secret.Hash, secret.Hint, micros(secret.CreatedAt), nullMicros(secret.ExpiresAt))
}

// DeleteClientSecret returns ErrNotFound if the client has no secret of that id.
func (db *DB) DeleteClientSecret(ctx context.Context, clientID string, id int64) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		_, err := one(ctx, c.conn, scanInt, `
			DELETE FROM client_secrets WHERE id = $1 AND client_id = (SELECT id FROM clients WHERE client_id = $2) RETURNING id`, id, clientID)
		if err != nil {
			return err
		}
		return c.note(ctx, domain.ChangeClient, clientID)
	})
}

// clientAccess is what a client may ask for and whom it serves, by database ids.
type clientAccess struct {
	permissions []clientPermission
	serves      []int64
}

type clientPermission struct {
	api        int64
	permission string // empty: all
}

// resolveAccess looks up what a client names. ErrNotFound if something is not there.
func resolveAccess(ctx context.Context, c conn, client domain.Client) (access clientAccess, err error) {
	for _, a := range client.APIs {
		api, err := one(ctx, c, scanInt, `SELECT id FROM apis WHERE audience = $1`, a.Audience)
		if err != nil {
			return access, err
		}
		known, err := list(ctx, c, scanString, `SELECT name FROM permissions WHERE api_id = $1`, api)
		if err != nil {
			return access, err
		}
		if len(a.Permissions) == 0 {
			access.permissions = append(access.permissions, clientPermission{api: api})
		}
		for _, p := range a.Permissions {
			if !slices.Contains(known, p) {
				return access, domain.ErrNotFound
			}
			access.permissions = append(access.permissions, clientPermission{api, p})
		}
	}
	for _, audience := range client.Serves {
		api, err := one(ctx, c, scanInt, `SELECT id FROM apis WHERE audience = $1`, audience)
		if err != nil {
			return access, err
		}
		access.serves = append(access.serves, api)
	}
	return access, nil
}

func (a clientAccess) put(ctx context.Context, c conn, client int64) error {
	for _, p := range a.permissions {
		_, err := c.exec(ctx, `INSERT INTO client_permissions (client_id, api_id, permission) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			client, p.api, p.permission)
		if err != nil {
			return err
		}
	}
	for _, api := range a.serves {
		_, err := c.exec(ctx, `INSERT INTO client_serves (client_id, api_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, client, api)
		if err != nil {
			return err
		}
	}
	return nil
}

// addClientParts adds APIs, served audiences and secrets to clients.
func addClientParts(ctx context.Context, c conn, clients []*domain.Client) error {
	if len(clients) == 0 {
		return nil
	}
	byID, ids := index(clients, func(cl *domain.Client) int64 { return cl.ID })
	placeholders, args := in(nil, ids...)
	err := c.each(ctx, func(row scanner) error {
		var id int64
		var audience, permission string
		if err := row.Scan(&id, &audience, &permission); err != nil {
			return err
		}
		byID[id].APIs = addClientPermission(byID[id].APIs, audience, permission)
		return nil
	}, `SELECT p.client_id, a.audience, p.permission FROM client_permissions p JOIN apis a ON a.id = p.api_id
		WHERE p.client_id IN `+placeholders+` ORDER BY p.client_id, a.audience, p.permission`, args...)
	if err != nil {
		return err
	}
	err = c.each(ctx, func(row scanner) error {
		var id int64
		var audience string
		if err := row.Scan(&id, &audience); err != nil {
			return err
		}
		byID[id].Serves = append(byID[id].Serves, audience)
		return nil
	}, `SELECT s.client_id, a.audience FROM client_serves s JOIN apis a ON a.id = s.api_id
		WHERE s.client_id IN `+placeholders+` ORDER BY s.client_id, a.audience`, args...)
	if err != nil {
		return err
	}
	return c.each(ctx, func(row scanner) error {
		var id int64
		var s domain.ClientSecret
		if err := row.Scan(&id, &s.ID, &s.Hash, &s.Hint, at(&s.CreatedAt), at(&s.ExpiresAt)); err != nil {
			return err
		}
		byID[id].Secrets = append(byID[id].Secrets, s)
		return nil
	}, `SELECT client_id, id, hash, hint, created_at, expires_at FROM client_secrets
		WHERE client_id IN `+placeholders+` ORDER BY id`, args...)
}

// addClientPermission adds a row's permission to the list, whose last entry is the row's API if that was there before.
func addClientPermission(apis []domain.ClientAPI, audience, permission string) []domain.ClientAPI {
	if len(apis) == 0 || apis[len(apis)-1].Audience != audience {
		apis = append(apis, domain.ClientAPI{Audience: audience})
	}
	if permission != "" {
		last := &apis[len(apis)-1]
		last.Permissions = append(last.Permissions, permission)
	}
	return apis
}
