package session_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/signet-auth/signet/internal/audit"
	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/clock/clocktest"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/session"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var limits = session.Limits{Idle: time.Hour, Lifetime: 8 * time.Hour}

// world is a database with a user and a client, and a clock that the test moves.
type world struct {
	db       *store.DB
	sessions *session.Sessions
	log      *audit.Log
	now      time.Time
	user     domain.User
	client   domain.Client
}

func newWorld(t *testing.T, db *store.DB) *world {
	t.Helper()
	w := &world{db: db, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	chain := event.NewChain(make([]byte, 32))
	recorder := event.NewRecorder(db, chain, clock)
	w.log = audit.New(db, chain, recorder, clocktest.New(clock), clock)
	held, err := cache.New(db, 100)
	if err != nil {
		t.Fatal(err)
	}
	revoker := revocation.New(t.Context(), revocation.Config{
		Store: db, Statuses: db, Grants: db, Index: index.New(t.Context(), db, clocktest.New(clock), clock), Cache: held, Events: recorder, Now: clock,
	})
	w.sessions = session.New(session.Config{Store: db, Browsers: db, Frontchannel: db, Consents: db, Lists: db, Revoker: revoker, Events: recorder, Clock: clocktest.New(clock), Now: clock, Limits: limits})

	w.user = domain.User{Subject: "usr_alice", Username: "alice", CreatedAt: w.now, UpdatedAt: w.now}
	w.client = domain.Client{ClientID: "notes", Name: "Notes", IDTokenAlg: domain.RS256, CreatedAt: w.now, UpdatedAt: w.now}
	if w.user.ID, err = db.InsertUser(eventtest.Context(t), w.user); err != nil {
		t.Fatal(err)
	}
	if w.client.ID, err = db.InsertClient(eventtest.Context(t), w.client); err != nil {
		t.Fatal(err)
	}
	return w
}

// authentication is of a sign-in that has just been completed.
func (w *world) authentication() domain.Authentication {
	return domain.Authentication{User: w.user, Methods: []string{"pwd"}, ACR: "1", At: w.now, Via: "password"}
}

func (w *world) start(t *testing.T) (string, domain.Session) {
	t.Helper()
	token, started, err := w.sessions.Start(eventtest.Context(t), w.authentication(), session.Browser{UserAgent: "Browser/1.0", IP: "192.0.2.1"})
	if err != nil {
		t.Fatal(err)
	}
	return token, started
}

func (w *world) wantFound(t *testing.T, token string, want bool) {
	t.Helper()
	_, err := w.sessions.Find(eventtest.Context(t), token)
	if want && err != nil || !want && !errors.Is(err, domain.ErrNotFound) {
		t.Errorf("at %s: %v", w.now.Format(time.TimeOnly), err)
	}
}

func TestSessionIsFoundByItsToken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		token, started := w.start(t)
		found, err := w.sessions.Find(eventtest.Context(t), token)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(started, found); diff != "" {
			t.Error(diff)
		}
		if found.ACR != "1" || !slices.Equal(found.AMR, []string{"pwd"}) || found.AuthTime != w.now || found.ExpiresAt != w.now.Add(limits.Lifetime) {
			t.Errorf("found %+v", found)
		}
		w.wantFound(t, token+"x", false)
		w.wantFound(t, "", false)
	})
}

func TestStoreNeverLearnsTheToken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		token, started := w.start(t)
		another, _ := w.start(t)
		if token == another || len(token) != 43 {
			t.Errorf("tokens %q and %q", token, another)
		}
		if bytes.Contains(started.Hash, []byte(token)) || len(started.Hash) != 32 {
			t.Errorf("hash %q", started.Hash)
		}
		events, err := w.log.List(eventtest.Context(t), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for _, event := range events {
			if strings.Contains(event.Target+event.Details, token) {
				t.Errorf("the audit log has the token: %+v", event)
			}
		}
	})
}

func TestSessionEndsWhenIdle(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		token, _ := w.start(t)
		for range 3 {
			w.now = w.now.Add(limits.Idle - time.Second)
			w.wantFound(t, token, true) // and is seen
		}
		w.now = w.now.Add(limits.Idle)
		w.wantFound(t, token, false)
	})
}

func TestASessionIsConfirmedWithoutBeingSeen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		token, started := w.start(t)
		confirm := func(id int64) error { return w.sessions.Confirm(eventtest.Context(t), id) }
		w.now = w.now.Add(limits.Idle - time.Second)
		if err := confirm(started.ID); err != nil {
			t.Error(err)
		}
		w.now = w.now.Add(time.Second)
		if err := confirm(started.ID); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("idle: %v", err)
		}
		w.wantFound(t, token, false)
		if err := confirm(99); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("none: %v", err)
		}
	})
}

func TestASessionThatIsFoundByIDIsSeen(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		_, started := w.start(t)
		for range 3 {
			w.now = w.now.Add(limits.Idle - time.Second)
			if seen, err := w.sessions.Seen(eventtest.Context(t), started.ID); err != nil || seen.SID != started.SID {
				t.Errorf("session %q, %v", seen.SID, err)
			}
		}
		w.now = w.now.Add(limits.Idle)
		for _, id := range []int64{started.ID, 99} {
			if _, err := w.sessions.Seen(eventtest.Context(t), id); !errors.Is(err, domain.ErrNotFound) {
				t.Errorf("session %d: %v", id, err)
			}
		}
	})
}

