package store

import (
	"cmp"
	"context"
	"maps"
	"math/bits"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// clientSettings are the columns that are set when a client is registered and with each update.
func clientSettings(cl *domain.Client) columns {
	return columns{
		{"name", &cl.Name},
		{"is_public", &cl.Public},
		{"first_party", &cl.FirstParty},
		{"require_pkce", &cl.RequirePKCE},
		{"keep_refresh_tokens", &cl.KeepRefreshTokens},
		{"refresh_overlap", lastingOrNull(&cl.RefreshOverlap)},
		{"session_refresh_tokens", &cl.SessionRefreshTokens},
		{"revoke_on_session_end", &cl.RevokeOnSessionEnd},
		{"grant_types", listOf(&cl.GrantTypes)},
		{"redirect_uris", listOf(&cl.RedirectURIs)},
		{"post_logout_redirect_uris", listOf(&cl.PostLogoutRedirectURIs)},
		{"backchannel_logout_uri", &cl.BackchannelLogoutURI},
		{"backchannel_logout_private", &cl.BackchannelLogoutPrivate},
		{"frontchannel_logout_uri", &cl.FrontchannelLogoutURI},
		{"frontchannel_logout_session_required", &cl.FrontchannelLogoutSID},
		{"id_token_alg", &cl.IDTokenAlg},
		{"serves_userinfo", &cl.ServesUserinfo},
		{"userinfo_alg", &cl.UserinfoAlg},
		{"subject_type", orElse(&cl.SubjectType, domain.SubjectTypePublic)},
		{"sector_identifier", &cl.SectorIdentifier},
		{"group_names", orElse(&cl.GroupNames, domain.GroupsByName)},
		{"jwks", &cl.JWKS},
		{"jwks_uri", &cl.JWKSURI},
		{"jwks_uri_private", &cl.JWKSURIPrivate},
		{"endpoint_audience", &cl.EndpointAudience},
		{"claim_mappings", listOf(&cl.ClaimMappings)},
		{"disabled_at", atOrNull(&cl.DisabledAt)},
		{"disabled_reason", &cl.DisabledReason},
		{"updated_at", at(&cl.UpdatedAt)},
	}
}

// The columns of clients beside their settings: managed_by is set by SetManagedBy, origin and registration_token are set once, last_used_at by TouchClient.
var clientColumns = `id, client_id, version, managed_by, created_at, origin, registration_token, last_used_at` + clientSettings(&domain.Client{}).names()

func scanClient(row scanner) (cl domain.Client, err error) {
	err = row.Scan(clientSettings(&cl).values(&cl.ID, &cl.ClientID, &cl.Version, &cl.ManagedBy, at(&cl.CreatedAt),
		&cl.Origin, &cl.RegistrationTokenHash, at(&cl.LastUsedAt))...)
	return cl, err
}

// InsertClient implements registry.Clients.
func (db *DB) InsertClient(ctx context.Context, client domain.Client) (id int64, err error) {
	err = db.change(ctx, func(ctx context.Context, c *change) error {
		ids, err := c.insertClients(ctx, []domain.Client{client})
		id = ids[client.ClientID]
		return err
	})
	return id, err
}

// InsertClients implements registry.ClientSets.
func (db *DB) InsertClients(ctx context.Context, clients []domain.Client) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		_, err := c.insertClients(ctx, clients)
		return err
	})
}

