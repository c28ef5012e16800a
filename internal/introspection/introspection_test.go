package introspection_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
	"github.com/signet-auth/signet/internal/token"
)

func TestIntrospectionAtAnotherReplicaShowsEveryChangeAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		change func(ctx context.Context, f servicetest.Fixture, minted token.SignedToken) error
		alive  bool
	}{
		"token suspended": {func(ctx context.Context, f servicetest.Fixture, m token.SignedToken) error {
			return f.A.Revocation.Suspend(ctx, m.Record.ID)
		}, false},
		"token suspended and resumed": {func(ctx context.Context, f servicetest.Fixture, m token.SignedToken) error {
			return errors.Join(f.A.Revocation.Suspend(ctx, m.Record.ID), f.A.Revocation.Resume(ctx, m.Record.ID))
		}, true},
		"token revoked": {func(ctx context.Context, f servicetest.Fixture, m token.SignedToken) error {
			return f.A.Revocation.RevokeID(ctx, m.Record.ID)
		}, false},
		"client's tokens revoked": {func(ctx context.Context, f servicetest.Fixture, m token.SignedToken) error {
			_, err := f.A.Revocation.Revoke(ctx, revocation.TokenSelector{ClientID: m.Record.ClientID})
			return err
		}, false},
		"client disabled": {func(ctx context.Context, f servicetest.Fixture, _ token.SignedToken) error {
			return f.A.Registry.DisableClient(ctx, "reporting", "")
		}, false},
		"client deleted": {func(ctx context.Context, f servicetest.Fixture, _ token.SignedToken) error {
			return f.A.Registry.DeleteClient(ctx, "reporting")
		}, false},
		"API taken from the client": {func(ctx context.Context, f servicetest.Fixture, _ token.SignedToken) error {
			_, err := f.A.Registry.UpdateClient(ctx, "reporting", func(client *domain.Client) error { client.APIs = nil; return nil })
			return err
		}, false},
		"API deleted": {func(ctx context.Context, f servicetest.Fixture, _ token.SignedToken) error {
			return f.A.Registry.DeleteAPI(ctx, servicetest.Orders)
		}, false},
		"key revoked": {func(ctx context.Context, f servicetest.Fixture, _ token.SignedToken) error {
			stored, err := f.A.Keys.List(ctx)
			if err != nil {
				return err
			}
			i := slices.IndexFunc(stored, func(k domain.SigningKey) bool {
				return k.State == domain.KeyActive && k.Alg == domain.ES256
			})
			_, _, err = f.A.Keys.Revoke(ctx, stored[i].KID)
			return err
		}, false},
		"expired": {func(_ context.Context, f servicetest.Fixture, m token.SignedToken) error {
			f.Now.Store(&m.ExpiresAt)
			return nil
		}, false},
		"role taken away": {func(ctx context.Context, f servicetest.Fixture, _ token.SignedToken) error {
			return f.A.Directory.Unassign(ctx, "clerk", domain.SubjectClient, "reporting")
		}, true},
		"permission taken from the role": {func(ctx context.Context, f servicetest.Fixture, _ token.SignedToken) error {
			_, err := f.A.Directory.UpdateRole(ctx, "clerk", servicetest.Become(domain.Role{}))
			return err
		}, true},
		"key rotated": {func(ctx context.Context, f servicetest.Fixture, _ token.SignedToken) error {
			_, err := f.A.Keys.Rotate(ctx, []string{domain.ES256}, 0)
			return err
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, db *store.DB) {
				f := servicetest.SetUp(t, db)
				minted := f.Issue(t, f.A, "orders:read")
				if f.Introspect(t, f.B, minted.Token) == nil {
					t.Fatal("inactive from the start")
				}
				servicetest.Must(t, c.change(eventtest.Context(t), f, minted))
				active := f.Introspect(t, f.B, minted.Token)
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

// lostCommits is a database of which a cache reads that there are some more revisions: those that the promotion of another server loses.
type lostCommits struct {
	*store.DB
	sum int64
}

func (l *lostCommits) Changes(ctx context.Context, after int64) ([]domain.Change, int64, bool, error) {
	changes, revision, complete, err := l.DB.Changes(ctx, after-l.sum)
	return changes, revision + l.sum, complete, err
}

func TestATokenIsNotJudgedByWhatAPromotionLost(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		minted := f.Issue(t, f.A, "orders:read")
		const sum = 3 // more than are committed below
		ctx, before := eventtest.Context(t), f.A.Cache.Revision()+sum
		judge := map[string]func(b *servicetest.Replica) (active bool, err error){
			"introspected": func(b *servicetest.Replica) (bool, error) {
				active, err := b.Introspection.Introspect(ctx, minted.Token)
				return active != nil, err
			},
			"judged by itself": func(b *servicetest.Replica) (bool, error) {
				sealed, err := b.Introspection.Sealed(ctx, minted.Token)
				return sealed != nil, err
			},
		}
		replicas := map[string]*servicetest.Replica{}
		for name := range judge {
			lost := &lostCommits{db, sum}
			replicas[name] = servicetest.NewReplicaWith(t, db, lost, f.Master, f.Clock)
			_, _ = judge[name](replicas[name]) // it keeps what it read before the promotion
			if got := replicas[name].Cache.Revision(); got != before {
				t.Fatalf("its cache is at revision %d, want %d", got, before)
			}
			lost.sum = 0
		}
		stored, err := f.A.Keys.List(ctx)
		servicetest.Must(t, err)
		i := slices.IndexFunc(stored, func(k domain.SigningKey) bool { return k.ID == minted.Record.KeyID })
		_, _, err = f.A.Keys.Revoke(ctx, stored[i].KID)
		servicetest.Must(t, err)
		for name, b := range replicas {
			if active, err := judge[name](b); active || err != nil {
				t.Errorf("%s: a token whose key is revoked is active: %v, %v", name, active, err)
			}
			if after := b.Cache.Revision(); after >= before {
				t.Errorf("%s: the cache went from revision %d to %d: nothing was lost", name, before, after)
			}
		}
	})
}

func TestDatabaseGoneIsAnErrorNeverAnAnswer(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		minted := f.Issue(t, f.A, "orders:read")
		own := f.Request(t, f.A).Client
		db.Close()
		if active, err := f.A.Introspection.Introspect(eventtest.Context(t), minted.Token); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("introspect: %v, %v; want ErrUnavailable", active, err)
		}
		if err := f.A.Revocation.RevokeAccess(eventtest.Context(t), own, minted.Token); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("revoke: %v, want ErrUnavailable", err)
		}
		if err := f.A.Index.Record(eventtest.Context(t), f.A.Cache.Revision(), minted.Record); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("record: %v, want ErrUnavailable", err)
		}
	})
}

