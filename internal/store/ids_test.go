package store

import (
	"regexp"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestIDsThatRunOutAreReportedInTime(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db *DB) {
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		overriding := map[string]string{"postgres": `OVERRIDING SYSTEM VALUE`}[db.Dialect()]
		for _, statement := range []string{
			`INSERT INTO groups (id, name, description, created_at, updated_at) ` + overriding + ` VALUES (1717986913, 'a', '', 0, 0)`,
			`INSERT INTO roles (id, name, description, created_at, updated_at) ` + overriding + ` VALUES (1717986912, 'a', '', 0, 0)`,
			`INSERT INTO status_lists (id, size, leased, expires_at, created_at) ` + overriding + ` VALUES (2147483647, 1, 0, 0, 0)`,
		} {
			if _, err := db.exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		scarce, err := db.ScarceIDs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]int64{"groups": 1717986913, "status_lists": 2147483647}, scarce); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if db.Dialect() != "postgres" {
			return
		}
		narrow, err := findAll(t.Context(), db, scanString, `SELECT CAST(table_name AS TEXT) FROM information_schema.columns
			WHERE table_schema = 'signet' AND is_identity = 'YES' AND data_type = 'integer' ORDER BY 1`)
		if err != nil || !slices.Equal(narrow, narrowIDs) {
			t.Errorf("tables %v have narrow ids, error %v", narrow, err)
		}
	})
}

// One id has one width: a column that refers to another is as wide as that.
func TestReferencesAreAsWideAsIDs(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db *DB) {
		if db.Dialect() != "postgres" {
			return
		}
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		wide, err := findAll(t.Context(), db, scanString, `SELECT CAST(table_name || '.' || column_name AS TEXT) FROM information_schema.columns
			WHERE table_schema = 'signet' AND data_type = 'bigint' ORDER BY 1`)
		if err != nil {
			t.Fatal(err)
		}
		for _, column := range wide {
			if regexp.MustCompile(`\.(user_id|client_ref|api_id|key_id|role_id|group_id|list_id|status_list)$`).MatchString(column) {
				t.Errorf("%s is of 64 bits", column)
			}
		}
	})
}
