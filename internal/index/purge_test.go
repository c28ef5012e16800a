package index_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestWhatCannotBePurgedKeepsNothingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "signet.db")
	db := storetest.Open(t, "sqlite:"+path)
	f := servicetest.SetUp(t, db)
	file, err := sql.Open("sqlite", path)
	servicetest.Must(t, err)
	t.Cleanup(func() { _ = file.Close() })
	const links = 1500 // more than one step deletes
	_, err = file.ExecContext(t.Context(), `
		CREATE TRIGGER no_assertions BEFORE DELETE ON assertions BEGIN SELECT RAISE(ABORT, 'no'); END;
		INSERT INTO assertions (hash, expires_at) VALUES (x'01', 1);
		INSERT INTO setup_links (hash, created_at, expires_at)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $1) SELECT CAST('h' || i AS BLOB), 0, 1 FROM n`, links)
	servicetest.Must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	n, err := f.A.Index.Purge(ctx)
	if err == nil || n < links {
		t.Errorf("%d rows are purged, want %d, and the assertion: %v", n, links, err)
	}
}
