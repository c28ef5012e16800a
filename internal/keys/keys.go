// Package keys is the keyring: it makes signing keys, seals them at rest, signs, publishes the JWKS, rotates and revokes.
package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"golang.org/x/sync/errgroup"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const rsaBits = 2048

// MaxTokenLifetime is the longest that any token lives; a retired key is published for that long.
const MaxTokenLifetime = 24 * time.Hour

// Keys is the keyring of an installation.
type Keys struct {
	store   Store
	cache   *cache.Cache
	events  *event.Recorder
	revoker Revoker
	secret  *Master
	clock   *clock.Clock
	now     func() time.Time
	last    atomic.Pointer[ring] // the newest ring loaded, for the JWKS when the database is gone

	contentKeys func() []byte // the secret by which those of encrypted tokens are sealed
}

// New makes a keyring over a store.
func New(store Store, cache *cache.Cache, events *event.Recorder, revoker Revoker, secret *Master, clock *clock.Clock, now func() time.Time) *Keys {
	return &Keys{
		store: store, cache: cache, events: events, revoker: revoker, secret: secret, clock: clock, now: now,
		contentKeys: sync.OnceValue(func() []byte { return secret.Derive("content keys", 32) }),
	}
}

// everywhere are the algorithms that have keys from the beginning. Keys of others are made on first use (Provide): old readers of the JWKS
// fail on key types that they do not know.
var everywhere = []string{domain.ES256, domain.RS256}

// Ensure makes the keys that are missing: an active and a next one for each algorithm that is used. Several replicas may do so at once.
func (k *Keys) Ensure(ctx context.Context) error {
	return k.ensure(ctx, "")
}

// Provide makes the keys of an algorithm that something is about to sign by, if there are none, in the transaction that ctx carries.
func (k *Keys) Provide(ctx context.Context, alg string) error {
	if slices.Contains(everywhere, alg) {
		return nil
	}
	return k.ensure(ctx, alg)
}

// ensure makes the missing keys of the algorithms that are used, and of one more.
func (k *Keys) ensure(ctx context.Context, wanted string) error {
	stored, err := k.store.ListSigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("list the signing keys: %w", err)
	}
	var missing []*domain.SigningKey
	var making errgroup.Group // RSA takes its time
	for _, alg := range domain.SigningAlgs {
		used := slices.ContainsFunc(stored, func(s domain.SigningKey) bool { return s.Alg == alg })
		if !used && alg != wanted && !slices.Contains(everywhere, alg) {
			continue
		}
		for _, state := range []domain.KeyState{domain.KeyActive, domain.KeyNext} {
			if find(stored, alg, state) != nil {
				continue
			}
			made := new(domain.SigningKey)
			missing = append(missing, made)
			making.Go(func() (err error) {
				*made, err = k.generate(alg, state)
				return err
			})
		}
	}
	if err := making.Wait(); err != nil {
		return err
	}
	now := k.now()
	for _, made := range missing {
		made.CreatedAt = now // published together, see checkPublished
		if _, err := k.store.InsertSigningKey(ctx, *made); err != nil && !errors.Is(err, domain.ErrExists) {
			return fmt.Errorf("store a signing key: %w", err)
		}
	}
	return nil
}

// List returns all keys, oldest first, without their private halves.
func (k *Keys) List(ctx context.Context) ([]domain.SigningKey, error) {
	stored, err := k.store.ListSigningKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the signing keys: %w", err)
	}
	for i := range stored {
		stored[i].SealedKey = nil
	}
	return stored, nil
}

// Find returns a key without its private half. domain.ErrNotFound if there is none of the kid.
func (k *Keys) Find(ctx context.Context, kid string) (domain.SigningKey, error) {
	stored, err := k.List(ctx)
	if err != nil {
		return domain.SigningKey{}, err
	}
	if i := slices.IndexFunc(stored, func(s domain.SigningKey) bool { return s.KID == kid }); i >= 0 {
		return stored[i], nil
	}
	return domain.SigningKey{}, fmt.Errorf("signing key %q: %w", kid, domain.ErrNotFound)
}

// Rotate replaces the active keys of algorithms, of all if none is given, by the next ones and makes new next ones, all or none. It returns
// the new active keys. domain.ErrTooSoon if a next key was published for less than published, the max-age of the JWKS. domain.ErrConsumed
// if another replica rotates at the same time. domain.ErrClocksDiffer, as retired keys are deleted by time.
func (k *Keys) Rotate(ctx context.Context, algs []string, published time.Duration) (signs []domain.SigningKey, err error) {
	spares, err := k.Spares(ctx, algs)
	if err != nil {
		return nil, err
	}
	return k.RotateWith(ctx, spares, published)
}

