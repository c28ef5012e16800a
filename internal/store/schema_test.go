package store

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/golang-migrate/migrate/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/migrations"
)

// rewritten are the columns ("table.column") that a later migration changes or drops on purpose.
var rewritten = map[string]bool{}

// TestMigrationsKeepWhatIsStored goes from version to version. At each it adds the rows of testdata/DATABASE/VERSION.sql, if there are
// any, and wants rows in every table; the next migration must leave them as they are.
func TestMigrationsKeepWhatIsStored(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db *DB) {
		latest, err := LatestVersion(db.Dialect())
		if err != nil {
			t.Fatal(err)
		}
		var before map[string][]map[string]string
		for version := uint(1); version <= latest; version++ {
			migrateTo(t, db, version)
			after := contents(t, db)
			for table, rows := range before {
				if len(rows) == 0 {
					continue
				}
				for column := range rows[0] {
					if diff := cmp.Diff(values(rows, column), values(after[table], column)); diff != "" && !rewritten[table+"."+column] {
						t.Errorf("version %d changes %s.%s (-before +after)\n%s", version, table, column, diff)
					}
				}
			}
			seed(t, db, version)
			before = contents(t, db)
			for table, rows := range before {
				if len(rows) == 0 {
					t.Errorf("version %d: no row of %s in testdata", version, table)
				}
			}
		}
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, contents(t, db)); diff != "" {
			t.Errorf("(-before +after)\n%s", diff)
		}
	})
}

func migrateTo(t *testing.T, db *DB, version uint) {
	t.Helper()
	m, release, err := db.migration(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	err = m.Migrate(version)
	_, closing := m.Close()
	if errors.Is(err, migrate.ErrNoChange) {
		err = nil
	}
	if err := errors.Join(err, closing); err != nil {
		t.Fatal(err)
	}
}

// seed adds the rows of testdata for a version.
func seed(t *testing.T, db *DB, version uint) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("testdata/%s/%04d.sql", db.Dialect(), version))
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		_, err = db.writer.ExecContext(t.Context(), string(text))
	}
	if err != nil {
		t.Fatal(err)
	}
}

// contents are the rows of each table, by column, in one order.
func contents(t *testing.T, db *DB) map[string][]map[string]string {
	t.Helper()
	all := map[string][]map[string]string{}
	for _, table := range tables(t, db) {
		rows, err := db.writer.QueryContext(t.Context(), `SELECT * FROM `+table)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = rows.Close() }() // the last Next has done it
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		all[table] = nil
		for rows.Next() {
			cells, dest, row := make([]any, len(columns)), make([]any, len(columns)), map[string]string{}
			for i := range cells {
				dest[i] = &cells[i]
			}
			if err := rows.Scan(dest...); err != nil {
				t.Fatal(err)
			}
			for i, column := range columns {
				row[column] = fmt.Sprintf("%T %v", cells[i], cells[i])
			}
			all[table] = append(all[table], row)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(all[table], func(a, b map[string]string) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	}
	return all
}

func values(rows []map[string]string, column string) (all []string) {
	for _, row := range rows {
		all = append(all, row[column])
	}
	slices.Sort(all)
	return all
}

// tables are all of Signet's, without partitions.
func tables(t *testing.T, db *DB) []string {
	t.Helper()
	query := `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'schema_migrations' ORDER BY 1`
	if db.Dialect() == "postgres" {
		query = `SELECT CAST(relname AS TEXT) FROM pg_class WHERE relnamespace = 'signet'::regnamespace AND relkind IN ('r', 'p')
			AND NOT relispartition AND relname <> 'schema_migrations' ORDER BY 1`
	}
	all, err := findAll(t.Context(), db, scanString, query)
	if err != nil || len(all) < 30 {
		t.Fatalf("tables %v, error %v", all, err)
	}
	return all
}

func TestBothDatabasesHaveTheSameTablesAndColumns(t *testing.T) {
	schemas := map[string]map[string][]string{}
	eachEmpty(t, func(t *testing.T, db *DB) {
		migrateTo(t, db, 1)
		seed(t, db, 1)
		tables := map[string][]string{}
		for table, rows := range contents(t, db) {
			for _, row := range rows {
				tables[table] = slices.Sorted(maps.Keys(row))
			}
		}
		schemas[db.Dialect()] = tables
	})
	if len(schemas) == 2 {
		if diff := cmp.Diff(schemas["postgres"], schemas["sqlite"]); diff != "" {
			t.Errorf("(-postgres +sqlite)\n%s", diff)
		}
	}
}

// constants returns those of the domain that are of a type, or whose name begins so.
func constants(t *testing.T, name string) (all []any) {
	t.Helper()
	files, err := filepath.Glob("../domain/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(node ast.Node) bool {
			spec, ok := node.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			literal, isLiteral := spec.Values[0].(*ast.BasicLit)
			typed, isTyped := spec.Type.(*ast.Ident)
			if isLiteral && (isTyped && typed.Name == name || !isTyped && strings.HasPrefix(spec.Names[0].Name, name)) {
				all = append(all, strings.Trim(literal.Value, `"`))
			}
			return true
		})
	}
	if len(all) == 0 {
		t.Fatalf("the domain has no constants %s", name)
	}
	return all
}

