// Package tokentest has replicas of the services that issue, judge and revoke tokens, for tests.
package tokentest

import (
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/status"
	"github.com/signet-auth/signet/internal/statuslist"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/token"
)

// What a Fixture is made with.
const (
	Issuer    = "https://signet.example"
	Orders    = "https://orders.example" // the API
	AccessTTL = 10 * time.Minute
	StatusTTL = 10 * time.Second
)

// Replica is the services of one server over a shared database.
type Replica struct {
	Cache         *cache.Cache
	Keys          *keys.Keys
	Registry      *registry.Registry
	Directory     *directory.Directory
	Minter        *token.Minter
	Index         *index.Index
	Revocation    *revocation.Service
	Introspection *introspection.Service
	Statuses      *status.Publisher
}

// NewReplica makes one with a clock of its own.
func NewReplica(t *testing.T, db *store.DB, master *keys.Master, clock func() time.Time) *Replica {
	t.Helper()
	held, err := cache.New(db, 1000)
	Must(t, err)
	recorder := event.NewRecorder(db, clock)
	revoker := NewRevocation(t, db, held, recorder, clock)
	r := &Replica{
		Cache:      held,
		Keys:       keys.New(db, held, recorder, revoker, master, clock),
		Registry:   registry.New(db, held, recorder, revoker, master.Derive("client secrets", 32), clock),
		Directory:  directory.New(db, held, recorder, revoker, clock),
		Index:      index.New(eventtest.Context(t), db, clock),
		Revocation: revoker,
	}
	r.Minter = token.New(token.Config{
		Keys: r.Keys, Directory: r.Directory, Statuses: status.NewAllocator(db, master.Derive("status lists", 32), clock),
		Issuer: Issuer, AccessTTL: AccessTTL, Now: clock,
	})
	r.Introspection = introspection.New(introspection.Config{
		Minter: r.Minter, Index: r.Index, Revocations: r.Revocation, Keys: r.Keys, Registry: r.Registry, Directory: r.Directory,
		Cache: held, Issuer: Issuer, Now: clock,
	})
	r.Statuses = status.NewPublisher(db, r.Keys, Issuer, StatusTTL, clock)
	Must(t, errors.Join(r.Keys.Ensure(eventtest.Context(t)), held.Refresh(eventtest.Context(t))))
	return r
}

// NewRevocation makes the service that takes tokens back, with an index of its own.
func NewRevocation(t *testing.T, db *store.DB, held *cache.Cache, recorder *event.Recorder, clock func() time.Time) *revocation.Service {
	return revocation.New(eventtest.Context(t), revocation.Config{
		Store: db, Statuses: db, Grants: db, Index: index.New(eventtest.Context(t), db, clock), Cache: held, Events: recorder, Now: clock,
	})
}

// Fixture is two replicas, an API, a role that gives one of its two permissions, and a client that holds it.
type Fixture struct {
	A, B   *Replica
	DB     *store.DB
	Master *keys.Master
	Now    *atomic.Pointer[time.Time]
}

// SetUp makes a fixture whose clock stands still.
func SetUp(t *testing.T, db *store.DB) Fixture {
	t.Helper()
	now := new(atomic.Pointer[time.Time])
	start := time.Now()
	now.Store(&start)
	f := Fixture{DB: db, Master: keys.NewMaster(), Now: now}
	f.A, f.B = NewReplica(t, db, f.Master, f.Clock), NewReplica(t, db, f.Master, f.Clock)
	ctx := eventtest.Context(t)
	_, err := f.A.Registry.CreateAPI(ctx, domain.API{Audience: Orders, Permissions: []domain.Permission{{Name: "orders:read"}, {Name: "orders:write"}}})
	Must(t, err)
	_, err = f.A.Directory.CreateRole(ctx, domain.Role{Name: "clerk", Permissions: []domain.RolePermission{{Audience: Orders, Permission: "orders:read"}}})
	Must(t, err)
	_, _, err = f.A.Registry.CreateClient(ctx, domain.Client{
		ClientID: "reporting", GrantTypes: []string{domain.GrantClientCredentials}, APIs: []domain.ClientAPI{{Audience: Orders}},
	})
	Must(t, err)
	Must(t, f.A.Directory.Assign(ctx, domain.Assignment{Role: "clerk", SubjectKind: domain.SubjectClient, Subject: "reporting"}))
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

// Request is what the client asks for, by what a replica knows of it.
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

// ListClaims are those of a status list token (Token Status List §5.1).
type ListClaims struct {
	Issuer    string `json:"iss"`
	Subject   string `json:"sub"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
	TTL       int64  `json:"ttl"`
	List      struct {
		Bits        int    `json:"bits"`
		Lst         string `json:"lst"`
		Aggregation string `json:"aggregation_uri"`
	} `json:"status_list"`
}

// Fetch reads a status list as a replica serves it.
func Fetch(t *testing.T, r *Replica, id int64) (status.ListToken, ListClaims) {
	t.Helper()
	list, err := r.Statuses.List(eventtest.Context(t), id)
	Must(t, err)
	payload, _, err := r.Keys.Verify(eventtest.Context(t), keys.TypeStatusList, string(list.Body))
	Must(t, err)
	var claims ListClaims
	Must(t, json.Unmarshal(payload, &claims))
	return list, claims
}

// Status is what the list of a token says of it at a replica.
func Status(t *testing.T, r *Replica, signed token.SignedToken) domain.TokenStatus {
	t.Helper()
	_, claims := Fetch(t, r, signed.Record.Status.List)
	list, err := statuslist.Decode(claims.List.Bits, claims.List.Lst, 1<<18)
	Must(t, err)
	status, err := list.Get(int(signed.Record.Status.Index))
	Must(t, err)
	return status
}