func TestSessionEndsAtItsLifetimeHoweverBusy(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		token, started := w.start(t)
		for w.now.Before(started.ExpiresAt.Add(-limits.Idle / 2)) {
			w.now = w.now.Add(limits.Idle / 2)
			w.wantFound(t, token, true)
		}
		w.now = started.ExpiresAt
		w.wantFound(t, token, false)
	})
}

func TestSessionIsTouchedOnceAMinute(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		token, started := w.start(t)
		for _, c := range []struct {
			after time.Duration
			want  time.Duration
		}{{59 * time.Second, 0}, {60 * time.Second, 60 * time.Second}, {119 * time.Second, 60 * time.Second}} {
			w.now = started.CreatedAt.Add(c.after)
			w.wantFound(t, token, true)
			stored, err := db.FindSession(eventtest.Context(t), started.Hash)
			if err != nil {
				t.Fatal(err)
			}
			if got := stored.LastSeenAt.Sub(started.CreatedAt); got != c.want {
				t.Errorf("asked after %s, last seen after %s, want %s", c.after, got, c.want)
			}
		}
	})
}

func TestEndedSessionIsGoneAndMayEndAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		token, started := w.start(t)
		other, _ := w.start(t)
		for range 2 {
			if err := w.sessions.End(eventtest.Context(t), started); err != nil {
				t.Fatal(err)
			}
		}
		w.wantFound(t, token, false)
		w.wantFound(t, other, true)
	})
}

func TestSessionsWhoseTimeIsOverEndOnceAsIfSomebodyEndedThem(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		var busy []string
		for range 55 { // several steps
			token, _ := w.start(t)
			busy = append(busy, token)
		}
		w.now = w.now.Add(limits.Idle - time.Second)
		for _, token := range busy[:3] {
			w.wantFound(t, token, true)
		}
		_, ended := w.start(t)
		if err := w.sessions.End(event.WithActor(eventtest.Context(t), "user:alice"), ended); err != nil {
			t.Fatal(err)
		}
		job := event.WithActor(eventtest.Context(t), event.System)
		endings := func(want int) {
			t.Helper()
			var group errgroup.Group
			for range 4 {
				group.Go(func() error { return w.sessions.EndExpired(job) })
			}
			if err := group.Wait(); err != nil {
				t.Fatal(err)
			}
			events, err := w.log.List(eventtest.Context(t), 0, 1000)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]int{}
			for _, e := range events {
				if e.Action == "session.end" && e.Actor == string(event.System) {
					got[e.Target]++
				}
			}
			if len(got) != want {
				t.Errorf("at %s %d sessions have ended by time, want %d", w.now.Format(time.TimeOnly), len(got), want)
			}
			for session, times := range got {
				if times != 1 {
					t.Errorf("%s has ended %d times", session, times)
				}
			}
		}
		endings(0)
		w.now = w.now.Add(time.Second)
		endings(52)
		w.wantFound(t, busy[0], true)
		w.now = w.now.Add(limits.Lifetime)
		endings(55)
	})
}

func TestHostileUserAgentIsStored(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		for _, agent := range []string{"a\x00b", "\xff\xfe", strings.Repeat("é", 4000), ""} {
			if _, _, err := w.sessions.Start(eventtest.Context(t), w.authentication(), session.Browser{UserAgent: agent}); err != nil {
				t.Errorf("%.10q: %v", agent, err)
			}
		}
	})
}

func TestConsentsAddUpForEachClientAndAudience(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		const orders, invoices = "https://orders.example", "https://invoices.example"
		if _, err := w.sessions.Consent(eventtest.Context(t), w.user.ID, w.client.ID, orders); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("before: %v", err)
		}
		give := func(audience string, scopes ...string) {
			t.Helper()
			if err := w.sessions.GiveConsent(eventtest.Context(t), w.user, w.client, audience, scopes); err != nil {
				t.Fatal(err)
			}
		}
		give(orders, "openid", "orders:read")
		give(invoices, "invoices:read")
		w.now = w.now.Add(time.Minute)
		give(orders, "orders:write", "openid")

		got, err := w.sessions.Consent(eventtest.Context(t), w.user.ID, w.client.ID, orders)
		if err != nil {
			t.Fatal(err)
		}
		want := domain.Consent{
			UserID: w.user.ID, ClientID: w.client.ID, Audience: orders,
			Scopes: []string{"openid", "orders:read", "orders:write"}, GrantedAt: w.now,
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSessionsAndConsentsAreInTheAuditLog(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		_, started := w.start(t)
		if err := w.sessions.GiveConsent(eventtest.Context(t), w.user, w.client, "https://orders.example", []string{"openid"}); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time there is nothing to withdraw
			if err := w.sessions.WithdrawConsent(event.WithActor(eventtest.Context(t), "user:alice"), w.user, w.client); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.sessions.End(event.WithActor(eventtest.Context(t), "user:alice"), started); err != nil {
			t.Fatal(err)
		}
		events, err := w.log.List(eventtest.Context(t), 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, event := range events {
			got = append(got, event.Actor+" "+event.Action)
		}
		want := []string{"user:alice session.start", "user:alice consent.give", "user:alice consent.withdraw", "user:alice session.end"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		if details := events[0].Details; details != `{"amr":["pwd"],"ip":"192.0.2.1","via":"password"}` {
			t.Errorf("the start says %s", details)
		}
		if len(events) == 4 && events[0].Target != events[3].Target {
			t.Errorf("start names %s, end %s", events[0].Target, events[3].Target)
		}
	})
}