func TestTheDatabaseRefusesWhatTheDomainDoesNotName(t *testing.T) {
	algs := constants(t, "ES256")
	algs = append(append(algs, constants(t, "RS256")...), constants(t, "EdDSA")...)
	if len(algs) != len(domain.SigningAlgs) {
		t.Fatalf("%v are the algorithms, not %v", domain.SigningAlgs, algs)
	}
	allowed := map[string][]any{ // by table.column
		"changes.kind":           append(constants(t, "ChangeKind"), everything),
		"apis.signing_alg":       algs,
		"clients.id_token_alg":   algs,
		"clients.origin":         constants(t, "ClientOrigin"),
		"signing_keys.alg":       algs,
		"signing_keys.state":     constants(t, "KeyState"),
		"credentials.kind":       constants(t, "CredentialKind"),
		"issued_tokens.kind":     {"2"}, // and NULL for domain.TokenAccess
		"revocations.kind":       constants(t, "RevocationKind"),
		"receivers.method":       constants(t, "Delivery"),
		"outbox.kind":            constants(t, "Event"),
		"outbox.initiator":       constants(t, "Initiator"),
		"outbox.format":          constants(t, "Format"),
		"users.version":          {"1", "2"},
		"attributes.version":     {"1", "2"},
		"attributes.type":        constants(t, "AttributeType"),
		"groups.version":         {"1", "2"},
		"roles.version":          {"1", "2"},
		"apis.version":           {"1", "2"},
		"clients.version":        {"1", "2"},
		"receivers.version":      {"1", "2"},
		"apis.memberships":       constants(t, "Memberships"),
		"apis.group_names":       constants(t, "GroupNames"),
		"clients.userinfo_alg":   append([]any{""}, algs...),
		"clients.subject_type":   constants(t, "SubjectType"),
		"clients.group_names":    constants(t, "GroupNames"),
		"clients.grant_types":    {"'[]'"},
		"clients.claim_mappings": {"'[]'"},
		"apis.claim_mappings":    {"'[]'"},
		"apis.encrypted_claims":  {"'[]'"},
		"clients.redirect_uris":  {"'[]'"},
		"sessions.amr":           {"'[]'"},
		"grants.amr":             {"'[]'"},
		"grant_apis.scopes":      {"'[]'"},
		"consents.scopes":        {"'[]'"},
		"device_requests.apis":   {"'[]'"},
		"receivers.events":       {"'[]'"},
		"audit_events.details":   {"'{}'"},
	}
	if kinds := constants(t, "TokenKind"); len(kinds) != 2 {
		t.Errorf("kinds of token %v: those but 1 must be allowed in issued_tokens", kinds)
	}
	for _, name := range columnNames(t, `(\w+) +TEXT NOT NULL CHECK \(\w+ IN`) {
		if allowed[name] == nil {
			t.Errorf("%s has a list of words that is compared with no constants", name)
		}
	}
	foreign := map[string]string{"version": "0", "kind": "3", "grant_types": "'{}'", "redirect_uris": "'{}'", "claim_mappings": "'{}'", "encrypted_claims": "'{}'", "amr": "'{}'", "scopes": "'{}'", "apis": "'{}'",
		"events": "'{}'", "details": "'[]'"}
	eachEmpty(t, func(t *testing.T, db *DB) {
		migrateTo(t, db, 1)
		seed(t, db, 1)
		none := map[string]string{"sqlite": `'[]'`, "postgres": `CAST('[]' AS JSON)`}[db.Dialect()]
		empty := map[string]string{"sqlite": `'{}'`, "postgres": `CAST('{}' AS JSON)`}[db.Dialect()]
		set := func(table, column, value string) error {
			statement := `UPDATE ` + table + ` SET ` + column + ` = ` + value
			if table == "revocations" { // what is lost there belongs to two kinds, criteria to one
				statement += `, lost = CASE WHEN ` + value + ` IN ('role', 'group') THEN ` + none + ` END, criteria = CASE WHEN ` + value + ` = 'criteria' THEN ` + empty + ` END`
			}
			_, err := db.exec(t.Context(), statement)
			return err
		}
		for name, constants := range allowed {
			table, column, _ := strings.Cut(name, ".")
			other, isNumberOrJSON := foreign[column]
			text := !isNumberOrJSON || column == "kind" && table != "issued_tokens"
			if text {
				other = "'foreign'"
			}
			for _, constant := range constants {
				value := fmt.Sprint(constant)
				if text {
					value = "'" + value + "'"
				}
				if err := set(table, column, value); isCheck(err) {
					t.Errorf("%s cannot be %s: %v", name, value, err)
				}
			}
			if err := set(table, column, other); !isCheck(err) {
				t.Errorf("%s can be %s: error %v", name, other, err)
			}
		}
		if db.Dialect() == "sqlite" {
			for _, name := range columnNames(t, `(\w+) +BOOLEAN`) {
				table, column, _ := strings.Cut(name, ".")
				if err := set(table, column, "2"); !isCheck(err) {
					t.Errorf("%s is a boolean and can be 2: error %v", name, err)
				}
			}
			loose, err := findAll(t.Context(), db, scanString, `SELECT name FROM pragma_table_list
				WHERE type = 'table' AND NOT strict AND name NOT LIKE 'sqlite%' AND name <> 'schema_migrations'`)
			if err != nil || len(loose) > 0 {
				t.Errorf("tables %v are not STRICT, error %v", loose, err)
			}
			return
		}
		silent, err := findAll(t.Context(), db, scanString, `SELECT CAST(relname AS TEXT) FROM pg_class
			WHERE relnamespace = 'signet'::regnamespace AND relkind IN ('r', 'p', 'v') AND NOT relispartition
			AND relname <> 'schema_migrations' AND obj_description(oid, 'pg_class') IS NULL`)
		if err != nil || len(silent) > 0 {
			t.Errorf("tables %v have no comment, error %v", silent, err)
		}
	})
}

// columnNames are those of PostgreSQL's tables that are defined so, as table.column.
func columnNames(t *testing.T, definition string) (all []string) {
	t.Helper()
	text, err := fs.ReadFile(migrations.FS, "postgres/0001_initial.up.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\)`).FindAllStringSubmatch(string(text), -1) {
		for _, column := range regexp.MustCompile(`\n    `+definition).FindAllStringSubmatch(table[2], -1) {
			all = append(all, table[1]+"."+column[1])
		}
	}
	if len(all) < 8 {
		t.Fatalf("found only %v", all)
	}
	return all
}

func isCheck(err error) bool {
	if failed, ok := errors.AsType[*pgconn.PgError](err); ok {
		return failed.Code == "23514"
	}
	failed, ok := errors.AsType[*sqlite.Error](err)
	return ok && failed.Code() == sqlite3.SQLITE_CONSTRAINT_CHECK
}
