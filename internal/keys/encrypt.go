package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// TypeEncryptedClaims is the "typ" of claims of an access token that are encrypted, of no standard.
const TypeEncryptedClaims = "encrypted-claims+jwt"

const (
	encA256GCM     = "A256GCM" // RFC 7518 §5.3
	contentKeySize = 32
	saltSize       = 16
)

// encrypted is the header of what Signet encrypts (RFC 7516 §4.1).
type encrypted struct {
	Alg     string     `json:"alg"`
	Enc     string     `json:"enc"`
	KID     string     `json:"kid,omitempty"`
	Type    string     `json:"typ"`
	Content string     `json:"cty,omitempty"`
	EPK     *ephemeral `json:"epk,omitempty"`
	// SealedKey is the content key, encrypted for Signet itself, which has to read the token when its client introspects or revokes it.
	SealedKey string `json:"signet_key"`
}

// ephemeral is the public key of one agreement (RFC 7518 §4.6.1.1).
type ephemeral struct {
	KTY string `json:"kty"`
	CRV string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y,omitempty"`
}

var base64url = base64.RawURLEncoding

// Encrypt encrypts a text to a key as a compact JWE (RFC 7516 §7.1) of a type. An access token is signed first (RFC 7519 §11.2).
func (k *Keys) Encrypt(to *EncryptionKey, typ string, plain []byte) (string, error) {
	h := encrypted{Alg: to.Alg(), Enc: encA256GCM, KID: to.kid, Type: typ}
	if typ == TypeAccessToken {
		h.Content = "JWT" // it is nested (RFC 7519 §5.2)
	}
	contentKey := make([]byte, contentKeySize)
	rand.Read(contentKey) //nolint:errcheck // never fails (Go 1.24)
	encryptedKey := ""
	if to.rsa != nil {
		wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, to.rsa, contentKey, nil)
		if err != nil {
			return "", fmt.Errorf("encrypt: %w", err)
		}
		encryptedKey = base64url.EncodeToString(wrapped)
	} else {
		var err error
		if contentKey, h.EPK, err = to.agree(); err != nil {
			return "", fmt.Errorf("encrypt: %w", err)
		}
	}
	h.SealedKey = base64url.EncodeToString(k.sealContentKey(contentKey, encryptedKey))
	header, err := json.Marshal(h)
	if err != nil {
		return "", fmt.Errorf("encrypt: %w", err)
	}
	protected := base64url.EncodeToString(header)
	aead := gcm(contentKey)
	iv := make([]byte, aead.NonceSize())
	rand.Read(iv) //nolint:errcheck // never fails (Go 1.24)
	sealed := aead.Seal(nil, iv, plain, []byte(protected))
	tag := len(sealed) - aead.Overhead()
	return strings.Join([]string{
		protected, encryptedKey, base64url.EncodeToString(iv), base64url.EncodeToString(sealed[:tag]), base64url.EncodeToString(sealed[tag:]),
	}, "."), nil
}

// agree makes a content key that the owner of the key can derive (ECDH-ES, RFC 7518 §4.6).
func (k *EncryptionKey) agree() (contentKey []byte, epk *ephemeral, err error) {
	private, err := k.ecdh.Curve().GenerateKey(rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	shared, err := private.ECDH(k.ecdh)
	if err != nil {
		return nil, nil, err
	}
	point := private.PublicKey().Bytes()
	epk = &ephemeral{KTY: "OKP", CRV: k.curve, X: base64url.EncodeToString(point)}
	if k.ecdh.Curve() != ecdh.X25519() {
		x, y := point[1:1+len(point)/2], point[1+len(point)/2:]
		epk.KTY, epk.X, epk.Y = "EC", base64url.EncodeToString(x), base64url.EncodeToString(y)
	}
	return concatKDF(shared), epk, nil
}

// concatKDF derives a content key for A256GCM from a shared secret, without party information (RFC 7518 §4.6.2).
func concatKDF(shared []byte) []byte {
	text := append([]byte{0, 0, 0, 1}, shared...)
	text = binary.BigEndian.AppendUint32(text, uint32(len(encA256GCM)))
	text = append(text, encA256GCM...)
	text = append(text, make([]byte, 8)...) // PartyUInfo and PartyVInfo
	text = binary.BigEndian.AppendUint32(text, 8*contentKeySize)
	sum := sha256.Sum256(text)
	return sum[:]
}

// Decrypt decrypts what Encrypt made of this type, at any replica and for any API. Not ok if anything in it was changed.
func (k *Keys) Decrypt(typ, token string) (plain []byte, ok bool) {
	if len(token) > domain.MaxTokenSize || strings.Count(token, ".") != 4 {
		return nil, false
	}
	parts := strings.Split(token, ".")
	var decoded [5][]byte
	for i, part := range parts {
		var err error
		// Decoders skip line ends: one token would have several spellings.
		if decoded[i], err = base64url.Strict().DecodeString(part); err != nil || strings.ContainsAny(part, "\r\n") {
			return nil, false
		}
	}
	var h encrypted
	if json.Unmarshal(decoded[0], &h) != nil || h.Enc != encA256GCM || h.Type != typ {
		return nil, false
	}
	sealedKey, err := base64url.Strict().DecodeString(h.SealedKey)
	if err != nil {
		return nil, false
	}
	contentKey, ok := k.openContentKey(sealedKey, parts[1])
	if !ok {
		return nil, false
	}
	aead := gcm(contentKey)
	if len(decoded[2]) != aead.NonceSize() || len(decoded[4]) != aead.Overhead() {
		return nil, false
	}
	plain, err = aead.Open(nil, decoded[2], append(decoded[3], decoded[4]...), []byte(parts[0]))
	return plain, err == nil
}

// sealContentKey encrypts a content key with a key that is used once, and authenticates the encrypted key of the JWE with it: the one part
// that the content key does not authenticate.
func (k *Keys) sealContentKey(contentKey []byte, encryptedKey string) []byte {
	salt := make([]byte, saltSize, saltSize+contentKeySize+16)
	rand.Read(salt) //nolint:errcheck // never fails (Go 1.24)
	aead := k.sealer(salt)
	return aead.Seal(salt, make([]byte, aead.NonceSize()), contentKey, []byte(encryptedKey))
}

func (k *Keys) openContentKey(sealed []byte, encryptedKey string) (contentKey []byte, ok bool) {
	if len(sealed) != saltSize+contentKeySize+16 {
		return nil, false
	}
	aead := k.sealer(sealed[:saltSize])
	contentKey, err := aead.Open(nil, make([]byte, aead.NonceSize()), sealed[saltSize:], []byte(encryptedKey))
	return contentKey, err == nil
}

// sealer derives the key for a salt. It encrypts one text only, so that the nonce can be zero.
func (k *Keys) sealer(salt []byte) cipher.AEAD {
	key, err := hkdf.Key(sha256.New, k.contentKeys(), salt, "content key", 32)
	if err != nil {
		panic(err) // the size is a constant
	}
	return gcm(key)
}

func gcm(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the size is right
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the right block size
	}
	return aead
}