// insertClients returns the ids by client_id.
func (c *change) insertClients(ctx context.Context, clients []domain.Client) (map[string]int64, error) {
	if err := findAccess(ctx, c.conn, clients...); err != nil {
		return nil, err
	}
	const atOnce = 64
	ids := make(map[string]int64, len(clients))
	for rest := clients; len(rest) > 0; {
		n := min(atOnce, 1<<(bits.Len(uint(len(rest)))-1)) // few different statements
		var rows []string
		var args []any
		for i := range rest[:n] {
			client, row := &rest[i], ""
			row, args = in(args, clientSettings(client).values(client.ClientID, at(&client.CreatedAt),
				string(cmp.Or(client.Origin, domain.OriginAdministrator)), client.RegistrationTokenHash)...)
			rows = append(rows, row)
		}
		inserted, err := c.writeNamed(ctx, `INSERT INTO clients (client_id, created_at, origin, registration_token`+clientSettings(&domain.Client{}).names()+`)
			VALUES `+strings.Join(rows, `, `)+` ON CONFLICT DO NOTHING RETURNING id, client_id`, args...)
		if err != nil {
			return nil, err
		}
		maps.Copy(ids, inserted)
		rest = rest[n:]
	}
	var secrets [][]any
	for i, client := range clients {
		id, ok := ids[client.ClientID]
		if !ok {
			return nil, &domain.ElementError{Index: i, Err: domain.ErrExists}
		}
		for _, s := range client.Secrets {
			secrets = append(secrets, []any{id, s.Hash, s.Hint, micros(s.CreatedAt), nullMicros(s.ExpiresAt)})
		}
		c.note(domain.ChangeClient, client.ClientID)
	}
	if len(secrets) > 0 {
		_, err := c.exec(ctx, `INSERT INTO client_secrets (client_ref, hash, hint, created_at, expires_at)
			SELECT r.client, r.hash, r.hint, r.created_at, r.expires_at FROM `+
			c.db.dialect.rows(`$1`, `client BIGINT`, `hash`, `hint`, `created_at BIGINT`, `expires_at BIGINT`)+` r`, jsonRows(secrets))
		if err != nil {
			return nil, err
		}
	}
	return ids, putAccess(ctx, c.conn, ids, clients...)
}

// UpdateClient implements registry.Clients.
func (db *DB) UpdateClient(ctx context.Context, client domain.Client) error {
	return db.UpdateClients(ctx, []domain.Client{client})
}

// UpdateClients implements registry.ClientSets.
func (db *DB) UpdateClients(ctx context.Context, clients []domain.Client) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		if err := findAccess(ctx, c.conn, clients...); err != nil {
			return err
		}
		ids := make(map[string]int64, len(clients))
		for i := range clients {
			client := &clients[i]
			settings := clientSettings(client)
			id, err := one(ctx, c.conn, scanInt, `
				UPDATE clients SET version = version + 1`+settings.assignments(3)+`
				WHERE client_id = $1 AND CAST($2 AS BIGINT) IN (0, version) RETURNING id`,
				settings.values(client.ClientID, client.Version)...)
			if err != nil {
				err = conflict(ctx, c.conn, err, `SELECT id FROM clients WHERE client_id = $1`, client.ClientID)
				return &domain.ElementError{Index: i, Err: err}
			}
			ids[client.ClientID] = id
			c.note(domain.ChangeClient, client.ClientID)
		}
		for _, table := range []string{`client_apis`, `client_serves`} {
			_, err := c.exec(ctx, `DELETE FROM `+table+` WHERE client_ref IN (SELECT CAST(l.id AS BIGINT) FROM `+db.dialect.rows(`$1`, `id BIGINT`)+` l)`,
				idRows(slices.Collect(maps.Values(ids))))
			if err != nil {
				return err
			}
		}
		return putAccess(ctx, c.conn, ids, clients...)
	})
}

// DeleteClients implements registry.Clients.
func (db *DB) DeleteClients(ctx context.Context, clientIDs []string) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		_, err := c.deleteNamed(ctx, clientIDs, `DELETE FROM clients WHERE client_id IN (SELECT w.name FROM `+db.dialect.rows(`$1`, `name`)+` w)
			RETURNING id, client_id`, nameRows(clientIDs))
		if err != nil {
			return err
		}
		c.note(domain.ChangeClient, clientIDs...)
		c.note(domain.ChangeClientAccess, clientIDs...)
		return nil
	})
}

// FindClient implements registry.Clients.
func (db *DB) FindClient(ctx context.Context, clientID string) (client domain.Client, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		client, err = one(ctx, c, scanClient, `SELECT `+clientColumns+` FROM clients WHERE client_id = $1`, clientID)
		if err != nil {
			return err
		}
		return addClientParts(ctx, c, []*domain.Client{&client})
	})
	return client, err
}

// HoldClient implements registry.Clients.
func (db *DB) HoldClient(ctx context.Context, clientID string) (domain.Client, error) {
	if err := db.holdChanges(ctx); err != nil {
		return domain.Client{}, err
	}
	return db.FindClient(ctx, clientID)
}

