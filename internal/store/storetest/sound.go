package storetest

import (
	"database/sql"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // opens what is looked at
)

// WantSound fails unless SQLite finds nothing wrong with the file of a database, which nobody has open.
func WantSound(tb testing.TB, url string) {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+strings.TrimPrefix(url, "sqlite:"))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	var says string
	if err := db.QueryRowContext(tb.Context(), `PRAGMA integrity_check`).Scan(&says); err != nil || says != "ok" {
		tb.Errorf("the file is damaged: %q %v", says, err)
	}
}
