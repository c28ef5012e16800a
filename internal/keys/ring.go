package keys

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
)

// key is a signing key ready for use.
type key struct {
	id      int64
	kid     string
	alg     jwa.SignatureAlgorithm
	public  crypto.PublicKey
	private crypto.Signer // only of an active key
	signer  jws.Signer    // its algorithm
}

// ring is all keys that count at one revision: those that verify, those that sign, and the JWKS made of them.
type ring struct {
	byKID  map[string]*key
	byID   map[int64]*key
	active map[string]*key // by algorithm
	jwks   []byte
	etag   string
}

// ring returns the keys from the cache.
func (k *Keys) ring(ctx context.Context) (*ring, error) {
	return cache.Get(ctx, k.cache, domain.ChangeKeys, "", func(ctx context.Context) (*ring, error) {
		stored, err := k.store.ListSigningKeys(ctx)
		if err != nil {
			return nil, fmt.Errorf("load the signing keys: %w", err)
		}
		r, err := k.newRing(stored)
		if err != nil {
			return nil, err
		}
		k.last.Store(r)
		return r, nil
	})
}

func (k *Keys) newRing(stored []domain.SigningKey) (*ring, error) {
	r := &ring{byKID: map[string]*key{}, byID: map[int64]*key{}, active: map[string]*key{}}
	published := struct {
		Keys []json.RawMessage `json:"keys"`
	}{Keys: []json.RawMessage{}}
	for _, s := range stored {
		if s.State == domain.KeyRevoked {
			continue
		}
		one, err := k.parse(s)
		if err != nil {
			return nil, fmt.Errorf("signing key %s: %w", s.KID, err)
		}
		r.byKID[one.kid], r.byID[one.id] = one, one
		if s.State == domain.KeyActive {
			r.active[s.Alg] = one
		}
		published.Keys = append(published.Keys, s.PublicJWK)
	}
	var err error
	if r.jwks, err = json.Marshal(published); err != nil {
		return nil, fmt.Errorf("write the JWKS: %w", err)
	}
	sum := sha256.Sum256(r.jwks)
	r.etag = `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	return r, nil
}

func (k *Keys) parse(s domain.SigningKey) (*key, error) {
	parsed, err := jwk.ParseKey(s.PublicJWK)
	if err != nil {
		return nil, fmt.Errorf("parse the public key: %w", err)
	}
	one := &key{id: s.ID, kid: s.KID, alg: jwa.SignatureAlgorithm(s.Alg)}
	if err := parsed.Raw(&one.public); err != nil {
		return nil, fmt.Errorf("parse the public key: %w", err)
	}
	if s.State != domain.KeyActive {
		return one, nil
	}
	der, err := k.secret.Open(s.KID, s.SealedKey)
	if err != nil {
		return nil, err
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("parse the private key: %w", err)
	}
	one.private = private.(crypto.Signer)
	if ec, ok := private.(*ecdsa.PrivateKey); ok {
		one.private = deterministic{ec}
	}
	if one.signer, err = jws.NewSigner(one.alg); err != nil {
		return nil, fmt.Errorf("prepare to sign: %w", err)
	}
	return one, nil
}

// deterministic signs by RFC 6979, so that no signature depends on random bits (RFC 8725 §3.2). It is faster, too.
type deterministic struct{ *ecdsa.PrivateKey }

// Sign implements crypto.Signer.
func (d deterministic) Sign(_ io.Reader, digest []byte, hash crypto.SignerOpts) ([]byte, error) {
	return d.PrivateKey.Sign(nil, digest, hash)
}

// MaxStale is for how many times its max-age the key set is served without the database, as status lists are: a key that was revoked
// meanwhile is in it.
const MaxStale = 10

// JWKS is the published key set (RFC 7517 §5) and its entity tag. When the database is gone it is the last one known.
func (k *Keys) JWKS(ctx context.Context) (body []byte, etag string, err error) {
	r, err := k.ring(ctx)
	if err != nil {
		if r = k.last.Load(); r == nil {
			return nil, "", err
		}
	}
	return r.jwks, r.etag, nil
}

// Published says whether a key, by its database id, is one that counts: not revoked, and not gone for good.
func (k *Keys) Published(ctx context.Context, id int64) (bool, error) {
	r, err := k.ring(ctx)
	if err != nil {
		return false, err
	}
	return r.byID[id] != nil, nil
}
