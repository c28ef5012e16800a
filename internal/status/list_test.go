package status_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/status"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
	"github.com/signet-auth/signet/internal/token"
)

func TestListOfEveryReplicaFollowsEveryMark(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		ctx := eventtest.Context(t)
		revoked, suspended, resumed, untouched := f.Issue(t, f.A), f.Issue(t, f.B), f.Issue(t, f.A), f.Issue(t, f.B)
		all := []token.SignedToken{revoked, suspended, resumed, untouched}
		check := func(when string, bits int, want ...domain.TokenStatus) {
			t.Helper()
			for name, r := range map[string]*servicetest.Replica{"a": f.A, "b": f.B} {
				for i, minted := range all {
					if got := servicetest.Status(t, r, minted); got != want[i] {
						t.Errorf("%s: token %d is %d at %s, want %d", when, i, got, name, want[i])
					}
				}
				if _, claims := servicetest.Fetch(t, r, revoked.Record.Status.List); claims.List.Bits != bits {
					t.Errorf("%s: %d bits at %s, want %d", when, claims.List.Bits, name, bits)
				}
			}
		}
		check("at first", 1, 0, 0, 0, 0)

		servicetest.Must(t, f.A.Revocation.RevokeID(ctx, revoked.Record.ID))
		f.Pass(t, status.Pace)
		check("after a revocation", 1, 1, 0, 0, 0)

		servicetest.Must(t, errors.Join(f.A.Revocation.Suspend(ctx, suspended.Record.ID), f.B.Revocation.Suspend(ctx, resumed.Record.ID)))
		f.Pass(t, status.Pace)
		check("after suspensions", 2, 1, 2, 2, 0)

		servicetest.Must(t, f.A.Revocation.Resume(ctx, resumed.Record.ID))
		f.Pass(t, status.Pace)
		check("after one is resumed", 2, 1, 2, 0, 0)

		servicetest.Must(t, f.B.Revocation.RevokeID(ctx, suspended.Record.ID))
		f.Pass(t, status.Pace)
		check("after the other is revoked", 1, 1, 1, 0, 0)

		// A replica that starts now reads it all from the database.
		f.B = servicetest.NewReplica(t, db, f.Master, func() time.Time { return *f.Now.Load() })
		check("at a new replica", 1, 1, 1, 0, 0)
	})
}

func TestTokensOfARevocationAreInvalidInTheirLists(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		var all []token.SignedToken
		for range 20 {
			all = append(all, f.Issue(t, f.A))
		}
		servicetest.Status(t, f.B, all[0]) // b holds the list
		r, err := f.A.Revocation.Revoke(eventtest.Context(t), revocation.TokenSelector{ClientID: all[0].Record.ClientID})
		servicetest.Must(t, err)
		_, err = f.A.Revocation.Finish(eventtest.Context(t), r, nil)
		servicetest.Must(t, err)
		later := f.Issue(t, f.B)
		f.Pass(t, status.Pace)
		for i, minted := range all {
			if got := servicetest.Status(t, f.B, minted); got != domain.StatusInvalid {
				t.Errorf("token %d is %d", i, got)
			}
		}
		if got := servicetest.Status(t, f.B, later); got != domain.StatusValid {
			t.Errorf("a token issued after the revocation is %d", got)
		}
	})
}

func TestListTokenSaysWhatItIs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		minted := f.Issue(t, f.A)
		list, claims := servicetest.Fetch(t, f.A, minted.Record.Status.List)
		uris, err := f.B.Statuses.Lists(eventtest.Context(t))
		servicetest.Must(t, err)
		if claims.Issuer != servicetest.Issuer || !slices.Equal(uris, []string{claims.Subject}) || !strings.HasPrefix(claims.Subject, claims.List.Aggregation+"/") {
			t.Errorf("claims %+v, all lists %v", claims, uris)
		}
		now := f.Now.Load().Unix()
		if claims.IssuedAt != now || claims.TTL != 10 || claims.ExpiresAt != now+100 || list.TTL != servicetest.StatusTTL {
			t.Errorf("claims %+v, now %d", claims, now)
		}
		unzipped, err := gzip.NewReader(bytes.NewReader(list.Gzip))
		servicetest.Must(t, err)
		if body, err := io.ReadAll(unzipped); err != nil || !bytes.Equal(body, list.Body) {
			t.Errorf("compressed: %q, %v", body, err)
		}
	})
}

func TestUnknownAndRetiredListsAreNotFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		id := f.Issue(t, f.A).Record.Status.List
		for _, unknown := range []int64{-1, 0, id + 1} {
			if _, err := f.A.Statuses.List(eventtest.Context(t), unknown); !errors.Is(err, domain.ErrNotFound) {
				t.Errorf("list %d: %v, want ErrNotFound", unknown, err)
			}
		}
		servicetest.Fetch(t, f.A, id) // a holds it, b never did
		f.Pass(t, 2*time.Hour)
		for _, r := range []*servicetest.Replica{f.A, f.B} {
			if _, err := r.Statuses.List(eventtest.Context(t), id); !errors.Is(err, domain.ErrNotFound) {
				t.Errorf("a retired list: %v, want ErrNotFound", err)
			}
			if uris, err := r.Statuses.Lists(eventtest.Context(t)); err != nil || len(uris) != 0 {
				t.Errorf("all lists: %v, %v", uris, err)
			}
		}
	})
}

func TestUnchangedListIsSignedAnewAtHalfItsTTL(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		id := f.Issue(t, f.A).Record.Status.List
		first, began := servicetest.Fetch(t, f.A, id)
		f.Pass(t, servicetest.StatusTTL/2-time.Second)
		if same, _ := servicetest.Fetch(t, f.A, id); same.ETag != first.ETag || same.Age != servicetest.StatusTTL/2-time.Second {
			t.Errorf("tag %s, then %s, %v old", first.ETag, same.ETag, same.Age)
		}
		f.Pass(t, time.Second)
		if anew, claims := servicetest.Fetch(t, f.A, id); anew.Age != 0 || claims.IssuedAt != began.IssuedAt+5 {
			t.Errorf("iat %d, then %d, %v old", began.IssuedAt, claims.IssuedAt, anew.Age)
		}
		f.Pass(t, -5*time.Minute) // the clock is set back
		if _, claims := servicetest.Fetch(t, f.A, id); claims.IssuedAt != f.Now.Load().Unix() {
			t.Errorf("iat %d, by a clock that says %d", claims.IssuedAt, f.Now.Load().Unix())
		}
	})
}

func TestManyChangesDoNotMeanManyEncodings(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		minted := f.Issue(t, f.A)
		f.Pass(t, time.Minute)
		first, _ := servicetest.Fetch(t, f.A, minted.Record.Status.List)
		servicetest.Must(t, f.A.Revocation.RevokeID(eventtest.Context(t), minted.Record.ID))
		f.Pass(t, status.Pace/2)
		if again, _ := servicetest.Fetch(t, f.A, minted.Record.Status.List); again.ETag != first.ETag {
			t.Error("encoded twice within a pace")
		}
		f.Pass(t, status.Pace/2)
		if got := servicetest.Status(t, f.A, minted); got != domain.StatusInvalid {
			t.Errorf("still %d a pace later", got)
		}
	})
}

func TestListIsSignedAnewWhenItsKeyIsRevoked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		id := f.Issue(t, f.A).Record.Status.List
		list, _ := servicetest.Fetch(t, f.A, id)
		stored, err := f.B.Keys.List(eventtest.Context(t))
		servicetest.Must(t, err)
		i := slices.IndexFunc(stored, func(k domain.SigningKey) bool { return k.State == domain.KeyActive && k.Alg == domain.ES256 })
		_, _, err = f.B.Keys.Revoke(eventtest.Context(t), stored[i].KID)
		servicetest.Must(t, err)
		servicetest.Must(t, f.A.Cache.Refresh(eventtest.Context(t)))
		servicetest.Must(t, f.A.Statuses.Sync(eventtest.Context(t)))
		if anew, _ := servicetest.Fetch(t, f.A, id); anew.ETag == list.ETag { // fetch verifies it
			t.Error("the list of the revoked key is still served")
		}
	})
}

func TestWithoutDatabaseTheLastListIsServedWithItsAgeUntilItExpires(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		minted := f.Issue(t, f.A)
		_, before := servicetest.Fetch(t, f.A, minted.Record.Status.List)
		db.Close()
		if err := f.A.Statuses.Sync(eventtest.Context(t)); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("sync: %v, want ErrUnavailable", err)
		}
		later := f.Now.Load().Add(9 * servicetest.StatusTTL)
		f.Now.Store(&later)
		list, after := servicetest.Fetch(t, f.A, minted.Record.Status.List)
		if after.IssuedAt != before.IssuedAt || list.Age != 9*servicetest.StatusTTL {
			t.Errorf("iat %d, then %d, %v old", before.IssuedAt, after.IssuedAt, list.Age)
		}
		expired := time.Unix(after.ExpiresAt, 0)
		f.Now.Store(&expired)
		if _, err := f.A.Statuses.List(eventtest.Context(t), minted.Record.Status.List); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("past exp: %v, want ErrUnavailable", err)
		}
		if _, err := f.B.Statuses.List(eventtest.Context(t), minted.Record.Status.List); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("a list that was not held: %v, want ErrUnavailable", err)
		}
	})
}
