package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/test/program"
)

// buildNext builds a signet of the version after this one, which has one more migration.
func buildNext(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	check(t, err)
	migration := filepath.Join(root, "internal", "store", "testdata", "next.up.sql")
	replaced := map[string]string{}
	for _, database := range []string{"postgres", "sqlite"} {
		replaced[filepath.Join(root, "migrations", database, "9999_next.up.sql")] = migration
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	check(t, err)
	dir := t.TempDir()
	file, next := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "signet")
	check(t, os.WriteFile(file, overlay, 0o600))
	check(t, program.Release(next, "-overlay", file))
	return next
}

func TestAServerGoesOnWhileOneOfTheNextVersionMigratesAndServesBesideIt(t *testing.T) {
	t.Parallel()
	next := buildNext(t)
	i := newInstallation(t, pgtest.Database(t))
	i.program = released
	s := i.openShop()
	s.wantDoctor(map[string]string{
		"schema": "ok", "clock": "ok", "postgres": "ok", "postgres connections": "ok", "postgres TLS": "ok", "postgres synchronous_commit": "ok",
		"signing keys": "ok", "issuer": "ok", "key set": "ok", "administrator": "warning",
	})

	var rounds atomic.Int64
	want := func(a answer) bool {
		if a.status != http.StatusOK {
			t.Errorf("status %d: %s", a.status, a.body)
		}
		return a.status == http.StatusOK
	}
	use := func(from, at *server) {
		a := from.post("/oauth2/token", s.reporting, clientCredentials())
		if !want(a) {
			return
		}
		token := a.accessToken(t)
		for _, active := range []bool{true, false} {
			if a := at.introspect(s.orders, token); want(a) && decode[struct{ Active bool }](t, a).Active != active {
				t.Errorf("a token is active: %v, want %v", !active, active)
			}
			if active {
				want(from.post("/oauth2/revoke", s.reporting, url.Values{"token": {token}}))
			}
		}
		want(from.get("/.well-known/jwks.json", ""))
		rounds.Add(1)
	}
	clients := newLoad(t)
	clients.add(3, 5*time.Millisecond, func() { use(s.server, s.server) })
	more := func(n int64) {
		t.Helper()
		enough := rounds.Load() + n
		await(t, "the server goes on", func() bool { return rounds.Load() >= enough || t.Failed() })
	}
	more(20)
	i.program = next
	newer := i.serve()
	more(20)
	clients.add(2, 5*time.Millisecond, func() { use(newer, s.server) })
	clients.add(2, 5*time.Millisecond, func() { use(s.server, newer) })
	more(40)
	clients.end()
	s.signIn(t, s.web)

	i.program = released
	schema := signetJSON[struct{ Version, Latest uint }](i, "migrate", "status")
	if schema.Version != 9999 || schema.Latest >= 9999 {
		t.Fatalf("the next version has not migrated: %+v", schema)
	}
	s.wantDoctor(map[string]string{"schema": "problem", "clock": "", "issuer": "ok"})
	restarted := i.start()
	select {
	case <-restarted.exited:
	case <-time.After(time.Minute):
		t.Fatal("a server that begins serves a schema that is newer than it knows")
	}
	if code, says := restarted.cmd.ProcessState.ExitCode(), restarted.log.String(); code != 1 || !strings.Contains(says, "run a newer signet") {
		t.Errorf("exit code %d, and it says %q", code, says)
	}
}
