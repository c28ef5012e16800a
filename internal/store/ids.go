package store

import (
	"context"
	"math"
	"strings"
)

const (
	// MaxID is the largest id of what issued_tokens refers to, and of groups and roles: PostgreSQL keeps them in 32 bits.
	MaxID = math.MaxInt32
	// scarceAt is from when on ids of a table are scarce: there is time for a migration to wider ones.
	scarceAt = MaxID / 10 * 8
)

// narrowIDs are the tables whose ids end at MaxID.
var narrowIDs = []string{"apis", "attributes", "clients", "groups", "roles", "signing_keys", "status_lists", "users"}

// ScarceIDs returns the largest id of each table that has used four fifths of its ids.
func (db *DB) ScarceIDs(ctx context.Context) (map[string]int64, error) {
	largest := make([]string, len(narrowIDs))
	for i, table := range narrowIDs {
		largest[i] = `SELECT '` + table + `' AS name, MAX(id) AS id FROM ` + table
	}
	scarce := map[string]int64{}
	err := db.read(ctx, func(ctx context.Context, c conn) error {
		return c.each(ctx, func(row scanner) error {
			var table string
			var id int64
			err := row.Scan(&table, &id)
			scarce[table] = id
			return err
		}, `SELECT name, id FROM (`+strings.Join(largest, ` UNION ALL `)+`) t WHERE id > $1`, scarceAt)
	})
	return scarce, err
}
