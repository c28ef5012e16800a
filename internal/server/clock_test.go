package server

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/token"
)

// skewed is a server on PostgreSQL whose clock may be wrong.
type skewed struct {
	*testing.T
	*Services
	cfg config.Config
}

func openSkewed(t *testing.T, database string, ahead time.Duration) skewed {
	t.Helper()
	cfg, err := config.Load(config.Sources{
		Flags:   map[string]string{"data_dir": t.TempDir(), "database": database},
		Environ: []string{"SIGNET_MASTER_KEY=" + strings.Repeat("A", 43) + "="},
	})
	check(t, err)
	cfg.Audit.Retention, cfg.DatabaseTimeout = time.Hour, 10*time.Second
	s, err := open(t.Context(), cfg, ModeServe, func() time.Time { return time.Now().Add(ahead) })
	check(t, err)
	t.Cleanup(s.Close)
	check(t, s.Keys.Ensure(eventtest.Context(t)))
	return skewed{t, s, cfg}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// run runs every job once and returns what it logs and the errors.
func (s skewed) run() (log string, failed error) {
	var out bytes.Buffer
	for _, j := range s.jobs(s.cfg, slog.New(slog.NewTextHandler(&out, nil))) {
		failed = errors.Join(failed, j.do(eventtest.Context(s.T)))
	}
	return out.String(), failed
}

func (s skewed) ready() (status int, says string) {
	w := httptest.NewRecorder()
	s.readiness(s.cfg, slog.New(slog.DiscardHandler)).ServeReady(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	return w.Code, w.Body.String()
}

// issue records a token for an API that is made for it.
func (s skewed) issue() domain.IssuedToken {
	s.Helper()
	ctx := eventtest.Context(s.T)
	_, err := s.Registry.CreateAPI(ctx, domain.API{Audience: "https://orders.example", Permissions: []domain.Permission{{Name: "read"}}})
	check(s.T, err)
	_, err = s.Directory.CreateRole(ctx, domain.Role{Name: "clerk"})
	check(s.T, err)
	_, _, err = s.Registry.CreateClient(ctx, domain.Client{
		ClientID: "reporting", GrantTypes: []string{domain.GrantClientCredentials}, APIs: []domain.ClientAPI{{Audience: "https://orders.example"}},
	})
	check(s.T, err)
	check(s.T, s.Cache.Refresh(ctx))
	client, err := s.Registry.LookupClient(ctx, "reporting")
	check(s.T, err)
	api, err := s.Registry.LookupAPI(ctx, "https://orders.example")
	check(s.T, err)
	signed, err := s.Minter.Mint(ctx, token.AccessTokenRequest{Client: client, API: api})
	check(s.T, err)
	check(s.T, s.Index.Record(ctx, s.Cache.Revision(), signed.Record))
	return signed.Record
}

// saysAhead says whether a text names a difference of clocks, or up to ten seconds more: the database's answer takes its time.
func saysAhead(text, name string, ahead time.Duration) bool {
	for late := range 11 {
		if strings.Contains(text, name+(ahead+time.Duration(late)*time.Second).String()) {
			return true
		}
	}
	return false
}

func TestAServerWhoseClockIsWrongIsNotReadyAndDeletesNothing(t *testing.T) {
	database := pgtest.Database(t)
	right := openSkewed(t, database, 0)
	issued := right.issue()
	ctx := eventtest.Context(t)
	_, err := right.Keys.Rotate(ctx, []string{domain.ES256}, 0)
	check(t, err)
	check(t, right.Directory.Assign(ctx, domain.Assignment{
		Role: "clerk", SubjectKind: domain.SubjectClient, Subject: "reporting", ExpiresAt: time.Now().Add(time.Hour),
	}))
	link, err := right.Directory.NewSetupLink(ctx, time.Hour)
	check(t, err)
	keys, err := right.Keys.List(ctx)
	check(t, err)
	if _, err := right.run(); err != nil {
		t.Fatal(err)
	}

	for _, ahead := range []time.Duration{26 * time.Hour, -26 * time.Hour} {
		wrong := openSkewed(t, database, ahead)
		log, err := wrong.run()
		if !errors.Is(err, domain.ErrClocksDiffer) {
			t.Errorf("%v ahead: %v", ahead, err)
		}
		if !strings.Contains(log, "level=ERROR") || !saysAhead(log, "ahead=", ahead) {
			t.Errorf("%v ahead: it logs %q", ahead, log)
		}
		if status, says := wrong.ready(); status != http.StatusServiceUnavailable || !saysAhead(says, "", ahead.Abs()) && !saysAhead(says, "", ahead.Abs()-10*time.Second) {
			t.Errorf("%v ahead: /readyz is %d: %s", ahead, status, says)
		}
		if _, err = wrong.Directory.NewSetupLink(ctx, time.Hour); err != nil {
			t.Error(err)
		}
		found, _, err := right.DB.FindIssuedTokens(ctx, []domain.TokenRef{issued.Ref()})
		if _, there := found[issued.ID]; !there || err != nil {
			t.Errorf("%v ahead: the token is gone: %v", ahead, err)
		}
		if _, err := right.DB.FindStatusList(ctx, issued.Status.List); err != nil {
			t.Errorf("%v ahead: the status list is gone: %v", ahead, err)
		}
		if _, err := wrong.Keys.Rotate(ctx, []string{domain.ES256}, 0); !errors.Is(err, domain.ErrClocksDiffer) {
			t.Errorf("%v ahead: a key is retired: %v", ahead, err)
		}
		if left, err := right.Keys.List(ctx); err != nil || len(left) != len(keys) {
			t.Errorf("%v ahead: %d keys became %d: %v", ahead, len(keys), len(left), err)
		}
		if err := right.Directory.CheckSetupLink(ctx, link); err != nil {
			t.Errorf("%v ahead: the setup link: %v", ahead, err)
		}
		limit := domain.Limit{Bucket: ahead.String(), Interval: time.Minute, Burst: 1}
		_, err = wrong.Registrations.Limits.Spend(ctx, wrong.now(), limit)
		check(t, err)
		if wait, err := right.Registrations.Limits.Spend(ctx, right.now(), limit); !errors.Is(err, domain.ErrBusy) || wait > 2*time.Minute {
			t.Errorf("%v ahead: what it has counted is %v and %v elsewhere", ahead, wait, err)
		}
		events, err := right.Audit.List(ctx, 0, 1000)
		if err != nil || len(events) == 0 || events[0].Seq != 1 || slices.ContainsFunc(events, func(e domain.Event) bool {
			return e.Action == event.AssignmentExpired{}.Kind()
		}) {
			t.Errorf("%v ahead: the audit log was purged, or says that an assignment has expired: %v", ahead, err)
		}
	}
	if status, _ := right.ready(); status != http.StatusOK {
		t.Error("the server whose clock is right is not ready:", status)
	}
}

func TestAServerWhoseClockIsSomeMinutesAheadDeletesByTheDatabasesAndReportsIt(t *testing.T) {
	fast := openSkewed(t, pgtest.Database(t), 3*time.Minute)
	ctx := eventtest.Context(t)
	user, err := fast.Directory.CreateUser(ctx, domain.User{Username: "alice"}, nil)
	check(t, err)
	for name, expired := range map[string]time.Duration{"kept": 59 * time.Minute, "gone": 61 * time.Minute} {
		_, err := fast.DB.InsertSession(ctx, domain.Session{Hash: []byte(name), UserID: user.ID, ExpiresAt: time.Now().Add(-expired)})
		check(t, err)
	}
	log, err := fast.run()
	check(t, err)
	if !strings.Contains(log, "level=ERROR") || !saysAhead(log, "ahead=", 3*time.Minute) {
		t.Errorf("it logs %q", log)
	}
	if status, says := fast.ready(); status != http.StatusOK {
		t.Errorf("/readyz is %d: %s", status, says)
	}
	if at := fast.issue().ID.Time(); at.After(time.Now().Add(10 * time.Second)) {
		t.Errorf("it issues a token from the future, of %v", at)
	}
	if _, err := fast.DB.FindSession(ctx, []byte("kept")); err != nil {
		t.Error("a session that had expired for less than an hour is gone:", err)
	}
	if _, err := fast.DB.FindSession(ctx, []byte("gone")); !errors.Is(err, domain.ErrNotFound) {
		t.Error("a session that had expired for more than an hour:", err)
	}
}
