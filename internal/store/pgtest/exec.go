package pgtest

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Exec runs SQL on the database at a URL, beside whoever else uses it.
func Exec(tb testing.TB, url, query string) {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(tb.Context(), query); err != nil {
		tb.Fatal(err)
	}
}

// Hold runs SQL in a transaction that stays open until release is called: it keeps the locks that the SQL takes.
func Hold(tb testing.TB, url, query string) (release func()) {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := conn.Exec(tb.Context(), `BEGIN; `+query); err != nil {
		tb.Fatal(err)
	}
	return func() { _ = conn.Close(context.Background()) }
}

// SetInDatabase gives the role of a URL a setting in its database. Connections that are open end.
func SetInDatabase(tb testing.TB, url, name, value string) {
	tb.Helper()
	Exec(tb, url, `DO $$ BEGIN EXECUTE format('ALTER ROLE %I IN DATABASE %I SET `+name+` = `+value+`', current_user, current_database()); END $$`)
	Exec(tb, url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
}

// DatabaseOf is Database, but in another encoding.
func DatabaseOf(tb testing.TB, encoding string) string {
	tb.Helper()
	return sharedCluster(tb).create(tb, "template0 ENCODING '"+encoding+"' LOCALE 'C'")
}

// DatabaseIn is Database, but for one whose tables are in a folder that PostgreSQL's own user may write to.
func DatabaseIn(tb testing.TB, folder string) string {
	tb.Helper()
	c := sharedCluster(tb)
	space := "space_" + strings.ToLower(rand.Text()[:12])
	if c.owner != nil {
		if err := os.Chown(folder, int(c.owner.Uid), int(c.owner.Gid)); err != nil {
			tb.Fatal(err)
		}
	}
	if err := c.admin(`CREATE TABLESPACE ` + space + ` LOCATION '` + folder + `'`); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.admin(`DROP TABLESPACE ` + space); err != nil {
			tb.Logf("leave a tablespace behind: %v", err)
		}
	})
	return c.create(tb, "template1 TABLESPACE "+space)
}
