package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

const resourceColumns = `r.type, r.name, r.properties, r.version, r.created_at, r.updated_at`

func scanResource(row scanner) (r domain.Resource, err error) {
	err = row.Scan(&r.Type, &r.ID, &r.Properties, &r.Version, at(&r.CreatedAt), at(&r.UpdatedAt))
	return r, err
}

// PutResources implements policy.Resources.
func (db *DB) PutResources(ctx context.Context, audience string, resources []domain.Resource, most int) error {
	rows := make([][]any, len(resources))
	for i, r := range resources {
		rows[i] = []any{r.Type, r.ID, r.Properties, micros(r.UpdatedAt)}
	}
	return db.change(ctx, func(ctx context.Context, c *change) error {
		api, err := one(ctx, c.conn, scanInt, `SELECT id FROM apis WHERE audience = $1`, audience)
		if err != nil {
			return err
		}
		_, err = c.exec(ctx, `
			INSERT INTO resources (api_id, type, name, properties, version, created_at, updated_at)
			SELECT CAST($1 AS INTEGER), w.type, w.name, w.properties, CAST($3 AS BIGINT), w.at, w.at
			FROM `+db.dialect.rows(`$2`, `type`, `name`, `properties`, `at BIGINT`)+` w WHERE TRUE
			ON CONFLICT (api_id, type, name) DO UPDATE SET properties = excluded.properties, updated_at = excluded.updated_at, version = excluded.version`,
			api, jsonRows(rows), c.revision)
		if err != nil {
			return err
		}
		n, err := one(ctx, c.conn, scanInt, `SELECT COUNT(*) FROM resources WHERE api_id = $1`, api)
		if err != nil {
			return err
		}
		if n > int64(most) {
			return domain.Invalid("resources", domain.RuleTooMany, "API %q: it would have %d resources; register at most %d", audience, n, most)
		}
		for _, r := range resources {
			c.note(domain.ChangeResource, domain.ResourceKey(api, r.Name()))
		}
		c.note(domain.ChangeResource, strconv.FormatInt(api, 10))
		return nil
	})
}

// DeleteResources implements policy.Resources.
func (db *DB) DeleteResources(ctx context.Context, audience string, names []domain.ResourceName) error {
	rows := make([][]any, len(names))
	for i, n := range names {
		rows[i] = []any{n.Type, n.ID}
	}
	return db.change(ctx, func(ctx context.Context, c *change) error {
		api, err := one(ctx, c.conn, scanInt, `SELECT id FROM apis WHERE audience = $1`, audience)
		if err != nil {
			return err
		}
		n, err := c.exec(ctx, `DELETE FROM resources WHERE api_id = $1 AND (type, name) IN (SELECT w.type, w.name FROM `+db.dialect.rows(`$2`, `type`, `name`)+` w)`,
			api, jsonRows(rows))
		if err == nil && n < int64(len(names)) {
			err = fmt.Errorf("%d of %d resources: %w", int64(len(names))-n, len(names), domain.ErrNotFound)
		}
		if err != nil {
			return err
		}
		for _, name := range names {
			c.note(domain.ChangeResource, domain.ResourceKey(api, name))
		}
		c.note(domain.ChangeResource, strconv.FormatInt(api, 10))
		return nil
	})
}

// HoldResource implements policy.Resources.
func (db *DB) HoldResource(ctx context.Context, audience string, name domain.ResourceName) (domain.Resource, error) {
	if err := db.holdChanges(ctx); err != nil {
		return domain.Resource{}, err
	}
	return db.FindResource(ctx, audience, name)
}

// FindResource implements policy.Resources.
func (db *DB) FindResource(ctx context.Context, audience string, name domain.ResourceName) (domain.Resource, error) {
	return find(ctx, db, scanResource, `SELECT `+resourceColumns+` FROM resources r WHERE r.api_id = (SELECT id FROM apis WHERE audience = $1) AND r.type = $2 AND r.name = $3`,
		audience, name.Type, name.ID)
}

// HasResources implements policy.Resources.
func (db *DB) HasResources(ctx context.Context, audience string) (bool, error) {
	return find(ctx, db, scanBool, `SELECT EXISTS (SELECT 1 FROM resources WHERE api_id = (SELECT id FROM apis WHERE audience = $1))`, audience)
}

// ListResources implements policy.Resources. Of an API there are few.
func (db *DB) ListResources(ctx context.Context, audience, kind string, p domain.Page) ([]domain.Resource, error) {
	q := pageQuery{
		columns: resourceColumns, from: `resources r`, key: `r.type, r.name`, place: func(place string) ([]any, error) {
			ofType, id, _ := strings.Cut(place, ":")
			return []any{ofType, id}, nil
		},
		names: []string{`r.name`, `(r.type || ':' || r.name)`}, few: true,
	}
	q.where = []string{`r.api_id = (SELECT id FROM apis WHERE audience = ` + q.arg(audience) + `)`}
	if kind != "" {
		q.where = append(q.where, `r.type = `+q.arg(kind))
	}
	return listPage(ctx, db, scanResource, q, p)
}

// ResourcesOf implements policy.Resources.
func (db *DB) ResourcesOf(ctx context.Context, audiences []string) (map[string][]domain.Resource, error) {
	found := map[string][]domain.Resource{}
	err := db.read(ctx, func(ctx context.Context, c conn) error {
		return c.each(ctx, func(row scanner) error {
			var audience string
			var r domain.Resource
			err := row.Scan(&audience, &r.Type, &r.ID, &r.Properties, &r.Version, at(&r.CreatedAt), at(&r.UpdatedAt))
			found[audience] = append(found[audience], r)
			return err
		}, `SELECT a.audience, `+resourceColumns+` FROM `+db.dialect.rows(`$1`, `name`)+` w JOIN apis a ON a.audience = w.name
			JOIN resources r ON r.api_id = a.id ORDER BY a.audience, r.type, r.name`, nameRows(audiences))
	})
	return found, err
}
