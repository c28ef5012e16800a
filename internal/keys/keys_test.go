package keys_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jws"
	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// replica is a keyring with a cache of its own, on a clock that the test moves.
type replica struct {
	*keys.Keys
	cache *cache.Cache
	now   time.Time
}

func newReplica(t *testing.T, db *store.DB, master *keys.Master) *replica {
	t.Helper()
	r := &replica{now: time.Now()}
	made := servicetest.NewReplica(t, db, master, func() time.Time { return r.now })
	r.Keys, r.cache = made.Keys, made.Cache
	return r
}

func (r *replica) sign(t *testing.T, alg string) string {
	t.Helper()
	r.refresh(t)
	token, _, err := r.Sign(eventtest.Context(t), alg, keys.TypeAccessToken, []byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	return string(token)
}

func (r *replica) refresh(t *testing.T) {
	t.Helper()
	if err := r.cache.Refresh(eventtest.Context(t)); err != nil {
		t.Fatal(err)
	}
}

func (r *replica) published(t *testing.T) []string {
	t.Helper()
	r.refresh(t)
	body, _, err := r.JWKS(eventtest.Context(t))
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(body, &set); err != nil {
		t.Fatal(err)
	}
	var kids []string
	for _, k := range set.Keys {
		kids = append(kids, k["kid"])
		for _, private := range []string{"d", "p", "q", "k"} {
			if _, has := k[private]; has {
				t.Fatalf("the JWKS has the private member %q", private)
			}
		}
	}
	return kids
}

func kidOf(t *testing.T, token string) string {
	t.Helper()
	m, err := jws.ParseString(token)
	if err != nil {
		t.Fatal(err)
	}
	return m.Signatures()[0].ProtectedHeaders().KeyID()
}

func TestEnsureMakesOneKeyOfEachStateHoweverManyReplicas(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		master := keys.NewMaster()
		var group sync.WaitGroup
		for range 4 {
			r := newReplica(t, db, master)
			group.Go(func() {
				if err := r.Ensure(eventtest.Context(t)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		r := newReplica(t, db, master)
		if got := len(r.published(t)); got != 4 {
			t.Errorf("%d keys, want an active and a next one for ES256 and RS256", got)
		}
	})
}

func TestKeysOfAnAlgorithmAreMadeOnceItIsUsed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		master := keys.NewMaster()
		var group sync.WaitGroup
		for range 4 {
			r := newReplica(t, db, master)
			group.Go(func() {
				ctx := eventtest.Context(t)
				if err := errors.Join(r.Ensure(ctx), db.Tx(ctx, func(ctx context.Context) error { return r.Provide(ctx, domain.EdDSA) }), r.Ensure(ctx)); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		r := newReplica(t, db, master)
		r.sign(t, domain.EdDSA)
		if got := len(r.published(t)); got != 6 {
			t.Errorf("%d keys, want an active and a next one for each algorithm", got)
		}
		if _, err := r.Rotate(eventtest.Context(t), []string{domain.EdDSA}, time.Hour); err != nil {
			t.Errorf("rotate to the next key, which was published with the first: %v", err)
		}
		if err := r.Provide(eventtest.Context(t), domain.RS256); err != nil {
			t.Error(err)
		}
	})
}

func TestRotationKeepsOldTokensAndSignsWithAKeyThatWasPublishedBefore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		master := keys.NewMaster()
		a, b := newReplica(t, db, master), newReplica(t, db, master)
		if err := a.Ensure(eventtest.Context(t)); err != nil {
			t.Fatal(err)
		}
		servicetest.Must(t, a.Provide(eventtest.Context(t), domain.EdDSA))
		for _, alg := range domain.SigningAlgs {
			old, known := b.sign(t, alg), b.published(t)
			if _, err := a.Rotate(eventtest.Context(t), []string{alg}, 0); err != nil {
				t.Fatal(err)
			}
			young := b.sign(t, alg)
			if kidOf(t, old) == kidOf(t, young) {
				t.Errorf("%s: the key is still the same", alg)
			}
			if !slices.Contains(known, kidOf(t, young)) {
				t.Errorf("%s: the new key was not published before it signed", alg)
			}
			for _, token := range []string{old, young} {
				if _, _, err := a.Verify(eventtest.Context(t), keys.TypeAccessToken, token); err != nil {
					t.Errorf("%s: a token does not verify after the rotation: %v", alg, err)
				}
			}
		}
	})
}

