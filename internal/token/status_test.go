package token_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/statuslist"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
	"github.com/signet-auth/signet/internal/token"
)

const statusTTL = 10 * time.Second

// listClaims are those of a status list token (Token Status List §5.1).
type listClaims struct {
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

// fetch reads a list as a replica serves it.
func fetch(t *testing.T, r *replica, id int64) (token.StatusListToken, listClaims) {
	t.Helper()
	list, err := r.tokens.StatusList(t.Context(), id)
	must(t, err)
	payload, _, err := r.keys.Verify(t.Context(), keys.TypeStatusList, string(list.Body))
	must(t, err)
	var claims listClaims
	must(t, json.Unmarshal(payload, &claims))
	return list, claims
}

// status is what the list of a token says of it at a replica.
func status(t *testing.T, r *replica, minted token.Minted) domain.TokenStatus {
	t.Helper()
	_, claims := fetch(t, r, minted.Record.Status.List)
	list, err := statuslist.Decode(claims.List.Bits, claims.List.Lst, 1<<18)
	must(t, err)
	status, err := list.Get(int(minted.Record.Status.Index))
	must(t, err)
	return status
}

// pass lets time go by, and the replicas follow what happened.
func (f fixture) pass(t *testing.T, d time.Duration) {
	t.Helper()
	later := f.now.Load().Add(d)
	f.now.Store(&later)
	must(t, errors.Join(f.a.tokens.SyncStatus(t.Context()), f.b.tokens.SyncStatus(t.Context())))
}

func TestListOfEveryReplicaFollowsEveryMark(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		ctx := t.Context()
		revoked, suspended, resumed, untouched := f.issue(t, f.a), f.issue(t, f.b), f.issue(t, f.a), f.issue(t, f.b)
		all := []token.Minted{revoked, suspended, resumed, untouched}
		check := func(when string, bits int, want ...domain.TokenStatus) {
			t.Helper()
			for name, r := range map[string]*replica{"a": f.a, "b": f.b} {
				for i, minted := range all {
					if got := status(t, r, minted); got != want[i] {
						t.Errorf("%s: token %d is %d at %s, want %d", when, i, got, name, want[i])
					}
				}
				if _, claims := fetch(t, r, revoked.Record.Status.List); claims.List.Bits != bits {
					t.Errorf("%s: %d bits at %s, want %d", when, claims.List.Bits, name, bits)
				}
			}
		}
		check("at first", 1, 0, 0, 0, 0)

		must(t, f.a.tokens.RevokeID(ctx, revoked.Record.ID))
		f.pass(t, token.StatusPace)
		check("after a revocation", 1, 1, 0, 0, 0)

		must(t, errors.Join(f.a.tokens.Suspend(ctx, suspended.Record.ID), f.b.tokens.Suspend(ctx, resumed.Record.ID)))
		f.pass(t, token.StatusPace)
		check("after suspensions", 2, 1, 2, 2, 0)

		must(t, f.a.tokens.Resume(ctx, resumed.Record.ID))
		f.pass(t, token.StatusPace)
		check("after one is resumed", 2, 1, 2, 0, 0)

		must(t, f.b.tokens.RevokeID(ctx, suspended.Record.ID))
		f.pass(t, token.StatusPace)
		check("after the other is revoked", 1, 1, 1, 0, 0)

		// A replica that starts now reads it all from the database.
		f.b = newReplica(t, db, f.master, func() time.Time { return *f.now.Load() })
		check("at a new replica", 1, 1, 1, 0, 0)
	})
}

func TestTokensOfARevocationAreInvalidInTheirLists(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		var all []token.Minted
		for range 20 {
			all = append(all, f.issue(t, f.a))
		}
		status(t, f.b, all[0]) // b holds the list
		r, err := f.a.tokens.Revoke(t.Context(), domain.Revocation{Kind: domain.RevokeOfClient, TargetID: all[0].Record.ClientID})
		must(t, err)
		_, err = f.a.tokens.Finish(t.Context(), r, nil)
		must(t, err)
		later := f.issue(t, f.b)
		f.pass(t, token.StatusPace)
		for i, minted := range all {
			if got := status(t, f.b, minted); got != domain.StatusInvalid {
				t.Errorf("token %d is %d", i, got)
			}
		}
		if got := status(t, f.b, later); got != domain.StatusValid {
			t.Errorf("a token issued after the revocation is %d", got)
		}
	})
}

func TestListTokenSaysWhatItIs(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		minted := f.issue(t, f.a)
		list, claims := fetch(t, f.a, minted.Record.Status.List)
		uris, err := f.b.tokens.StatusLists(t.Context())
		must(t, err)
		if claims.Issuer != issuer || !slices.Equal(uris, []string{claims.Subject}) || !strings.HasPrefix(claims.Subject, claims.List.Aggregation+"/") {
			t.Errorf("claims %+v, all lists %v", claims, uris)
		}
		now := f.now.Load().Unix()
		if claims.IssuedAt != now || claims.TTL != 10 || claims.ExpiresAt != now+100 || list.TTL != statusTTL {
			t.Errorf("claims %+v, now %d", claims, now)
		}
		unzipped, err := gzip.NewReader(bytes.NewReader(list.Gzip))
		must(t, err)
		if body, err := io.ReadAll(unzipped); err != nil || !bytes.Equal(body, list.Body) {
			t.Errorf("compressed: %q, %v", body, err)
		}
	})
}

