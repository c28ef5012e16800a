package token_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/audit"
	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
	"github.com/signet-auth/signet/internal/token"
)

const (
	issuer = "https://signet.example"
	orders = "https://orders.example"
)

// replica is the services of one server over a shared database.
type replica struct {
	cache     *cache.Cache
	keys      *keys.Keys
	registry  *registry.Registry
	directory *directory.Directory
	tokens    *token.Tokens
}

func newReplica(t *testing.T, db *store.DB, master *keys.Master, clock func() time.Time) *replica {
	t.Helper()
	cache, err := cache.New(db, 1000)
	if err != nil {
		t.Fatal(err)
	}
	log := audit.New(db, clock)
	r := &replica{
		cache:     cache,
		keys:      keys.New(db, cache, log, master, clock),
		registry:  registry.New(db, cache, log, master.Derive("client secrets", 32), clock),
		directory: directory.New(db, cache, log, clock),
	}
	r.tokens = token.New(t.Context(), token.Config{
		Store: db, Keys: r.keys, Registry: r.registry, Directory: r.directory, Cache: cache, Log: log,
		Issuer: issuer, AccessTTL: 10 * time.Minute, StatusTTL: statusTTL, StatusKey: master.Derive("status lists", 32), Now: clock,
	})
	if err := errors.Join(r.keys.Ensure(t.Context()), cache.Refresh(t.Context())); err != nil {
		t.Fatal(err)
	}
	return r
}

// fixture is an API, a role that gives one of its two permissions, and a client that holds it.
type fixture struct {
	a, b   *replica
	db     *store.DB
	master *keys.Master
	now    *atomic.Pointer[time.Time]
}

func setUp(t *testing.T, db *store.DB) fixture {
	t.Helper()
	master := keys.NewMaster()
	now := new(atomic.Pointer[time.Time])
	start := time.Now()
	now.Store(&start)
	clock := func() time.Time { return *now.Load() }
	f := fixture{a: newReplica(t, db, master, clock), b: newReplica(t, db, master, clock), db: db, master: master, now: now}
	ctx := t.Context()
	_, err := f.a.registry.CreateAPI(ctx, domain.API{Audience: orders, Permissions: []domain.Permission{{Name: "orders:read"}, {Name: "orders:write"}}})
	must(t, err)
	_, err = f.a.directory.CreateRole(ctx, domain.Role{Name: "clerk", Permissions: []domain.RolePermission{{Audience: orders, Permission: "orders:read"}}})
	must(t, err)
	_, _, err = f.a.registry.CreateClient(ctx, domain.Client{
		ClientID: "reporting", GrantTypes: []string{domain.GrantClientCredentials}, APIs: []domain.ClientAPI{{Audience: orders}},
	})
	must(t, err)
	must(t, f.a.directory.Assign(ctx, domain.Assignment{Role: "clerk", SubjectKind: domain.SubjectClient, Subject: "reporting"}))
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// order is what the client asks for, by what a replica knows of it.
func (f fixture) order(t *testing.T, r *replica, scopes ...string) token.Order {
	t.Helper()
	client, err := r.registry.LookupClient(t.Context(), "reporting")
	must(t, err)
	api, err := r.registry.LookupAPI(t.Context(), orders)
	must(t, err)
	return token.Order{Client: client, API: api, Scopes: scopes}
}

// issue mints and records as the token endpoint does, once more if the snapshot was stale.
func (f fixture) issue(t *testing.T, r *replica, scopes ...string) token.Minted {
	t.Helper()
	for range 3 {
		revision := r.cache.Revision()
		minted, err := r.tokens.Mint(t.Context(), f.order(t, r, scopes...))
		must(t, err)
		err = r.tokens.Record(t.Context(), revision, minted.Record)
		if err == nil {
			return minted
		}
		if !errors.Is(err, domain.ErrStale) {
			t.Fatal(err)
		}
		must(t, r.cache.Refresh(t.Context()))
	}
	t.Fatal("stale for ever")
	return token.Minted{}
}

func (f fixture) introspect(t *testing.T, r *replica, value string) *token.Active {
	t.Helper()
	active, err := r.tokens.Introspect(t.Context(), value)
	must(t, err)
	return active
}

func TestTokenHoldsOnlyWhatRoleScopeAndClientAgreeOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		minted := f.issue(t, f.a, "orders:read", "orders:write")
		active := f.introspect(t, f.b, minted.Token)
		if active == nil {
			t.Fatal("inactive")
		}
		want := token.Claims{
			Issuer: issuer, Subject: "reporting", Audience: orders, ClientID: "reporting", ID: minted.Record.ID.String(),
			IssuedAt: minted.Record.IssuedAt().Unix(), ExpiresAt: minted.Record.IssuedAt().Unix() + 600,
			Scope: "orders:read", Roles: []string{"clerk"}, Entitlements: []string{"orders:read"}, Status: new(token.Status),
		}
		want.Status.List.Index = minted.Record.Status.Index
		want.Status.List.URI = issuer + "/statuslists/" + strconv.FormatInt(minted.Record.Status.List, 10)
		if diff := cmp.Diff(want, active.Claims); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTokenIsNotIndexedOnAStaleDecision(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		f.issue(t, f.b, "orders:read") // b knows all it needs
		revision := f.b.cache.Revision()
		minted, err := f.b.tokens.Mint(t.Context(), f.order(t, f.b, "orders:read"))
		must(t, err)
		must(t, f.a.directory.Unassign(t.Context(), "clerk", domain.SubjectClient, "reporting"))
		if err := f.b.tokens.Record(t.Context(), revision, minted.Record); !errors.Is(err, domain.ErrStale) {
			t.Fatalf("record: %v, want ErrStale", err)
		}
		if f.introspect(t, f.a, minted.Token) != nil {
			t.Error("the token of the stale decision is active")
		}
		if again := f.issue(t, f.b, "orders:read"); len(again.Scopes) != 0 {
			t.Errorf("the next token still has %v", again.Scopes)
		}
	})
}

