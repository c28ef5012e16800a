package server

import (
	"bytes"
	"database/sql"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/config"
)

func TestIDsThatRunOutAreLogged(t *testing.T) {
	dir := made(t).path
	cfg, err := config.Load(config.Sources{Flags: map[string]string{"data_dir": dir}})
	check(t, err)
	s, err := Open(t.Context(), cfg, ModeManage)
	check(t, err)
	t.Cleanup(s.Close)
	var logged bytes.Buffer
	watch := slog.New(slog.NewTextHandler(&logged, nil))
	check(t, s.watchIDs(t.Context(), watch))
	if logged.Len() > 0 {
		t.Errorf("logged %s", &logged)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "signet.db"))
	check(t, err)
	_, err = db.ExecContext(t.Context(), `INSERT INTO groups (id, name, description, created_at, updated_at) VALUES (2000000000, 'a', '', 0, 0)`)
	check(t, err)
	check(t, db.Close())
	check(t, s.watchIDs(t.Context(), watch))
	if text := logged.String(); !strings.Contains(text, "level=ERROR") || !strings.Contains(text, "table=groups largest=2000000000 ceiling=2147483647") {
		t.Errorf("logged %s", text)
	}
}