// Spares makes the new next keys for RotateWith. It is the slow part of Rotate, to be called outside a transaction.
func (k *Keys) Spares(ctx context.Context, algs []string) (spares []domain.SigningKey, err error) {
	if len(algs) == 0 {
		if algs, err = k.used(ctx); err != nil {
			return nil, err
		}
	}
	spares = make([]domain.SigningKey, len(algs))
	var making errgroup.Group
	for i, alg := range algs {
		if !slices.Contains(domain.SigningAlgs, alg) {
			return nil, domain.Invalid("alg", domain.RuleOneOf, "algorithm %q: it is not one of %v", alg, domain.SigningAlgs)
		}
		making.Go(func() (err error) {
			spares[i], err = k.generate(alg, domain.KeyNext)
			return err
		})
	}
	return spares, making.Wait()
}

// RotateWith is Rotate with spares that were made before.
func (k *Keys) RotateWith(ctx context.Context, spares []domain.SigningKey, published time.Duration) (signs []domain.SigningKey, err error) {
	if _, err := k.clock.DeletionTime(ctx); err != nil {
		return nil, fmt.Errorf("rotate the signing keys: %w", err)
	}
	err = k.store.Tx(ctx, func(ctx context.Context) error {
		signs = make([]domain.SigningKey, len(spares))
		for i, spare := range spares {
			if signs[i], err = k.replace(ctx, spare.Alg, "", published, spare); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return signs, nil
}

// used are the algorithms that have an active key.
func (k *Keys) used(ctx context.Context) (algs []string, err error) {
	stored, err := k.store.ListSigningKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the signing keys: %w", err)
	}
	for _, alg := range domain.SigningAlgs {
		if find(stored, alg, domain.KeyActive) != nil {
			algs = append(algs, alg)
		}
	}
	return algs, nil
}

// checkPublished refuses a next key that has not been published for a time, unless it was published with the first key of its algorithm.
func (k *Keys) checkPublished(stored []domain.SigningKey, alg string, wanted time.Duration) error {
	next := find(stored, alg, domain.KeyNext)
	if next == nil || wanted == 0 || !slices.ContainsFunc(stored, func(s domain.SigningKey) bool {
		return s.Alg == alg && s.CreatedAt.Before(next.CreatedAt)
	}) {
		return nil
	}
	if age := k.now().Sub(next.CreatedAt); age < wanted {
		return fmt.Errorf("%w: the next %s key has been published for %v, and services may cache the JWKS for %v: wait, or force it",
			domain.ErrTooSoon, alg, age.Truncate(time.Second), wanted)
	}
	return nil
}

// Revoke removes a key from the JWKS and revokes all tokens that it signed; the revocation returned shows the progress. The next key
// replaces an active one. domain.ErrNotFound if there is no such key, domain.ErrConsumed if it was revoked before.
func (k *Keys) Revoke(ctx context.Context, kid string) (replacement domain.SigningKey, dead domain.Revocation, err error) {
	stored, err := k.store.ListSigningKeys(ctx)
	if err != nil {
		return replacement, dead, fmt.Errorf("list the signing keys: %w", err)
	}
	i := slices.IndexFunc(stored, func(s domain.SigningKey) bool { return s.KID == kid })
	switch {
	case i < 0:
		return replacement, dead, fmt.Errorf("signing key %q: %w", kid, domain.ErrNotFound)
	case stored[i].State == domain.KeyRevoked:
		return replacement, dead, fmt.Errorf("revoke signing key %q: %w", kid, domain.ErrConsumed)
	}
	spare, err := k.generate(stored[i].Alg, domain.KeyNext) // RSA takes its time: not inside the transaction
	if err != nil {
		return replacement, dead, err
	}
	err = k.events.Change(ctx, event.KeyRevoked{KeyID: kid}, func(ctx context.Context) error {
		stored, err := k.store.ListSigningKeys(ctx) // again: a rotation may have come between
		if err != nil {
			return fmt.Errorf("list the signing keys: %w", err)
		}
		i := slices.IndexFunc(stored, func(s domain.SigningKey) bool { return s.KID == kid })
		if i < 0 {
			return fmt.Errorf("signing key %q: %w", kid, domain.ErrNotFound)
		}
		if err := k.store.SetKeyState(ctx, kid, stored[i].State, domain.KeyRevoked, k.now()); err != nil {
			return fmt.Errorf("revoke signing key %q: %w", kid, err)
		}
		if dead, err = k.revoker.Begin(ctx, domain.Revocation{Kind: domain.RevokeOfKey, TargetID: stored[i].ID}); err != nil {
			return fmt.Errorf("revoke the tokens of key %q: %w", kid, err)
		}
		switch stored[i].State {
		case domain.KeyActive:
			replacement, err = k.succeed(ctx, stored[i].Alg, spare)
		case domain.KeyNext:
			_, err = k.store.InsertSigningKey(ctx, spare)
		}
		return err
	})
	return replacement, dead, err
}

// replace retires the active key of an algorithm; the next key becomes active and the spare becomes the next. A kid, if given, must be the
// active key's.
func (k *Keys) replace(ctx context.Context, alg, kid string, published time.Duration, spare domain.SigningKey) (signs domain.SigningKey, err error) {
	err = k.events.Change(ctx, event.KeyRotated{Alg: alg}, func(ctx context.Context) error {
		stored, err := k.store.ListSigningKeys(ctx)
		if err != nil {
			return fmt.Errorf("list the signing keys: %w", err)
		}
		if err := k.checkPublished(stored, alg, published); err != nil {
			return err
		}
		if active := find(stored, alg, domain.KeyActive); active != nil {
			if kid != "" && active.KID != kid {
				return fmt.Errorf("replace key %q: %w", kid, domain.ErrConsumed)
			}
			if err := k.store.SetKeyState(ctx, active.KID, domain.KeyActive, domain.KeyRetired, k.now()); err != nil {
				return fmt.Errorf("retire key %q: %w", active.KID, err)
			}
		}
		signs, err = k.succeed(ctx, alg, spare)
		return err
	})
	return signs, err
}

// succeed makes the next key of an algorithm the active one, and the spare the next; without a next key the spare is active.
func (k *Keys) succeed(ctx context.Context, alg string, spare domain.SigningKey) (domain.SigningKey, error) {
	stored, err := k.store.ListSigningKeys(ctx)
	if err != nil {
		return domain.SigningKey{}, fmt.Errorf("list the signing keys: %w", err)
	}
	signs := spare
	next := find(stored, alg, domain.KeyNext)
	if next != nil {
		signs = *next
		if err := k.store.SetKeyState(ctx, next.KID, domain.KeyNext, domain.KeyActive, k.now()); err != nil {
			return signs, fmt.Errorf("activate key %q: %w", next.KID, err)
		}
	} else {
		spare.State, spare.ActivatedAt = domain.KeyActive, k.now()
	}
	signs.State, signs.ActivatedAt = domain.KeyActive, k.now()
	if _, err := k.store.InsertSigningKey(ctx, spare); err != nil {
		return signs, fmt.Errorf("store a signing key: %w", err)
	}
	signs.SealedKey = nil
	return signs, nil
}

// Maintain rotates keys that are due, once the next one was published for the max-age of the JWKS, makes missing keys and deletes retired
// ones whose last token has expired. Several replicas may call it at once: one wins. domain.ErrClocksDiffer: then it only makes missing
// keys.
func (k *Keys) Maintain(ctx context.Context, rotateEvery, published time.Duration) error {
	now, err := k.clock.DeletionTime(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("maintain the signing keys: %w", err), k.Ensure(ctx))
	}
	stored, err := k.store.ListSigningKeys(ctx)
	if err != nil {
		return fmt.Errorf("list the signing keys: %w", err)
	}
	for _, s := range stored {
		switch s.State {
		case domain.KeyActive:
			if now.Sub(s.ActivatedAt) >= rotateEvery {
				var spare domain.SigningKey
				if spare, err = k.generate(s.Alg, domain.KeyNext); err == nil {
					_, err = k.replace(ctx, s.Alg, s.KID, published, spare)
				}
			}
		case domain.KeyRetired:
			if now.Sub(s.RetiredAt) > MaxTokenLifetime+time.Hour {
				err = k.store.DeleteSigningKey(ctx, s.KID)
			}
		}
		if err != nil && !errors.Is(err, domain.ErrConsumed) && !errors.Is(err, domain.ErrNotFound) && !errors.Is(err, domain.ErrTooSoon) {
			return err
		}
	}
	return k.Ensure(ctx)
}

func find(stored []domain.SigningKey, alg string, state domain.KeyState) *domain.SigningKey {
	for i := range stored {
		if stored[i].Alg == alg && stored[i].State == state {
			return &stored[i]
		}
	}
	return nil
}

// generate makes a key pair; its kid is the thumbprint of the public key (RFC 7638). A thumbprint that begins with a dash is
// not taken: on a command line it would look like a flag.
func (k *Keys) generate(alg string, state domain.KeyState) (domain.SigningKey, error) {
	for {
		made, err := k.generateAny(alg, state)
		if err != nil {
			return made, fmt.Errorf("generate a key for %s: %w", alg, err)
		}
		if made.KID[0] != '-' {
			return made, nil
		}
	}
}

func (k *Keys) generateAny(alg string, state domain.KeyState) (made domain.SigningKey, err error) {
	var private crypto.Signer
	switch alg {
	case domain.ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case domain.RS256:
		private, err = rsa.GenerateKey(rand.Reader, rsaBits)
	case domain.EdDSA:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		return made, err
	}
	public, err := jwk.FromRaw(private.Public())
	if err != nil {
		return made, err
	}
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return made, err
	}
	kid := base64.RawURLEncoding.EncodeToString(thumbprint)
	der, err := x509.MarshalPKCS8PrivateKey(private)
	err = errors.Join(err, public.Set(jwk.KeyIDKey, kid),
		public.Set(jwk.AlgorithmKey, jwa.SignatureAlgorithm(alg)), public.Set(jwk.KeyUsageKey, jwk.ForSignature))
	if err != nil {
		return made, err
	}
	published, err := json.Marshal(public)
	if err != nil {
		return made, err
	}
	made = domain.SigningKey{
		KID: kid, Alg: alg, State: state, PublicJWK: published,
		SealedKey: k.secret.Seal(kid, der), CreatedAt: k.now(),
	}
	if state == domain.KeyActive {
		made.ActivatedAt = made.CreatedAt
	}
	return made, nil
}
