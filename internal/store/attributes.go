package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
)

const attributeColumns = `id, name, type, description, standard, managed_by, version, created_at, updated_at`

func scanAttribute(row scanner) (a domain.Attribute, err error) {
	err = row.Scan(&a.ID, &a.Name, &a.Type, &a.Description, &a.Standard, &a.ManagedBy, &a.Version, at(&a.CreatedAt), at(&a.UpdatedAt))
	return a, err
}

// InsertAttribute implements directory.Attributes.
func (db *DB) InsertAttribute(ctx context.Context, a domain.Attribute) (id int64, err error) {
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		id, err = insert(ctx, c, `
			INSERT INTO attributes (name, type, description, standard, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING id`,
			a.Name, string(a.Type), a.Description, a.Standard, micros(a.CreatedAt), micros(a.UpdatedAt))
		return err
	})
	return id, err
}

// UpdateAttribute implements directory.Attributes. It makes no revision: what requests use is the values.
func (db *DB) UpdateAttribute(ctx context.Context, a domain.Attribute) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		_, err := one(ctx, c, scanInt, `
			UPDATE attributes SET description = $2, updated_at = $3, version = version + 1
			WHERE name = $1 AND CAST($4 AS BIGINT) IN (0, version) RETURNING id`,
			a.Name, a.Description, micros(a.UpdatedAt), a.Version)
		return conflict(ctx, c, err, `SELECT id FROM attributes WHERE name = $1`, a.Name)
	})
}

// DeleteAttribute implements directory.Attributes.
func (db *DB) DeleteAttribute(ctx context.Context, name string) error {
	return db.change(ctx, func(ctx context.Context, c *change) error {
		id, err := one(ctx, c.conn, scanInt, `SELECT id FROM attributes WHERE name = $1`, name)
		if err != nil {
			return err
		}
		users, err := list(ctx, c.conn, scanInt, `
			UPDATE users SET version = version + 1 WHERE id IN (SELECT user_id FROM user_attributes WHERE attribute_id = $1) RETURNING id`, id)
		if err != nil {
			return err
		}
		if _, err := c.exec(ctx, `DELETE FROM attributes WHERE id = $1`, id); err != nil {
			return err
		}
		c.noteID(domain.ChangeUser, users...)
		return nil
	})
}

// FindAttribute implements directory.Attributes.
func (db *DB) FindAttribute(ctx context.Context, name string) (domain.Attribute, error) {
	return find(ctx, db, scanAttribute, `SELECT `+attributeColumns+` FROM attributes WHERE name = $1`, name)
}

// HoldAttribute implements directory.Attributes.
func (db *DB) HoldAttribute(ctx context.Context, name string) (domain.Attribute, error) {
	if err := db.holdChanges(ctx); err != nil {
		return domain.Attribute{}, err
	}
	return db.FindAttribute(ctx, name)
}

// ListAttributes implements directory.Attributes.
func (db *DB) ListAttributes(ctx context.Context, p domain.Page) ([]domain.Attribute, error) {
	return listPage(ctx, db, scanAttribute, pageQuery{
		columns: attributeColumns, from: `attributes`, id: `id`, key: `name`, names: []string{`name`},
	}, p)
}

// PutUserAttributes implements directory.Attributes.
func (db *DB) PutUserAttributes(ctx context.Context, userID int64, values map[string]any) error {
	rows := make([][]any, 0, len(values))
	for name, value := range values {
		text, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("write attribute %q: %w", name, err)
		}
		rows = append(rows, []any{name, string(text)})
	}
	given := db.dialect.rows(`$2`, `name`, `value`)
	return db.change(ctx, func(ctx context.Context, c *change) error {
		_, err := c.exec(ctx, `DELETE FROM user_attributes WHERE user_id = $1 AND attribute_id NOT IN (
			SELECT a.id FROM `+given+` r JOIN attributes a ON a.name = r.name)`, userID, jsonRows(rows))
		if err != nil {
			return err
		}
		n, err := c.exec(ctx, `INSERT INTO user_attributes (user_id, attribute_id, value)
			SELECT CAST($1 AS BIGINT), a.id, r.value FROM `+given+` r JOIN attributes a ON a.name = r.name WHERE TRUE
			ON CONFLICT (user_id, attribute_id) DO UPDATE SET value = excluded.value`, userID, jsonRows(rows))
		if err == nil && n != int64(len(rows)) {
			err = domain.ErrNotFound
		}
		c.noteID(domain.ChangeUser, userID)
		return err
	})
}

// attributesOf is an expression: the attributes of a user as a JSON object.
func (db *DB) attributesOf(userID string) string {
	return `(SELECT ` + db.dialect.object(`a.name`, `v.value`) + ` FROM user_attributes v JOIN attributes a ON a.id = v.attribute_id WHERE v.user_id = ` + userID + `)`
}

type attributesColumn struct{ to *map[string]any }

// Scan implements [database/sql.Scanner].
func (c attributesColumn) Scan(src any) error {
	*c.to = nil
	if src == nil {
		return nil
	}
	text, err := storedText(src)
	if err != nil {
		return err
	}
	var values map[string]any
	if err := json.Unmarshal(text, &values); err != nil {
		return err
	}
	for name, value := range values {
		if list, ok := value.([]any); ok {
			texts := make([]string, len(list))
			for i, element := range list {
				texts[i], _ = element.(string)
			}
			values[name] = texts
		}
	}
	if len(values) > 0 {
		*c.to = values
	}
	return nil
}