func TestIntrospectionAtAnotherReplicaShowsEveryChangeAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		change func(ctx context.Context, f fixture, minted token.Minted) error
		alive  bool
	}{
		"token suspended": {func(ctx context.Context, f fixture, m token.Minted) error {
			return f.a.tokens.Suspend(ctx, m.Record.ID)
		}, false},
		"token suspended and resumed": {func(ctx context.Context, f fixture, m token.Minted) error {
			return errors.Join(f.a.tokens.Suspend(ctx, m.Record.ID), f.a.tokens.Resume(ctx, m.Record.ID))
		}, true},
		"token revoked": {func(ctx context.Context, f fixture, m token.Minted) error {
			return f.a.tokens.RevokeID(ctx, m.Record.ID)
		}, false},
		"client's tokens revoked": {func(ctx context.Context, f fixture, m token.Minted) error {
			_, err := f.a.tokens.Revoke(ctx, domain.Revocation{Kind: domain.RevokeOfClient, TargetID: m.Record.ClientID})
			return err
		}, false},
		"client disabled": {func(ctx context.Context, f fixture, _ token.Minted) error {
			return f.a.registry.SetClientDisabled(ctx, "reporting", true)
		}, false},
		"client deleted": {func(ctx context.Context, f fixture, _ token.Minted) error {
			return f.a.registry.DeleteClient(ctx, "reporting")
		}, false},
		"API taken from the client": {func(ctx context.Context, f fixture, _ token.Minted) error {
			client, err := f.a.registry.FindClient(ctx, "reporting")
			if err != nil {
				return err
			}
			client.APIs = nil
			_, err = f.a.registry.UpdateClient(ctx, client)
			return err
		}, false},
		"API deleted": {func(ctx context.Context, f fixture, _ token.Minted) error {
			return f.a.registry.DeleteAPI(ctx, orders)
		}, false},
		"key revoked": {func(ctx context.Context, f fixture, _ token.Minted) error {
			stored, err := f.a.keys.List(ctx)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(stored, func(k domain.SigningKey) bool {
				return k.State == domain.KeyActive && k.Alg == domain.ES256
			})
			_, _, err = f.a.keys.Revoke(ctx, stored[i].KID)
			return err
		}, false},
		"expired": {func(_ context.Context, f fixture, m token.Minted) error {
			f.now.Store(&m.ExpiresAt)
			return nil
		}, false},
		"role taken away": {func(ctx context.Context, f fixture, _ token.Minted) error {
			return f.a.directory.Unassign(ctx, "clerk", domain.SubjectClient, "reporting")
		}, true},
		"permission taken from the role": {func(ctx context.Context, f fixture, _ token.Minted) error {
			_, err := f.a.directory.UpdateRole(ctx, domain.Role{Name: "clerk"})
			return err
		}, true},
		"key rotated": {func(ctx context.Context, f fixture, _ token.Minted) error {
			_, err := f.a.keys.Rotate(ctx, domain.ES256)
			return err
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				f := setUp(t, db)
				minted := f.issue(t, f.a, "orders:read")
				if f.introspect(t, f.b, minted.Token) == nil {
					t.Fatal("inactive from the start")
				}
				must(t, c.change(t.Context(), f, minted))
				active := f.introspect(t, f.b, minted.Token)
				if (active != nil) != c.alive {
					t.Fatalf("active: %v, want %v", active != nil, c.alive)
				}
				if taken := strings.HasSuffix(name, "away") || strings.HasSuffix(name, "the role"); taken && active.Claims.Scope+strings.Join(active.Claims.Roles, "") != "" {
					t.Errorf("still has %q and roles %v", active.Claims.Scope, active.Claims.Roles)
				}
			})
		})
	}
}

