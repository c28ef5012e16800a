package resourceserver

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// What a JWE may be encrypted by (RFC 7518 §4.3, §4.6, §5.3).
const (
	algRSAOAEP = "RSA-OAEP-256"
	algECDHES  = "ECDH-ES"
	encA256GCM = "A256GCM"
)

// typeEncryptedClaims is the "typ" of encrypted claims, Signet's own.
const typeEncryptedClaims = "encrypted-claims+jwt"

const (
	maxDecryptionKeys = 20
	contentKeySize    = 32 // bytes
	ivSize            = 12
	tagSize           = 16
	maxJWEHeader      = 4 << 10 // characters
)

// errDecryption is the error of all that cannot be decrypted, whatever the cause: a difference could help to decrypt it (RFC 7516 §11.5).
var errDecryption = invalid("it cannot be decrypted")

// decryptionKeys are the private keys of a service by their kid, each *rsa.PrivateKey or *ecdh.PrivateKey.
type decryptionKeys map[string]any

func newDecryptionKeys(given []DecryptionKey) (decryptionKeys, error) {
	if len(given) == 0 || len(given) > maxDecryptionKeys {
		return nil, fmt.Errorf("there must be 1 to %d keys to decrypt with", maxDecryptionKeys)
	}
	all := decryptionKeys{}
	for _, one := range given {
		if _, twice := all[one.ID]; twice {
			return nil, fmt.Errorf("the key %q is there twice", one.ID)
		}
		key, err := one.usable()
		if err != nil {
			return nil, fmt.Errorf("the key %q: %w", one.ID, err)
		}
		all[one.ID] = key
	}
	return all, nil
}

// usable is the key as *rsa.PrivateKey or *ecdh.PrivateKey.
func (k DecryptionKey) usable() (any, error) {
	switch key := k.Private.(type) {
	case *rsa.PrivateKey:
		if key == nil || key.N == nil || key.N.BitLen() < minRSA || key.N.BitLen() > maxRSA {
			return nil, fmt.Errorf("it must have %d to %d bits", minRSA, maxRSA)
		}
		return key, nil
	case *ecdsa.PrivateKey:
		if key == nil {
			return nil, errors.New("it is nil")
		}
		return key.ECDH() // fails for P-224, which has no ECDH-ES
	case *ecdh.PrivateKey:
		if key == nil || key.Curve() == nil {
			return nil, errors.New("it is nil")
		}
		return key, nil
	default:
		return nil, fmt.Errorf("it is a %T: use *rsa.PrivateKey, *ecdsa.PrivateKey or *ecdh.PrivateKey", k.Private)
	}
}

// find returns the key that a header names; the only one if it names none.
func (k decryptionKeys) find(header *object) any {
	if !header.has("kid") && len(k) == 1 {
		for _, only := range k {
			return only
		}
	}
	return k[header.text("kid")]
}

// isJWE reports whether a token has the parts of a compact JWE (RFC 7516 §7.1).
func isJWE(token string) bool { return strings.Count(token, ".") == 4 }

// decrypt opens a compact JWE, and returns its header too. The caller has bounded the size. errDecryption if that cannot be done.
func (k decryptionKeys) decrypt(token string) (plain []byte, header *object, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 5 || len(parts[0]) > maxJWEHeader || strings.ContainsAny(token, "\r\n") { // which base64 passes over
		return nil, nil, errDecryption
	}
	var decoded [5][]byte
	for i, part := range parts {
		if decoded[i], err = encoding.DecodeString(part); err != nil {
			return nil, nil, errDecryption
		}
	}
	header, err = parseObject(string(decoded[0]))
	// Extensions that must be understood, and compression, by which a small token could become a large one.
	if err != nil || header.has("crit") || header.has("zip") || header.text("enc") != encA256GCM {
		return nil, nil, errDecryption
	}
	contentKey := contentKeyOf(k.find(header), header, decoded[1])
	if contentKey == nil || header.err != nil || len(decoded[2]) != ivSize || len(decoded[4]) != tagSize {
		return nil, nil, errDecryption
	}
	block, err := aes.NewCipher(contentKey)
	if err != nil {
		return nil, nil, errDecryption
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, nil, errDecryption
	}
	plain, err = aead.Open(nil, decoded[2], append(decoded[3], decoded[4]...), []byte(parts[0]))
	if err != nil {
		return nil, nil, errDecryption
	}
	return plain, header, nil
}

// contentKeyOf finds the key of the content; nil if the algorithm is none of the key's.
func contentKeyOf(key any, header *object, encryptedKey []byte) []byte {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		if header.text("alg") != algRSAOAEP {
			return nil
		}
		contentKey, err := rsa.DecryptOAEP(sha256.New(), nil, key, encryptedKey, nil)
		if err != nil || len(contentKey) != contentKeySize {
			contentKey = make([]byte, contentKeySize) // which fails later, as a wrong one does
			rand.Read(contentKey)                     //nolint:errcheck // never fails (Go 1.24)
		}
		return contentKey
	case *ecdh.PrivateKey:
		if header.text("alg") != algECDHES || len(encryptedKey) != 0 {
			return nil
		}
		ephemeral, err := ephemeralKey(key.Curve(), header.object("epk"))
		if err != nil {
			return nil
		}
		shared, err := key.ECDH(ephemeral)
		if err != nil {
			return nil
		}
		return concatKDF(shared, header.bytes("apu"), header.bytes("apv"))
	default:
		return nil
	}
}

// nameCurve is what a JWK calls a curve (RFC 7518 §6.2.1.1, RFC 8037 §2), and the size of a coordinate in bytes.
func nameCurve(curve ecdh.Curve) (kind, name string, size int) {
	switch curve {
	case ecdh.P256():
		return "EC", "P-256", 32
	case ecdh.P384():
		return "EC", "P-384", 48
	case ecdh.P521():
		return "EC", "P-521", 66
	default:
		return "OKP", "X25519", 32
	}
}

// ephemeralKey reads the sender's key of an agreement (RFC 7518 §4.6.1.1), which must be a point of the recipient's curve.
func ephemeralKey(curve ecdh.Curve, epk *object) (*ecdh.PublicKey, error) {
	kind, name, size := nameCurve(curve)
	if epk == nil || epk.text("kty") != kind || epk.text("crv") != name {
		return nil, errors.New("it is of another curve")
	}
	point := epk.bytes("x")
	if kind == "EC" {
		y := epk.bytes("y")
		if len(y) != size {
			return nil, errors.New("it is no point")
		}
		point = slices.Concat([]byte{4}, point, y)
		size += 1 + size
	}
	if epk.err != nil || len(point) != size {
		return nil, errors.New("it is no point")
	}
	return curve.NewPublicKey(point)
}

// concatKDF derives a content key from a shared secret (RFC 7518 §4.6.2).
func concatKDF(shared, apu, apv []byte) []byte {
	text := append([]byte{0, 0, 0, 1}, shared...)
	for _, part := range [][]byte{[]byte(encA256GCM), apu, apv} {
		text = binary.BigEndian.AppendUint32(text, uint32(len(part)))
		text = append(text, part...)
	}
	sum := sha256.Sum256(binary.BigEndian.AppendUint32(text, 8*contentKeySize))
	return sum[:]
}
