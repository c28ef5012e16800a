package server

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/store"
)

func TestACommandWaitsLongerThanARequestForItsTurnOnSQLite(t *testing.T) {
	dir := made(t).path
	cfg, err := config.Load(config.Sources{Flags: map[string]string{"data_dir": dir, "database_timeout": "100ms"}})
	check(t, err)
	s, err := Open(t.Context(), cfg, ModeManage)
	check(t, err)
	t.Cleanup(s.Close)
	busy, err := store.Open(t.Context(), "sqlite:"+filepath.Join(dir, "signet.db"), store.Options{OpTimeout: time.Minute})
	check(t, err)
	t.Cleanup(busy.Close)
	writing, err := busy.Begin(t.Context())
	check(t, err)
	time.AfterFunc(time.Second, func() { _ = busy.Rollback(writing) })
	if _, err := s.Directory.CreateRole(eventtest.Context(t), domain.Role{Name: "clerk"}); err != nil {
		t.Error(err)
	}
}
