package keys

import (
	"crypto/ecdh"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
)

// How the content key is encrypted to the API or agreed with it (RFC 7518 §4.3, §4.6).
const (
	algRSAOAEP = "RSA-OAEP-256"
	algECDHES  = "ECDH-ES"
)

const maxEncryptionRSA = 4096 // bits: decryption with larger ones is slow

// ErrNoEncryptionKey says that a fetched set has no key to encrypt to, so that those of an earlier one are not used any more. It is a
// domain.ErrInvalid.
var ErrNoEncryptionKey = fmt.Errorf("%w JWKS: no key in it can be encrypted to by %s or %s", domain.ErrInvalid, algRSAOAEP, algECDHES)

// EncryptionKey is the public key of an API that tokens are encrypted to.
type EncryptionKey struct {
	kid    string // empty: it has none
	rsa    *rsa.PublicKey
	ecdh   *ecdh.PublicKey // nil: it is of RSA
	curve  string
	marked bool // as one for encryption
}

// ID is its kid, empty if it has none.
func (k *EncryptionKey) ID() string { return k.kid }

// Alg is the JWE algorithm for the key.
func (k *EncryptionKey) Alg() string {
	if k.rsa != nil {
		return algRSAOAEP
	}
	return algECDHES
}

// ParseEncryptionKeys reads a JWK Set that is registered as this member, and returns its first key. All must be usable for encryption;
// several need a kid each. domain.ErrInvalid says what is wrong.
func ParseEncryptionKeys(member string, text []byte) (*EncryptionKey, error) {
	raw, err := splitKeySet(member, text)
	if err != nil {
		return nil, err
	}
	if len(raw) == 0 {
		return nil, noKeySet(member)
	}
	var first *EncryptionKey
	var kids []string
	for i, one := range raw {
		key, err := parseEncryptionKey(one)
		field := domain.Element(member+".keys", i)
		switch {
		case err != nil:
			return nil, domain.Invalid(field, domain.RuleFormat, "JWKS, key %d: %w", i+1, err)
		case key.kid == "" && len(raw) > 1:
			return nil, domain.Invalid(field, domain.RuleRequired, "JWKS, key %d: it has no kid; among several, give each one", i+1)
		case slices.Contains(kids, key.kid):
			return nil, domain.Invalid(field, domain.RuleUnique, "JWKS, key %d: its kid is that of another key", i+1)
		}
		if kids = append(kids, key.kid); first == nil {
			first = key
		}
	}
	return first, nil
}

// ReadEncryptionKeys reads a set that was fetched, and returns the key that counts: the first that says that it is for encryption, else the
// first that may be. ErrNoEncryptionKey if none is, domain.ErrInvalid if it is no set.
func ReadEncryptionKeys(text []byte) (*EncryptionKey, error) {
	raw, err := splitKeySet("jwks", text)
	if err != nil {
		return nil, err
	}
	var first *EncryptionKey
	for _, one := range raw {
		key, err := parseEncryptionKey(one)
		switch {
		case err != nil:
		case key.marked:
			return key, nil
		case first == nil:
			first = key
		}
	}
	if first == nil {
		return nil, ErrNoEncryptionKey
	}
	return first, nil
}

func parseEncryptionKey(text []byte) (*EncryptionKey, error) {
	members, kid, err := publicMembers(text)
	if err != nil {
		return nil, err
	}
	key := &EncryptionKey{kid: kid}
	switch kind := textOf(members["kty"]); kind {
	case "RSA":
		err = key.parseRSA(members)
	case "EC", "OKP":
		err = key.parseECDH(kind, members)
	default:
		err = errEncryptionKind
	}
	if err != nil {
		return nil, err
	}
	use, alg := textOf(members["use"]), textOf(members["alg"])
	switch {
	case use != "" && use != "enc":
		return nil, fmt.Errorf("it is for another use than encryption (use %q)", use)
	case alg != "" && alg != key.Alg():
		return nil, fmt.Errorf("its alg is %q; use %s", alg, key.Alg())
	case !key.mayEncrypt(members["key_ops"]):
		return nil, errors.New("it is for other operations than encryption (key_ops)")
	}
	key.marked = use != "" || alg != ""
	return key, nil
}

var errEncryptionKind = errors.New("use a public key of RSA, P-256, P-384, P-521 or X25519")

// mayEncrypt reads "key_ops" (RFC 7517 §4.3). Public keys for ECDH come with an empty list from some libraries.
func (k *EncryptionKey) mayEncrypt(raw json.RawMessage) bool {
	if raw == nil {
		return true
	}
	var operations []string
	if json.Unmarshal(raw, &operations) != nil {
		return false
	}
	if k.rsa != nil {
		return slices.Contains(operations, "encrypt") || slices.Contains(operations, "wrapKey")
	}
	return len(operations) == 0 || slices.Contains(operations, "deriveKey") || slices.Contains(operations, "deriveBits")
}

// encodedMember reads a member in base64url; nil if it is none.
func encodedMember(raw json.RawMessage) []byte {
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(textOf(raw))
	if err != nil {
		return nil
	}
	return decoded
}

func (k *EncryptionKey) parseRSA(members map[string]json.RawMessage) error {
	n, e := new(big.Int).SetBytes(encodedMember(members["n"])), new(big.Int).SetBytes(encodedMember(members["e"]))
	if bits := n.BitLen(); bits < rsaBits || bits > maxEncryptionRSA || n.Bit(0) == 0 || e.BitLen() > 31 || e.Cmp(big.NewInt(3)) < 0 || e.Bit(0) == 0 {
		return fmt.Errorf("use an RSA key of %d to %d bits with an odd exponent", rsaBits, maxEncryptionRSA)
	}
	k.rsa = &rsa.PublicKey{N: n, E: int(e.Int64())}
	return nil
}

// agreementCurve finds a curve for key agreement (RFC 7518 §6.2.1.1, RFC 8037 §2) and the size of a coordinate in bytes.
func agreementCurve(kind, name string) (ecdh.Curve, int) {
	switch kind + " " + name {
	case "EC P-256":
		return ecdh.P256(), 32
	case "EC P-384":
		return ecdh.P384(), 48
	case "EC P-521":
		return ecdh.P521(), 66
	case "OKP X25519":
		return ecdh.X25519(), 32
	}
	return nil, 0
}

func (k *EncryptionKey) parseECDH(kind string, members map[string]json.RawMessage) (err error) {
	k.curve = textOf(members["crv"])
	curve, size := agreementCurve(kind, k.curve)
	if curve == nil {
		return errEncryptionKind
	}
	point, y := encodedMember(members["x"]), encodedMember(members["y"])
	if len(point) != size || kind == "EC" && len(y) != size {
		return errors.New("it cannot be read as a public key (RFC 7517)")
	}
	if kind == "EC" {
		point = slices.Concat([]byte{4}, point, y)
	}
	if k.ecdh, err = curve.NewPublicKey(point); err == nil && kind == "OKP" {
		_, _, err = k.agree() // fails for points of low order (RFC 7748 §6.1)
	}
	if err != nil {
		return errors.New("its point is not one of the curve")
	}
	return nil
}