func TestTokenDoesNotOutliveTheAssignmentItRestsOn(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		until := f.now.Load().Add(90 * time.Second)
		must(t, f.a.directory.Assign(t.Context(), domain.Assignment{
			Role: "clerk", SubjectKind: domain.SubjectClient, Subject: "reporting", ExpiresAt: until,
		}))
		minted := f.issue(t, f.b, "orders:read")
		if minted.ExpiresAt.After(until) {
			t.Errorf("expires %v, after the assignment's end %v", minted.ExpiresAt, until)
		}
		f.now.Store(&until)
		if again := f.issue(t, f.b, "orders:read"); len(again.Scopes) != 0 {
			t.Errorf("a token of the time after has %v", again.Scopes)
		}
	})
}

func TestOnlyItsClientRevokesAToken(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		minted := f.issue(t, f.a, "orders:read")
		other := &domain.Client{ID: 4711, ClientID: "other"}
		if err := f.b.tokens.RevokeAccess(t.Context(), other, minted.Token); !errors.Is(err, token.ErrNotYours) {
			t.Errorf("another client: %v, want ErrNotYours", err)
		}
		if f.introspect(t, f.a, minted.Token) == nil {
			t.Fatal("another client has revoked it")
		}
		own := f.order(t, f.b).Client
		for range 2 { // idempotent
			must(t, f.b.tokens.RevokeAccess(t.Context(), own, minted.Token))
		}
		if f.introspect(t, f.a, minted.Token) != nil {
			t.Error("active after its client has revoked it")
		}
		for _, none := range []string{"", "garbage", "a.b.c", minted.Token[:len(minted.Token)-3]} {
			must(t, f.b.tokens.RevokeAccess(t.Context(), own, none))
		}
	})
}

func TestManyAtOnceShareWritesAndAllAreIndexed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		f.issue(t, f.a)
		var group sync.WaitGroup
		values := make([]string, 300)
		for i := range values {
			group.Go(func() { values[i] = f.issue(t, f.a, "orders:read").Token })
		}
		group.Wait()
		for _, value := range values {
			group.Go(func() {
				if f.introspect(t, f.b, value) == nil {
					t.Error("an issued token is not active")
				}
			})
		}
		group.Wait()
	})
}

func TestDatabaseGoneIsAnErrorNeverAnAnswer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		minted := f.issue(t, f.a, "orders:read")
		own := f.order(t, f.a).Client
		db.Close()
		if active, err := f.a.tokens.Introspect(t.Context(), minted.Token); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("introspect: %v, %v; want ErrUnavailable", active, err)
		}
		if err := f.a.tokens.RevokeAccess(t.Context(), own, minted.Token); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("revoke: %v, want ErrUnavailable", err)
		}
		if err := f.a.tokens.Record(t.Context(), f.a.cache.Revision(), minted.Record); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("record: %v, want ErrUnavailable", err)
		}
	})
}

func TestRevocationsAtTheSameTimeAreEachWrittenDownOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		const tokens, times = 40, 3
		want := map[string]int{}
		var group sync.WaitGroup
		for i := range tokens {
			minted := f.issue(t, f.a)
			want["cli:"+strconv.Itoa(i)+" token:"+minted.Record.ID.String()] = 1
			for n := range times { // at one replica, and again at the other
				group.Go(func() {
					ctx := audit.WithActor(t.Context(), "cli:"+strconv.Itoa(i))
					if err := []*replica{f.a, f.b, f.a}[n].tokens.RevokeID(ctx, minted.Record.ID); err != nil {
						t.Error(err)
					}
					if active, err := f.b.tokens.Introspect(ctx, minted.Token); active != nil || err != nil {
						t.Errorf("a revoked token is active: %v, %v", active, err)
					}
				})
			}
		}
		group.Wait()
		log := audit.New(db, time.Now)
		_, err := log.Verify(t.Context())
		must(t, err)
		events, err := log.List(t.Context(), 0, 1000)
		must(t, err)
		got := map[string]int{}
		for _, e := range events {
			if e.Action == "token.revoke" {
				got[e.Actor+" "+e.Target]++
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