// ListClients implements registry.Clients.
func (db *DB) ListClients(ctx context.Context, f domain.ClientFilter, p domain.Page) (clients []domain.Client, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		q := pageQuery{
			columns: clientColumns, from: `clients`, where: disabled(`disabled_at`, f.Disabled), filtered: f.Disabled != nil || f.Origin == domain.OriginAdministrator,
			id: `id`, key: `client_id`, names: []string{`client_id`, `name`},
		}
		switch f.Origin {
		case "":
		case domain.OriginAdministrator:
			q.where = append(q.where, `origin = `+q.arg(string(f.Origin)))
		default:
			err = q.choose(ctx, c, `clients.id`, choice{
				`o.id`, `clients o`, `o.origin = %s AND o.origin <> 'administrator'`, `COALESCE(o.last_used_at, o.created_at)`, []any{string(f.Origin)},
			})
		}
		if f.Audience != "" && err == nil {
			err = q.chooseOf(ctx, c, `clients.id`, choice{selected: `k.client_ref`, from: `client_apis k`, order: `k.api_id`},
				`SELECT id FROM apis WHERE audience = $1`, f.Audience)
		}
		if err != nil {
			return err
		}
		clients, err = pageOf(ctx, c, scanClient, q, p)
		if err != nil {
			return err
		}
		return addClientParts(ctx, c, pointers(clients))
	})
	return clients, err
}

// InsertClientSecret implements registry.Secrets.
func (db *DB) InsertClientSecret(ctx context.Context, clientID string, secret domain.ClientSecret) (id int64, err error) {
	err = db.change(ctx, func(ctx context.Context, c *change) error {
		client, err := one(ctx, c.conn, scanInt, `SELECT id FROM clients WHERE client_id = $1`, clientID)
		if err != nil {
			return err
		}
		if id, err = insertSecret(ctx, c.conn, client, secret); err != nil {
			return err
		}
		c.note(domain.ChangeClient, clientID)
		return nil
	})
	return id, err
}

func insertSecret(ctx context.Context, c conn, client int64, secret domain.ClientSecret) (int64, error) {
	return one(ctx, c, scanInt, `
		INSERT INTO client_secrets (client_ref, hash, hint, created_at, expires_at) VALUES ($1, $2, $3, $4, $5) RETURNING id`,
		client, secret.Hash, secret.Hint, micros(secret.CreatedAt), nullMicros(secret.ExpiresAt))
}

// ReplaceClientSecret implements registry.Secrets.
func (db *DB) ReplaceClientSecret(ctx context.Context, clientID string, id int64, old, replacement string) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		n, err := c.exec(ctx, `
			UPDATE client_secrets SET hash = $4 WHERE id = $1 AND hash = $3 AND client_ref = (SELECT id FROM clients WHERE client_id = $2)`,
			id, clientID, old, replacement)
		if err == nil && n == 0 {
			return domain.ErrConflict
		}
		if err != nil {
			return err
		}
		c.note(domain.ChangeClient, clientID)
		return nil
	})
}

// DeleteClientSecret implements registry.Secrets.
func (db *DB) DeleteClientSecret(ctx context.Context, clientID string, id int64) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		_, err := one(ctx, c.conn, scanInt, `
			DELETE FROM client_secrets WHERE id = $1 AND client_ref = (SELECT id FROM clients WHERE client_id = $2) RETURNING id`, id, clientID)
		if err != nil {
			return err
		}
		c.note(domain.ChangeClient, clientID)
		return nil
	})
}

// findAccess returns ErrNotFound if one of the clients names an API or permission that does not exist.
func findAccess(ctx context.Context, c conn, clients ...domain.Client) error {
	apis, permissions, serves := accessRows(nil, clients)
	if apis == noRows && serves == noRows {
		return nil
	}
	rows := c.db.dialect.rows
	missing, err := one(ctx, c, scanInt, `
		SELECT (SELECT COUNT(*) FROM `+rows(`$1`, `client BIGINT`, `audience`)+` r WHERE NOT EXISTS (SELECT 1 FROM apis a WHERE a.audience = r.audience))
			+ (SELECT COUNT(*) FROM `+rows(`$3`, `client BIGINT`, `audience`)+` r WHERE NOT EXISTS (SELECT 1 FROM apis a WHERE a.audience = r.audience))
			+ (SELECT COUNT(*) FROM `+rows(`$2`, `client BIGINT`, `audience`, `permission`)+` r WHERE NOT EXISTS (
				SELECT 1 FROM apis a JOIN permissions p ON p.api_id = a.id WHERE a.audience = r.audience AND p.name = r.permission))`,
		apis, permissions, serves)
	if err == nil && missing > 0 {
		return domain.ErrNotFound
	}
	return err
}

