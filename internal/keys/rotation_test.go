package keys_test

import (
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// caching is a service that fetches the JWKS when what it has is too old, and at no other time.
type caching struct {
	from    *replica
	set     jwk.Set
	fetched time.Time
}

// verify checks a token with what is cached.
func (c *caching) verify(t *testing.T, token string, maxAge time.Duration) error {
	t.Helper()
	if c.set == nil || c.from.now.Sub(c.fetched) >= maxAge {
		body, _, err := c.from.JWKS(eventtest.Context(t))
		if err != nil {
			t.Fatal(err)
		}
		if c.set, err = jwk.Parse(body); err != nil {
			t.Fatal(err)
		}
		c.fetched = c.from.now
	}
	_, err := jws.Verify([]byte(token), jws.WithKeySet(c.set))
	return err
}

func TestAutomaticRotationIsNotNoticedByServicesThatCacheTheJWKS(t *testing.T) {
	const (
		rotateEvery = time.Hour   // the shortest that can be set
		maxAge      = time.Hour   // the longest that can be set
		tick        = time.Minute // as servers maintain their keys
		rotations   = 3
	)
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		master := keys.NewMaster()
		a, b := newReplica(t, db, master), newReplica(t, db, master)
		if err := a.Ensure(eventtest.Context(t)); err != nil {
			t.Fatal(err)
		}
		replicas := []*replica{a, b}
		services := []*caching{{from: a}, {from: b}}
		signers := map[string]bool{}
		for range rotations * int(rotateEvery/tick) * 11 / 10 {
			for _, r := range replicas {
				r.now = r.now.Add(tick)
				r.refresh(t)
			}
			for n, r := range replicas {
				// A key is taken into use by whichever replica comes first, and at once.
				if err := replicas[1-n].Maintain(eventtest.Context(t), rotateEvery, maxAge); err != nil {
					t.Fatal(err)
				}
				token := r.sign(t, domain.ES256)
				signers[kidOf(t, token)] = true
				for i, service := range services {
					if err := service.verify(t, token, maxAge); err != nil {
						t.Errorf("service %d, at %v: %v", i, service.from.now, err)
					}
				}
			}
		}
		if len(signers) != rotations+1 {
			t.Errorf("%d keys have signed, want %d", len(signers), rotations+1)
		}
	})
}

func TestAKeyThatReplacesARevokedNextOneIsPublishedBeforeItSigns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		r := newReplica(t, db, keys.NewMaster())
		ctx := eventtest.Context(t)
		servicetest.Must(t, r.Ensure(ctx))
		service := &caching{from: r}
		servicetest.Must(t, service.verify(t, r.sign(t, domain.ES256), time.Hour))
		r.now = r.now.Add(25 * time.Hour) // it is time to rotate
		servicetest.Must(t, service.verify(t, r.sign(t, domain.ES256), time.Hour))
		stored, err := r.List(ctx)
		servicetest.Must(t, err)
		for _, k := range stored {
			if k.Alg == domain.ES256 && k.State == domain.KeyNext {
				_, _, err := r.Revoke(ctx, k.KID)
				servicetest.Must(t, err)
			}
		}
		first := kidOf(t, r.sign(t, domain.ES256))
		for passed := range 61 { // minutes
			servicetest.Must(t, r.Maintain(ctx, 24*time.Hour, time.Hour))
			token := r.sign(t, domain.ES256)
			servicetest.Must(t, service.verify(t, token, time.Hour))
			if rotated := kidOf(t, token) != first; rotated != (passed == 60) {
				t.Errorf("after %d minutes it has rotated: %v", passed, rotated)
			}
			r.now = r.now.Add(time.Minute)
		}
	})
}
