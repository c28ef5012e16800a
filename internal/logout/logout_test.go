package logout_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/logout"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/session"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
	"github.com/signet-auth/signet/internal/token"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// world is an installation with a client that hears of ended sessions, and alice, who has signed in to it.
type world struct {
	servicetest.Fixture
	t       *testing.T
	heard   atomic.Int64
	answer  atomic.Int64 // the client's status
	session domain.Session
}

func newWorld(t *testing.T, db *store.DB) *world {
	w := &world{Fixture: servicetest.SetUp(t, db), t: t}
	w.answer.Store(http.StatusOK)
	app := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.heard.Add(1)
		if w.answer.Load() == 0 {
			panic(http.ErrAbortHandler)
		}
		if r.PostFormValue("logout_token") == "" {
			t.Error("there is no logout_token")
		}
		http.Redirect(rw, r, "/elsewhere", int(w.answer.Load()))
	}))
	t.Cleanup(app.Close)
	added, _ := w.A.AddClient(t, domain.Client{
		ClientID: "app", GrantTypes: []string{domain.GrantAuthorizationCode}, RedirectURIs: []string{"https://app.example/cb"}, BackchannelLogoutURI: app.URL,
	})
	ctx := eventtest.Context(t)
	_, session, err := w.A.Sessions.Start(ctx, domain.Authentication{User: w.Alice, Methods: []string{"pwd"}, ACR: "1", At: w.Clock()}, session.Browser{})
	servicetest.Must(t, err)
	w.session = session
	for range 2 { // two grants, one logout
		_, err = db.InsertGrant(ctx, domain.Grant{
			ClientID: added.ID, UserID: w.Alice.ID, SessionID: session.ID, SID: session.SID, CreatedAt: w.Clock(), ExpiresAt: w.Clock().Add(time.Hour),
		})
		servicetest.Must(t, err)
	}
	return w
}

func (w *world) service(r *servicetest.Replica) *logout.Service {
	return logout.New(w.DB, r.Keys, token.NewSubjects(nil), servicetest.Issuer, w.Clock)
}

func (w *world) deliver(ctx context.Context) {
	w.t.Helper()
	servicetest.Must(w.t, w.service(w.A).Deliver(ctx))
}

func (w *world) wantHeard(n int64) {
	w.t.Helper()
	if got := w.heard.Load(); got != n {
		w.t.Errorf("the client was called %d times, want %d", got, n)
	}
}

func TestAClientIsToldOfAnEndedSessionOnceByHoweverManyReplicas(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		w.deliver(ctx)
		w.wantHeard(0)
		servicetest.Must(t, w.A.Sessions.End(ctx, w.session))
		servicetest.Must(t, w.A.Sessions.End(ctx, w.session)) // ended before
		var group errgroup.Group
		for _, r := range []*servicetest.Replica{w.A, w.B, w.A, w.B} {
			group.Go(func() error { return w.service(r).Deliver(ctx) })
		}
		servicetest.Must(t, group.Wait())
		w.wantHeard(1)
		w.Pass(t, time.Hour)
		w.deliver(ctx)
		w.wantHeard(1)
	})
}

func TestAClientIsToldOfASessionThatEndedByTime(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		servicetest.Must(t, w.A.Sessions.EndExpired(ctx))
		w.deliver(ctx)
		w.wantHeard(0)
		w.Pass(t, servicetest.SessionLimits.Idle)
		for _, r := range []*servicetest.Replica{w.A, w.B} {
			servicetest.Must(t, r.Sessions.EndExpired(ctx))
		}
		w.deliver(ctx)
		w.wantHeard(1)
	})
}

func TestAClientThatDoesNotAnswerIsToldAgainForAnHour(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		servicetest.Must(t, w.A.Sessions.End(ctx, w.session))
		w.answer.Store(http.StatusFound) // which is not followed
		w.deliver(ctx)
		w.deliver(ctx) // not due yet
		w.wantHeard(1)
		for range 20 {
			w.Pass(t, 10*time.Minute)
			w.deliver(ctx)
		}
		w.wantHeard(12)

		_, session, err := w.A.Sessions.Start(ctx, domain.Authentication{User: w.Alice, Methods: []string{"pwd"}, ACR: "1", At: w.Clock()}, session.Browser{})
		servicetest.Must(t, err)
		client, err := db.FindClient(ctx, "app")
		servicetest.Must(t, err)
		_, err = db.InsertGrant(ctx, domain.Grant{ClientID: client.ID, UserID: w.Alice.ID, SessionID: session.ID, SID: session.SID, ExpiresAt: w.Clock().Add(time.Hour)})
		servicetest.Must(t, err)
		servicetest.Must(t, db.EndUserSessions(ctx, w.Alice.ID, w.Clock()))
		w.deliver(ctx)
		w.answer.Store(http.StatusNoContent)
		w.Pass(t, 15*time.Second)
		w.deliver(ctx)
		w.Pass(t, time.Hour)
		w.deliver(ctx)
		w.wantHeard(14)
	})
}

func TestAClientThatDoesNotAnswerKeepsNobodyWaiting(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		ctx := eventtest.Context(t)
		client, err := db.FindClient(ctx, "app")
		servicetest.Must(t, err)
		sessions := []domain.Session{w.session}
		for range 40 {
			_, session, err := w.A.Sessions.Start(ctx, domain.Authentication{User: w.Alice, Methods: []string{"pwd"}, ACR: "1", At: w.Clock()}, session.Browser{})
			servicetest.Must(t, err)
			_, err = db.InsertGrant(ctx, domain.Grant{ClientID: client.ID, UserID: w.Alice.ID, SessionID: session.ID, SID: session.SID, ExpiresAt: w.Clock().Add(time.Hour)})
			servicetest.Must(t, err)
			sessions = append(sessions, session)
		}
		for _, session := range sessions {
			servicetest.Must(t, w.A.Sessions.End(ctx, session))
		}
		w.answer.Store(0)
		s := w.service(w.A)
		servicetest.Must(t, s.Deliver(ctx))
		w.wantHeard(1)
		w.answer.Store(http.StatusOK)
		w.Pass(t, time.Minute)
		servicetest.Must(t, s.Deliver(ctx))
		w.wantHeard(1 + int64(len(sessions)))
	})
}
