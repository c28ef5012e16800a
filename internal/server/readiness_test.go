package server

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/readiness"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
)

// asked is a server that is asked whether it is ready.
type asked struct {
	*testing.T
	*Services
	cfg config.Config
}

// openAsked opens one whose database may take longer than it does on a busy machine, unless the flags say otherwise.
func openAsked(t *testing.T, flags map[string]string) asked {
	t.Helper()
	settings := map[string]string{"data_dir": t.TempDir(), "database_timeout": "10s"}
	maps.Copy(settings, flags)
	sources := config.Sources{Flags: settings}
	if strings.HasPrefix(settings["database"], "postgres") {
		sources.Environ = []string{"SIGNET_MASTER_KEY=" + strings.Repeat("A", 43) + "="}
	}
	cfg, err := config.Load(sources)
	check(t, err)
	patient := cfg
	patient.DatabaseTimeout = 10 * time.Second
	made, err := Open(t.Context(), patient, ModeServe) // migrates, which may take longer
	check(t, err)
	check(t, made.Keys.Ensure(eventtest.Context(t)))
	made.Close()
	s, err := Open(t.Context(), cfg, ModeServe)
	for tries := 0; errors.Is(err, domain.ErrUnavailable) && tries < 100; tries++ { // a busy machine may take longer
		s, err = Open(t.Context(), cfg, ModeServe)
	}
	check(t, err)
	t.Cleanup(s.Close)
	s.Ready = s.readiness(cfg, slog.New(slog.DiscardHandler))
	return asked{t, s, cfg}
}

// report asks for JSON.
func (a asked) report() (status int, report readiness.Report) {
	a.Helper()
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/readyz", nil)
	r.Header.Set("Accept", "application/json")
	a.Ready.ServeReady(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &report); err != nil {
		a.Fatalf("%s: %v", w.Body, err)
	}
	return w.Code, report
}

// await asks until the server is ready, if why is empty, or one check fails for a reason that begins so.
func (a asked) await(name, why string) {
	a.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		status, report := a.report()
		if why == "" && status == http.StatusOK {
			return
		}
		for _, c := range report.Checks {
			if why != "" && status == http.StatusServiceUnavailable && c.Name == name && !c.OK && strings.HasPrefix(c.Why, why) {
				return
			}
		}
		if time.Now().After(deadline) {
			a.Fatalf("wanted %q of %q, got %d: %+v", why, name, status, report)
		}
	}
}

func TestAServerWhoseIndexIsLockedIsNotReadyUntilTheLockGoes(t *testing.T) {
	t.Parallel()
	postgres := pgtest.Database(t)
	folder := t.TempDir()
	for name, c := range map[string]struct {
		flags map[string]string
		lock  func(t *testing.T) (release func())
	}{
		"postgres": {map[string]string{"database": postgres}, func(t *testing.T) func() {
			return pgtest.Hold(t, postgres, `SELECT pg_advisory_xact_lock('signet.installation'::regclass::oid::bigint)`)
		}},
		"sqlite": {map[string]string{"data_dir": folder}, func(t *testing.T) func() {
			other, err := store.Open(t.Context(), "sqlite:"+filepath.Join(folder, "signet.db"), store.Options{OpTimeout: time.Minute})
			check(t, err)
			writing, err := other.Begin(t.Context())
			check(t, err)
			return func() { _ = other.Rollback(writing); other.Close() }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c.flags["database_timeout"] = "250ms" // so that a queue counts as wedged after a second
			a := openAsked(t, c.flags)
			a.await("", "")
			release := c.lock(t)
			a.await("index", "no token could be recorded for ")
			release()
			a.await("", "")
		})
	}
}

func TestAServerWithoutItsDatabaseSaysSoAndNothingElseOfIt(t *testing.T) {
	t.Parallel()
	wire := pgtest.NewWire(t, pgtest.Database(t))
	a := openAsked(t, map[string]string{"database": wire.URL()})
	a.await("", "")
	wire.Cut()
	a.await("database", "the database does not answer")
	w := httptest.NewRecorder()
	a.Ready.ServeReady(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if says := w.Body.String(); w.Code != http.StatusServiceUnavailable || !strings.Contains(says, "database: the database does not answer\n") ||
		strings.Contains(says, "127.0.0.1") || strings.Contains(says, "postgres") {
		t.Errorf("%d: %s", w.Code, says)
	}
	wire.Restore()
	a.await("", "")
}

func TestAServerWhoseDatabaseWasRestoredUnderItIsNotReadyUntilItIsStartedAgain(t *testing.T) {
	t.Parallel()
	a := openAsked(t, nil)
	a.await("", "")
	_, err := a.AcceptRestored(eventtest.Context(t))
	check(t, err)
	a.await("database", "the database was restored from a backup while this server ran: start it again")
	again, err := Open(t.Context(), a.cfg, ModeServe)
	check(t, err)
	defer again.Close()
	check(t, again.DB.Ping(t.Context()))
}

func TestADatabaseThatIsRemovedUnderAServerIsNotTakenForARestoredOne(t *testing.T) {
	t.Parallel()
	a := openAsked(t, nil)
	a.await("", "")
	path, _ := a.cfg.Database.SQLite()
	check(t, os.Rename(path, path+".away"))
	check(t, os.WriteFile(path, nil, 0o600))
	a.await("database", "the database's file was removed or replaced")
	check(t, os.Remove(path))
	a.await("database", "the database's file was removed or replaced")
	check(t, os.Rename(path+".away", path))
	a.await("", "")
}

func TestAServerWithoutAKeyToSignWithIsNotReady(t *testing.T) {
	t.Parallel()
	a := openAsked(t, nil)
	a.await("", "")
	keys, err := a.Keys.List(t.Context())
	check(t, err)
	for _, k := range keys {
		if k.Alg == domain.ES256 {
			check(t, a.DB.SetKeyState(t.Context(), k.KID, k.State, domain.KeyRevoked, time.Now()))
		}
	}
	check(t, a.Cache.Refresh(context.WithoutCancel(t.Context())))
	a.await("keys", "there is no key that signs")
}