func TestRevokedKeyIsDeadAndReplaced(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		master := keys.NewMaster()
		a, b := newReplica(t, db, master), newReplica(t, db, master)
		if err := a.Ensure(eventtest.Context(t)); err != nil {
			t.Fatal(err)
		}
		token := b.sign(t, domain.ES256)
		replacement, _, err := a.Revoke(eventtest.Context(t), kidOf(t, token))
		if err != nil {
			t.Fatal(err)
		}
		if slices.Contains(b.published(t), kidOf(t, token)) {
			t.Error("the revoked key is still published")
		}
		if _, _, err := b.Verify(eventtest.Context(t), keys.TypeAccessToken, token); !errors.Is(err, keys.ErrUnknownKey) {
			t.Errorf("a token of the revoked key: %v, want ErrUnknownKey", err)
		}
		if got := kidOf(t, b.sign(t, domain.ES256)); got != replacement.KID {
			t.Errorf("signs with %s, want the replacement %s", got, replacement.KID)
		}
		if _, _, err := a.Revoke(eventtest.Context(t), "nobody"); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("revoking an unknown key: %v, want ErrNotFound", err)
		}
	})
}

func TestVerifyRefusesForgeries(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := newReplica(t, db, keys.NewMaster())
		if err := r.Ensure(eventtest.Context(t)); err != nil {
			t.Fatal(err)
		}
		good, rsa := r.sign(t, domain.ES256), r.sign(t, domain.RS256)
		parts := strings.Split(good, ".")
		header := func(h string) string { return base64.RawURLEncoding.EncodeToString([]byte(h)) }
		hmac := jws.NewHeaders()
		if err := errors.Join(hmac.Set("kid", kidOf(t, good)), hmac.Set("typ", keys.TypeAccessToken)); err != nil {
			t.Fatal(err)
		}
		body, _, err := r.JWKS(eventtest.Context(t))
		if err != nil {
			t.Fatal(err)
		}
		confused, err := jws.Sign([]byte(`{}`), jws.WithKey(jwa.HS256, body, jws.WithProtectedHeaders(hmac)))
		if err != nil {
			t.Fatal(err)
		}
		for name, token := range map[string]string{
			"alg none":        header(`{"alg":"none","typ":"at+jwt","kid":"`+kidOf(t, good)+`"}`) + "." + parts[1] + ".",
			"HMAC by JWKS":    string(confused),
			"another key":     header(`{"alg":"RS256","typ":"at+jwt","kid":"`+kidOf(t, rsa)+`"}`) + "." + parts[1] + "." + parts[2],
			"another alg":     header(`{"alg":"RS256","typ":"at+jwt","kid":"`+kidOf(t, good)+`"}`) + "." + parts[1] + "." + parts[2],
			"another payload": parts[0] + "." + header(`{"a":2}`) + "." + parts[2],
			"cut signature":   good[:len(good)-2],
			"no signature":    parts[0] + "." + parts[1] + ".",
			"critical header": header(`{"alg":"ES256","typ":"at+jwt","crit":["x"],"x":1,"kid":"`+kidOf(t, good)+`"}`) + "." + parts[1] + "." + parts[2],
			"no kid":          header(`{"alg":"ES256","typ":"at+jwt"}`) + "." + parts[1] + "." + parts[2],
			"garbage":         "a.b.c",
			"empty":           "",
			"JSON form":       `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
			"line end":        good + "\n",
			"return":          good + "\r",
			"line end within": good[:len(good)-9] + "\r\n" + good[len(good)-9:],
			"space":           " " + good,
			"padding":         good + "=",
			"huge":            strings.Repeat("a", 1<<20),
		} {
			if _, _, err := r.Verify(eventtest.Context(t), keys.TypeAccessToken, token); !errors.Is(err, keys.ErrNotOurs) {
				t.Errorf("%s: %v, want ErrNotOurs", name, err)
			}
		}
		if _, _, err := r.Verify(eventtest.Context(t), keys.TypeJWT, good); !errors.Is(err, keys.ErrNotOurs) {
			t.Errorf("an access token passes as another type: %v", err)
		}
		if _, _, err := r.Verify(eventtest.Context(t), keys.TypeAccessToken, good); err != nil {
			t.Errorf("the good one: %v", err)
		}
	})
}

func TestMaintainRotatesInTimeAndDropsWhatNobodyNeeds(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := newReplica(t, db, keys.NewMaster())
		if err := r.Ensure(eventtest.Context(t)); err != nil {
			t.Fatal(err)
		}
		old := kidOf(t, r.sign(t, domain.ES256))
		maintain(t, r)
		if got := kidOf(t, r.sign(t, domain.ES256)); got != old {
			t.Fatal("rotated too early")
		}
		r.now = r.now.Add(31 * 24 * time.Hour)
		maintain(t, r)
		if got := kidOf(t, r.sign(t, domain.ES256)); got == old {
			t.Fatal("not rotated")
		}
		if !slices.Contains(r.published(t), old) {
			t.Error("a retired key is gone while its tokens live")
		}
		r.now = r.now.Add(keys.MaxTokenLifetime + 2*time.Hour)
		maintain(t, r)
		if slices.Contains(r.published(t), old) {
			t.Error("a retired key without live tokens is still published")
		}
	})
}

func maintain(t *testing.T, r *replica) {
	t.Helper()
	if err := r.Maintain(eventtest.Context(t), 30*24*time.Hour, time.Minute); err != nil {
		t.Fatal(err)
	}
	r.refresh(t)
}

func TestJWKSOutlivesTheDatabase(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := newReplica(t, db, keys.NewMaster())
		if err := r.Ensure(eventtest.Context(t)); err != nil {
			t.Fatal(err)
		}
		before := r.published(t)
		if _, err := r.Rotate(eventtest.Context(t), []string{domain.ES256}, 0); err != nil { // forget the ring …
			t.Fatal(err)
		}
		r.refresh(t)
		db.Close() // … and have no way to load it
		body, _, err := r.JWKS(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		for _, kid := range before {
			if !strings.Contains(string(body), kid) {
				t.Errorf("key %s is missing", kid)
			}
		}
	})
}

func TestRotationWaitsUntilServicesHaveFetchedTheNextKey(t *testing.T) {
	const maxAge = time.Minute
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := newReplica(t, db, keys.NewMaster())
		ctx := eventtest.Context(t)
		rotate := func(published time.Duration) error {
			_, err := r.Rotate(ctx, []string{domain.ES256}, published)
			return err
		}
		servicetest.Must(t, r.Ensure(ctx))
		r.now = r.now.Add(time.Second)
		servicetest.Must(t, rotate(maxAge)) // the first two keys were published together
		r.now = r.now.Add(maxAge - time.Second)
		if err := rotate(maxAge); !errors.Is(err, domain.ErrTooSoon) {
			t.Errorf("a second rotation: %v, want ErrTooSoon", err)
		}
		servicetest.Must(t, rotate(0))
		r.now = r.now.Add(maxAge)
		servicetest.Must(t, rotate(maxAge))
	})
}

func TestKeysOfSeveralAlgorithmsRotateTogetherOrNotAtAll(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := newReplica(t, db, keys.NewMaster())
		ctx := eventtest.Context(t)
		servicetest.Must(t, r.Ensure(ctx))
		r.now = r.now.Add(time.Second)
		if _, err := r.Rotate(ctx, []string{domain.RS256}, 0); err != nil {
			t.Fatal(err)
		}
		active := kidOf(t, r.sign(t, domain.ES256))
		if _, err := r.Rotate(ctx, nil, time.Minute); !errors.Is(err, domain.ErrTooSoon) {
			t.Errorf("the next key of one algorithm is new: %v", err)
		}
		if got := kidOf(t, r.sign(t, domain.ES256)); got != active {
			t.Error("another algorithm's key was rotated")
		}
		rotated, err := r.Rotate(ctx, nil, 0)
		servicetest.Must(t, err)
		for i, alg := range []string{domain.ES256, domain.RS256} {
			if len(rotated) != 2 || kidOf(t, r.sign(t, alg)) != rotated[i].KID {
				t.Errorf("%s does not sign with the key that was returned", alg)
			}
		}
	})
}

func TestARevokedKeyIsReplacedInTheSameTransaction(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := newReplica(t, db, keys.NewMaster())
		ctx := eventtest.Context(t)
		servicetest.Must(t, r.Ensure(ctx))
		for _, state := range []domain.KeyState{domain.KeyNext, domain.KeyActive, domain.KeyNext} {
			listed, err := r.List(ctx)
			servicetest.Must(t, err)
			i := slices.IndexFunc(listed, func(k domain.SigningKey) bool { return k.Alg == domain.ES256 && k.State == state })
			if i < 0 {
				t.Fatalf("there is no %s key", state)
			}
			_, _, err = r.Revoke(ctx, listed[i].KID)
			servicetest.Must(t, err)
		}
		if got := len(r.published(t)); got != 4 {
			t.Errorf("%d keys are published, want two of each algorithm", got)
		}
	})
}

// RFC 8725 §3.2: a signature that depends on random bits tells the key where these are bad.
func TestSignaturesDependOnNoRandomBits(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := newReplica(t, db, keys.NewMaster())
		if err := r.Ensure(eventtest.Context(t)); err != nil {
			t.Fatal(err)
		}
		for _, alg := range []string{domain.ES256, domain.RS256} {
			if first, second := r.sign(t, alg), r.sign(t, alg); first != second {
				t.Errorf("%s: the same claims have the signatures of\n%s\n%s", alg, first, second)
			}
		}
	})
}
