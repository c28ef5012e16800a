package resourceserver

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"math/big"
	"slices"
)

// Bounds of a JWK Set.
const (
	maxKeySet      = 256 << 10 // bytes
	maxKeys        = 100
	maxKID         = 256        // bytes
	minRSA, maxRSA = 2048, 4096 // bits: a larger one makes each verification slow
)

// The signature algorithms (RFC 7518 §3.1, RFC 8037 §3.1). Those of others are not among them: with a shared secret whoever verifies
// could sign, and "none" is none.
const (
	algES256 = "ES256"
	algEdDSA = "EdDSA"
	algRS256 = "RS256"
)

// key is a public key of the issuer.
type key struct {
	kid    string
	alg    string
	public interface{ Equal(crypto.PublicKey) bool }
}

// verify reports whether the key has signed. The algorithm is the key's own, whatever a header says (RFC 8725 §3.1).
func (k *key) verify(j *jws) bool {
	if j.alg != k.alg {
		return false
	}
	switch public := k.public.(type) {
	case *ecdsa.PublicKey:
		if len(j.signature) != 64 {
			return false
		}
		hash := sha256.Sum256([]byte(j.signed))
		return ecdsa.Verify(public, hash[:], new(big.Int).SetBytes(j.signature[:32]), new(big.Int).SetBytes(j.signature[32:]))
	case ed25519.PublicKey:
		return ed25519.Verify(public, []byte(j.signed), j.signature)
	case *rsa.PublicKey:
		hash := sha256.Sum256([]byte(j.signed))
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, hash[:], j.signature) == nil
	default:
		return false
	}
}

var errKeySet = errors.New("the issuer's key set is malformed")

// parseKeySet reads a JWK Set (RFC 7517 §5). Keys that cannot verify tokens are left out: of other kinds, for encryption, too weak, or not
// public. A set may have none.
func parseKeySet(text string) (map[string]*key, error) {
	o, err := parseObject(text)
	if err != nil {
		return nil, errKeySet
	}
	raw, ok := o.objects("keys")
	if !ok || len(raw) > maxKeys {
		return nil, errKeySet
	}
	keys := map[string]*key{}
	for _, one := range raw {
		k := parseKey(one)
		if k == nil {
			continue
		}
		if keys[k.kid] != nil { // which of them is meant cannot be told
			return nil, errKeySet
		}
		keys[k.kid] = k
	}
	return keys, nil
}

// parseKey is nil for a key that cannot verify tokens.
func parseKey(o *object) *key {
	k := &key{kid: o.text("kid")}
	usable := k.kid != "" && len(k.kid) <= maxKID &&
		(!o.has("use") || o.text("use") == "sig") && (!o.has("key_ops") || slices.Contains(o.texts("key_ops"), "verify"))
	private := slices.ContainsFunc([]string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}, o.has)
	if !usable || private {
		return nil
	}
	switch kind, curve := o.text("kty"), o.text("crv"); {
	case kind == "EC" && curve == "P-256":
		x, y := o.bytes("x"), o.bytes("y")
		if len(x) != 32 || len(y) != 32 {
			return nil
		}
		public, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y))
		if err != nil {
			return nil
		}
		k.alg, k.public = algES256, public
	case kind == "OKP" && curve == "Ed25519":
		x := o.bytes("x")
		if len(x) != ed25519.PublicKeySize {
			return nil
		}
		k.alg, k.public = algEdDSA, ed25519.PublicKey(x)
	case kind == "RSA":
		n, e := new(big.Int).SetBytes(o.bytes("n")), new(big.Int).SetBytes(o.bytes("e"))
		if bits := n.BitLen(); bits < minRSA || bits > maxRSA || n.Bit(0) == 0 || e.BitLen() > 31 || e.BitLen() < 2 || e.Bit(0) == 0 {
			return nil
		}
		k.alg, k.public = algRS256, &rsa.PublicKey{N: n, E: int(e.Int64())}
	default:
		return nil
	}
	if o.err != nil || o.has("alg") && o.text("alg") != k.alg {
		return nil
	}
	return k
}