// putAccess stores what clients, that have nothing yet, may ask for and whom they serve. Their ids are by client_id.
func putAccess(ctx context.Context, c conn, ids map[string]int64, clients ...domain.Client) error {
	apis, permissions, serves := accessRows(ids, clients)
	rows := c.db.dialect.rows
	for _, put := range []struct{ query, rows string }{
		{`INSERT INTO client_apis (client_ref, api_id, all_permissions, is_default)
			SELECT r.client, a.id, r.every <> 0, r.standard <> 0 FROM ` + rows(`$1`, `client BIGINT`, `audience`, `every BIGINT`, `standard BIGINT`) + ` r JOIN apis a ON a.audience = r.audience
			WHERE TRUE ON CONFLICT DO NOTHING`, apis},
		{`INSERT INTO client_permissions (client_ref, api_id, permission)
			SELECT r.client, a.id, r.permission FROM ` + rows(`$1`, `client BIGINT`, `audience`, `permission`) + ` r JOIN apis a ON a.audience = r.audience
			WHERE TRUE ON CONFLICT DO NOTHING`, permissions},
		{`INSERT INTO client_serves (client_ref, api_id)
			SELECT r.client, a.id FROM ` + rows(`$1`, `client BIGINT`, `audience`) + ` r JOIN apis a ON a.audience = r.audience
			WHERE TRUE ON CONFLICT DO NOTHING`, serves},
	} {
		if put.rows == noRows {
			continue
		}
		if _, err := c.exec(ctx, put.query, put.rows); err != nil {
			return err
		}
	}
	return nil
}

var noRows = jsonRows([][]any{})

// accessRows are the rows of client_apis, client_permissions and client_serves, by audience, each with the id of its client.
func accessRows(ids map[string]int64, clients []domain.Client) (apis, permissions, serves string) {
	var a, p, s = [][]any{}, [][]any{}, [][]any{}
	for _, client := range clients {
		id := ids[client.ClientID]
		for _, api := range client.APIs {
			a = append(a, []any{id, api.Audience, bit(len(api.Permissions) == 0), bit(api.Default)})
			for _, permission := range api.Permissions {
				p = append(p, []any{id, api.Audience, permission})
			}
		}
		for _, audience := range client.Serves {
			s = append(s, []any{id, audience})
		}
	}
	return jsonRows(a), jsonRows(p), jsonRows(s)
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
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
		var api domain.ClientAPI
		var permission string
		if err := row.Scan(&id, &api.Audience, &api.Default, &permission); err != nil {
			return err
		}
		byID[id].APIs = addClientPermission(byID[id].APIs, api, permission)
		return nil
	}, `SELECT ca.client_ref, a.audience, ca.is_default, COALESCE(p.permission, '') FROM client_apis ca JOIN apis a ON a.id = ca.api_id
		LEFT JOIN client_permissions p ON p.client_ref = ca.client_ref AND p.api_id = ca.api_id
		WHERE ca.client_ref IN `+placeholders+` AND (ca.all_permissions OR p.permission IS NOT NULL)
		ORDER BY ca.client_ref, a.audience, p.permission`, args...)
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
	}, `SELECT s.client_ref, a.audience FROM client_serves s JOIN apis a ON a.id = s.api_id
		WHERE s.client_ref IN `+placeholders+` ORDER BY s.client_ref, a.audience`, args...)
	if err != nil {
		return err
	}
	if err := addTrusts(ctx, c, byID, placeholders, args); err != nil {
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
	}, `SELECT client_ref, id, hash, hint, created_at, expires_at FROM client_secrets
		WHERE client_ref IN `+placeholders+` ORDER BY id`, args...)
}

// addClientPermission adds a row's permission to the list, whose last entry is the row's API if that was there before.
func addClientPermission(apis []domain.ClientAPI, api domain.ClientAPI, permission string) []domain.ClientAPI {
	if len(apis) == 0 || apis[len(apis)-1].Audience != api.Audience {
		apis = append(apis, api)
	}
	if permission != "" {
		last := &apis[len(apis)-1]
		last.Permissions = append(last.Permissions, permission)
	}
	return apis
}
