// Package servicetest sets up what tests of services need: replicas of them over one database, with a clock that the test moves, and
// an API, a role, a client and a user.
package servicetest

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/session"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/token"
)

// What a Fixture is made with.
const (
	Issuer    = "https://signet.example"
	Orders    = "https://orders.example" // the API
	AccessTTL = 10 * time.Minute
	StatusTTL = 10 * time.Second

	MaxTokenSize      = 16 << 10 // bytes
	MinPasswordLength = 10       // characters
	PasswordLinkTTL   = time.Hour
)

// SessionLimits are those of a Replica's sessions.
var SessionLimits = session.Limits{Idle: time.Hour, Lifetime: 8 * time.Hour}

// Fixture is two replicas, an API, a role that gives one of its two permissions, a client that holds it, and the user alice, who has
// neither role nor password.
type Fixture struct {
	A, B   *Replica
	DB     *store.DB
	Master *keys.Master
	Now    *atomic.Pointer[time.Time]
	Alice  domain.User
}

// SetUp makes a fixture with a fixed clock.
func SetUp(t *testing.T, db *store.DB) Fixture {
	t.Helper()
	now := new(atomic.Pointer[time.Time])
	start := time.Now()
	now.Store(&start)
	f := Fixture{DB: db, Master: keys.NewMaster(), Now: now}
	f.A, f.B = NewReplica(t, db, f.Master, f.Clock), NewReplica(t, db, f.Master, f.Clock)
	Must(t, f.A.Keys.Ensure(eventtest.Context(t)))
	f.A.AddAPI(t, Orders, "orders:read", "orders:write")
	f.A.AddRole(t, "clerk", Orders+"#orders:read")
	f.A.AddService(t, "reporting", Orders)
	f.Alice = f.A.AddUser(t, "alice", "")
	f.A.AssignRole(t, "clerk", domain.SubjectClient, "reporting", time.Time{})
	return f
}

// Clock is the time at both replicas.
func (f Fixture) Clock() time.Time { return *f.Now.Load() }

// Must fails the test if there is an error.
func Must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Refused fails the test unless the error is the one that is wanted, and says each fragment.
func Refused(t *testing.T, err, want error, fragments ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("err = %v, want %v", err, want)
		return
	}
	for _, f := range fragments {
		if !strings.Contains(err.Error(), f) {
			t.Errorf("err = %q, want %q in it", err, f)
		}
	}
}

// Request is a request of the client reporting, with what a replica has cached of it.
func (f Fixture) Request(t *testing.T, r *Replica, scopes ...string) token.AccessTokenRequest {
	t.Helper()
	client, err := r.Registry.LookupClient(eventtest.Context(t), "reporting")
	Must(t, err)
	api, err := r.Registry.LookupAPI(eventtest.Context(t), Orders)
	Must(t, err)
	return token.AccessTokenRequest{Client: client, API: api, Scopes: scopes}
}

// Issue mints and records as the token endpoint does, once more if the cache was stale.
func (f Fixture) Issue(t *testing.T, r *Replica, scopes ...string) token.SignedToken {
	t.Helper()
	for range 3 {
		revision := r.Cache.Revision()
		signed, err := r.Minter.Mint(eventtest.Context(t), f.Request(t, r, scopes...))
		Must(t, err)
		err = r.Index.Record(eventtest.Context(t), revision, signed.Record)
		if err == nil {
			return signed
		}
		if !errors.Is(err, domain.ErrStale) {
			t.Fatal(err)
		}
		Must(t, r.Cache.Refresh(eventtest.Context(t)))
	}
	t.Fatal("stale for ever")
	return token.SignedToken{}
}

// Introspect is what a replica answers, nil: not active.
func (f Fixture) Introspect(t *testing.T, r *Replica, value string) *introspection.Active {
	t.Helper()
	active, err := r.Introspection.Introspect(eventtest.Context(t), value)
	Must(t, err)
	return active
}

// Pass advances the clock, and synchronizes the status lists of the replicas.
func (f Fixture) Pass(t *testing.T, d time.Duration) {
	t.Helper()
	later := f.Clock().Add(d)
	f.Now.Store(&later)
	Must(t, errors.Join(f.A.Statuses.Sync(eventtest.Context(t)), f.B.Statuses.Sync(eventtest.Context(t))))
}