func TestUnknownAndRetiredListsAreNotFound(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		id := f.issue(t, f.a).Record.Status.List
		for _, unknown := range []int64{-1, 0, id + 1} {
			if _, err := f.a.tokens.StatusList(t.Context(), unknown); !errors.Is(err, domain.ErrNotFound) {
				t.Errorf("list %d: %v, want ErrNotFound", unknown, err)
			}
		}
		fetch(t, f.a, id) // a holds it, b never did
		f.pass(t, 2*time.Hour)
		for _, r := range []*replica{f.a, f.b} {
			if _, err := r.tokens.StatusList(t.Context(), id); !errors.Is(err, domain.ErrNotFound) {
				t.Errorf("a retired list: %v, want ErrNotFound", err)
			}
			if uris, err := r.tokens.StatusLists(t.Context()); err != nil || len(uris) != 0 {
				t.Errorf("all lists: %v, %v", uris, err)
			}
		}
	})
}

func TestUnchangedListIsSignedAnewAtHalfItsTTL(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		id := f.issue(t, f.a).Record.Status.List
		first, began := fetch(t, f.a, id)
		f.pass(t, statusTTL/2-time.Second)
		if same, _ := fetch(t, f.a, id); same.ETag != first.ETag || same.Age != statusTTL/2-time.Second {
			t.Errorf("tag %s, then %s, %v old", first.ETag, same.ETag, same.Age)
		}
		f.pass(t, time.Second)
		if anew, claims := fetch(t, f.a, id); anew.Age != 0 || claims.IssuedAt != began.IssuedAt+5 {
			t.Errorf("iat %d, then %d, %v old", began.IssuedAt, claims.IssuedAt, anew.Age)
		}
		f.pass(t, -5*time.Minute) // the clock is set back
		if _, claims := fetch(t, f.a, id); claims.IssuedAt != f.now.Load().Unix() {
			t.Errorf("iat %d, by a clock that says %d", claims.IssuedAt, f.now.Load().Unix())
		}
	})
}

func TestManyChangesDoNotMeanManyEncodings(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		minted := f.issue(t, f.a)
		f.pass(t, time.Minute)
		first, _ := fetch(t, f.a, minted.Record.Status.List)
		must(t, f.a.tokens.RevokeID(t.Context(), minted.Record.ID))
		f.pass(t, token.StatusPace/2)
		if again, _ := fetch(t, f.a, minted.Record.Status.List); again.ETag != first.ETag {
			t.Error("encoded twice within a pace")
		}
		f.pass(t, token.StatusPace/2)
		if got := status(t, f.a, minted); got != domain.StatusInvalid {
			t.Errorf("still %d a pace later", got)
		}
	})
}

func TestListIsSignedAnewWhenItsKeyIsRevoked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		id := f.issue(t, f.a).Record.Status.List
		list, _ := fetch(t, f.a, id)
		stored, err := f.b.keys.List(t.Context())
		must(t, err)
		i := slices.IndexFunc(stored, func(k domain.SigningKey) bool { return k.State == domain.KeyActive && k.Alg == domain.ES256 })
		_, _, err = f.b.keys.Revoke(t.Context(), stored[i].KID)
		must(t, err)
		must(t, f.a.cache.Refresh(t.Context()))
		must(t, f.a.tokens.SyncStatus(t.Context()))
		if anew, _ := fetch(t, f.a, id); anew.ETag == list.ETag { // fetch verifies it
			t.Error("the list of the revoked key is still served")
		}
	})
}

func TestWithoutDatabaseTheLastListIsServedWithItsAgeUntilItExpires(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		minted := f.issue(t, f.a)
		_, before := fetch(t, f.a, minted.Record.Status.List)
		db.Close()
		if err := f.a.tokens.SyncStatus(t.Context()); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("sync: %v, want ErrUnavailable", err)
		}
		later := f.now.Load().Add(9 * statusTTL)
		f.now.Store(&later)
		list, after := fetch(t, f.a, minted.Record.Status.List)
		if after.IssuedAt != before.IssuedAt || list.Age != 9*statusTTL {
			t.Errorf("iat %d, then %d, %v old", before.IssuedAt, after.IssuedAt, list.Age)
		}
		expired := time.Unix(after.ExpiresAt, 0)
		f.now.Store(&expired)
		if _, err := f.a.tokens.StatusList(t.Context(), minted.Record.Status.List); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("past exp: %v, want ErrUnavailable", err)
		}
		if _, err := f.b.tokens.StatusList(t.Context(), minted.Record.Status.List); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("a list that was not held: %v, want ErrUnavailable", err)
		}
	})
}

func TestOnlyWhatIsNotRevokedCanBeSuspended(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := setUp(t, db)
		ctx := t.Context()
		minted := f.issue(t, f.a)
		for range 2 { // done before is no error
			must(t, f.a.tokens.Suspend(ctx, minted.Record.ID))
		}
		for range 2 {
			must(t, f.a.tokens.Resume(ctx, minted.Record.ID))
		}
		must(t, f.a.tokens.Suspend(ctx, minted.Record.ID))
		must(t, f.a.tokens.RevokeID(ctx, minted.Record.ID))
		if err := f.a.tokens.Resume(ctx, minted.Record.ID); !errors.Is(err, domain.ErrRevoked) {
			t.Errorf("resume: %v, want ErrRevoked", err)
		}
		if err := f.a.tokens.Suspend(ctx, minted.Record.ID); !errors.Is(err, domain.ErrRevoked) {
			t.Errorf("suspend: %v, want ErrRevoked", err)
		}
		if err := f.a.tokens.Suspend(ctx, domain.TokenID{1}); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("unknown: %v, want ErrNotFound", err)
		}
	})
}
