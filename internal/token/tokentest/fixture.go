// Package tokentest sets up what tests of services need: replicas of them over one database, with a clock that the test moves, and
// an API, a role, a client and a user.
package tokentest

import (
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/audit"
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
	"github.com/signet-auth/signet/internal/session"
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

// SessionLimits are those of a Replica's sessions.
var SessionLimits = session.Limits{Idle: time.Hour, Lifetime: 8 * time.Hour}

// Replica is the services of one server over a shared database.
type Replica struct {
	Cache         *cache.Cache
	Recorder      *event.Recorder
	Log           *audit.Log
	Keys          *keys.Keys
	Registry      *registry.Registry
	Directory     *directory.Directory
	Sessions      *session.Sessions
	Minter        *token.Minter
	Index         *index.Index
	Revocation    *revocation.Service
	Introspection *introspection.Service
	Statuses      *status.Publisher
}

// NewReplica makes one with a clock of its own. Before it can sign, one of the replicas must call Keys.Ensure.
func NewReplica(t *testing.T, db *store.DB, master *keys.Master, clock func() time.Time) *Replica {
	t.Helper()
	held, err := cache.New(db, 1000)
	Must(t, err)
	recorder := event.NewRecorder(db, clock)
	r := &Replica{Cache: held, Recorder: recorder, Log: audit.New(db), Index: index.New(eventtest.Context(t), db, clock)}
	r.Revocation = revocation.New(eventtest.Context(t), revocation.Config{
		Store: db, Statuses: db, Grants: db, Index: r.Index, Cache: held, Events: recorder, Now: clock,
	})
	r.Keys = keys.New(db, held, recorder, r.Revocation, master, clock)
	r.Registry = registry.New(db, held, recorder, r.Revocation, master.Derive("client secrets", 32), clock)
	r.Directory = directory.New(db, held, recorder, r.Revocation, clock)
	r.Sessions = session.New(db, recorder, clock, SessionLimits)
	r.Minter = token.New(token.Config{
		Keys: r.Keys, Directory: r.Directory, Statuses: status.NewAllocator(db, master.Derive("status lists", 32), clock),
		Issuer: Issuer, AccessTTL: AccessTTL, Now: clock,
	})
	r.Introspection = introspection.New(introspection.Config{
		Minter: r.Minter, Index: r.Index, Revocations: r.Revocation, Keys: r.Keys, Registry: r.Registry, Directory: r.Directory,
		Cache: held, Issuer: Issuer, Now: clock,
	})
	r.Statuses = status.NewPublisher(db, r.Keys, Issuer, StatusTTL, clock)
	r.Refresh(t)
	return r
}

// Refresh brings the cache up to date, as every request does.
func (r *Replica) Refresh(t *testing.T) {
	t.Helper()
	Must(t, r.Cache.Refresh(eventtest.Context(t)))
}

// AddAPI makes an API with permissions.
func (r *Replica) AddAPI(t *testing.T, audience string, permissions ...string) domain.API {
	t.Helper()
	api := domain.API{Audience: audience}
	for _, name := range permissions {
		api.Permissions = append(api.Permissions, domain.Permission{Name: name})
	}
	added, err := r.Registry.CreateAPI(eventtest.Context(t), api)
	Must(t, err)
	return added
}

// AddRole makes a role of permissions written as audience#permission.
func (r *Replica) AddRole(t *testing.T, name string, permissions ...string) {
	t.Helper()
	_, err := r.Directory.CreateRole(eventtest.Context(t), domain.Role{Name: name, Permissions: RolePermissions(permissions...)})
	Must(t, err)
}

// RolePermissions reads permissions written as audience#permission.
func RolePermissions(names ...string) []domain.RolePermission {
	var permissions []domain.RolePermission
	for _, n := range names {
		audience, permission, _ := strings.Cut(n, "#")
		permissions = append(permissions, domain.RolePermission{Audience: audience, Permission: permission})
	}
	return permissions
}

// AddClient makes a client and returns its secret too; a public client has none.
func (r *Replica) AddClient(t *testing.T, client domain.Client) (domain.Client, string) {
	t.Helper()
	added, secret, err := r.Registry.CreateClient(eventtest.Context(t), client)
	Must(t, err)
	return added, secret
}

// AddService makes a client that gets tokens for itself, for APIs.
func (r *Replica) AddService(t *testing.T, id string, audiences ...string) (domain.Client, string) {
	t.Helper()
	client := domain.Client{ClientID: id, GrantTypes: []string{domain.GrantClientCredentials}}
	for _, a := range audiences {
		client.APIs = append(client.APIs, domain.ClientAPI{Audience: a})
	}
	return r.AddClient(t, client)
}

// AddUser makes a user, without a password if that is empty.
func (r *Replica) AddUser(t *testing.T, username, password string) domain.User {
	t.Helper()
	user, err := r.Directory.CreateUser(eventtest.Context(t), domain.User{Username: username}, password)
	Must(t, err)
	return user
}

// AssignRole gives a role, until a time or, if that is zero, until it is taken away.
func (r *Replica) AssignRole(t *testing.T, role string, kind domain.SubjectKind, subject string, until time.Time) {
	t.Helper()
	Must(t, r.Directory.Assign(eventtest.Context(t), domain.Assignment{Role: role, SubjectKind: kind, Subject: subject, ExpiresAt: until}))
}

// Fixture is two replicas, an API, a role that gives one of its two permissions, a client that holds it, and the user alice, who has
// neither role nor password.
type Fixture struct {
	A, B   *Replica
	DB     *store.DB
	Master *keys.Master
	Now    *atomic.Pointer[time.Time]
	Alice  domain.User
}

// SetUp makes a fixture whose clock stands still.
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

// Become is an edit that makes an object what is given, in all that an update may change.
func Become[T any](given T) func(*T) error {
	return func(object *T) error { *object = given; return nil }
}