func TestInspectionSaysThatARevocationUnderWayTakesATokenBack(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		minted := f.Issue(t, f.A, "orders:read")
		before, err := f.B.Introspection.Inspect(eventtest.Context(t), minted.Token)
		servicetest.Must(t, err)
		_, err = db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeOfRole, TargetID: 1, CreatedAt: f.Clock(), Lost: []domain.LostAccess{{
			APIID: minted.Record.APIID, Audience: servicetest.Orders, Permissions: []string{"orders:read"}, Clients: []int64{minted.Record.ClientID},
		}}})
		servicetest.Must(t, err)
		after, err := f.B.Introspection.Inspect(eventtest.Context(t), minted.Token)
		servicetest.Must(t, err)
		if !before.Active || before.Pending || after.Active || !after.Pending {
			t.Errorf("before: active %v, pending %v; after: active %v, pending %v", before.Active, before.Pending, after.Active, after.Pending)
		}
	})
}

func TestARevocationUnderWayTakesBackWhatIsEncryptedInATokenToo(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		_, _, err := f.A.Registry.UpdateAPI(eventtest.Context(t), servicetest.Orders, func(api *domain.API) error {
			api.Encryption = domain.Encryption{
				JWKS:   `{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`,
				Claims: []string{"roles"},
			}
			return nil
		})
		servicetest.Must(t, err)
		f.A.Refresh(t)
		minted := f.Issue(t, f.A, "orders:read")
		if active := f.Introspect(t, f.B, minted.Token); active == nil || len(active.Claims.Roles) > 0 || len(active.Revealed().Roles) != 1 {
			t.Fatalf("the token is %+v", active)
		}
		_, err = db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeOfRole, TargetID: 1, CreatedAt: f.Clock(), Lost: []domain.LostAccess{{
			APIID: minted.Record.APIID, Audience: servicetest.Orders, Roles: []string{"clerk"}, Clients: []int64{minted.Record.ClientID},
		}}})
		servicetest.Must(t, err)
		inspected, err := f.B.Introspection.Inspect(eventtest.Context(t), minted.Token)
		servicetest.Must(t, err)
		if sealed, err := f.B.Introspection.Sealed(eventtest.Context(t), minted.Token); err != nil || sealed != nil || inspected.Active || !inspected.Pending {
			t.Errorf("it is accepted: %v, %v; inspected: active %v, pending %v", sealed, err, inspected.Active, inspected.Pending)
		}
	})
}
