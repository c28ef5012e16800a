package keys

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/signet-auth/signet/internal/domain"
)

// MaxKeySet bounds a set of others' keys, in bytes.
const MaxKeySet = 64 << 10

const (
	maxForeignKeys   = 64
	maxForeignToken  = 16 << 10 // bytes
	maxKIDBytes      = 256
	maxForeignRSA    = 8192 // bits
	maxKeysTried     = 4    // of a token that names none, or one that several keys have
	ed25519Alg       = "Ed25519"
	symmetricKeyType = "oct"
)

// ForeignAlgs are the signature algorithms by which others may sign (RFC 7518 §3.1, RFC 8037, RFC 9864).
var ForeignAlgs = []string{"RS256", "PS256", "ES256", "ES384", "EdDSA", ed25519Alg}

// Errors of tokens that others signed.
var (
	// ErrForeignToken says that a token is no JWT, or one of a form that is not accepted. Its text says why.
	ErrForeignToken = errors.New("the JWT is not acceptable")
	// ErrForeignSignature says that no key of the set has made the signature.
	ErrForeignSignature = errors.New("the signature is not by a key that fits")
	// ErrForeignKey is the ErrForeignSignature of a token whose key is not in the set: a newer set may have it.
	ErrForeignKey = fmt.Errorf("%w: the set has no such key", ErrForeignSignature)
	// ErrNoForeignKeys is the domain.ErrInvalid of a set without a key that can be used: whatever it had before does not count any more.
	ErrNoForeignKeys = fmt.Errorf("%w JWKS: no key in it can verify a signature by %s", domain.ErrInvalid, strings.Join(ForeignAlgs, ", "))
)

// KeySet is a set of others' public keys (RFC 7517 §5).
type KeySet struct{ keys []foreignKey }

type foreignKey struct {
	kid    string
	alg    string // empty: any of its type's
	public any    // *rsa.PublicKey, *ecdsa.PublicKey of P-256 or P-384, or ed25519.PublicKey
}

// ParseKeySet reads a JWK Set that is registered. All keys must be usable; several need a kid each. domain.ErrInvalid says what is wrong.
func ParseKeySet(text []byte) (*KeySet, error) {
	raw, err := splitKeySet("jwks", text)
	if err != nil {
		return nil, err
	}
	if len(raw) == 0 {
		return nil, noKeySet("jwks")
	}
	set := &KeySet{}
	for i, one := range raw {
		key, err := parseForeignKey(one)
		switch {
		case err != nil:
			return nil, domain.Invalid(domain.Element("jwks.keys", i), domain.RuleFormat, "JWKS, key %d: %w", i+1, err)
		case key.kid == "" && len(raw) > 1:
			return nil, domain.Invalid(domain.Element("jwks.keys", i), domain.RuleRequired, "JWKS, key %d: it has no kid; among several, give each one", i+1)
		case slices.ContainsFunc(set.keys, func(k foreignKey) bool { return k.kid == key.kid }):
			return nil, domain.Invalid(domain.Element("jwks.keys", i), domain.RuleUnique, "JWKS, key %d: its kid is that of another key", i+1)
		}
		set.keys = append(set.keys, key)
	}
	return set, nil
}

// ReadKeySet reads keys that were fetched, where those that cannot be used are left out: of other kinds, for encryption, or not public.
// ErrNoForeignKeys if none is left, domain.ErrInvalid if it is no set.
func ReadKeySet(text []byte) (*KeySet, error) {
	raw, err := splitKeySet("jwks", text)
	if err != nil {
		return nil, err
	}
	set := &KeySet{}
	for _, one := range raw {
		if key, err := parseForeignKey(one); err == nil {
			set.keys = append(set.keys, key)
		}
	}
	if len(set.keys) == 0 {
		return nil, ErrNoForeignKeys
	}
	return set, nil
}

func noKeySet(member string) error {
	return domain.Invalid(member, domain.RuleFormat, `JWKS: write a JWK Set, {"keys":[…]} with at least one key (RFC 7517 §5)`)
}

// splitKeySet reads the keys of a set, which is that member of the admin API.
func splitKeySet(member string, text []byte) ([]json.RawMessage, error) {
	if len(text) > MaxKeySet {
		return nil, domain.Invalid(member, domain.RuleLength, "JWKS: it has %d bytes; use at most %d", len(text), MaxKeySet)
	}
	members, err := parseObject(text)
	var raw []json.RawMessage
	if err == nil {
		err = json.Unmarshal(members["keys"], &raw)
	}
	if err != nil || raw == nil {
		return nil, noKeySet(member)
	}
	if len(raw) > maxForeignKeys {
		return nil, domain.Invalid(member+".keys", domain.RuleTooMany, "JWKS: it has %d keys; use at most %d", len(raw), maxForeignKeys)
	}
	return raw, nil
}

// privateMembers are the secret members of a JWK (RFC 7518 §6).
var privateMembers = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

// publicMembers reads a JWK, which must have no private members, and its kid.
func publicMembers(text []byte) (members map[string]json.RawMessage, kid string, err error) {
	if members, err = parseObject(text); err != nil {
		return nil, "", errors.New("it is no JSON object")
	}
	if textOf(members["kty"]) == symmetricKeyType {
		return nil, "", errors.New("it is a shared secret; register public keys")
	}
	for _, name := range privateMembers {
		if _, has := members[name]; has {
			return nil, "", fmt.Errorf("it is a private key, with the member %s: register the public half, and replace the key, which others have seen now", name)
		}
	}
	kid = textOf(members["kid"])
	if _, has := members["kid"]; has && kid == "" || len(kid) > maxKIDBytes || domain.CheckText("kid", "kid", kid, maxKIDBytes) != nil {
		return nil, "", fmt.Errorf("its kid must be text of 1 to %d bytes", maxKIDBytes)
	}
	return members, kid, nil
}

func parseForeignKey(text []byte) (foreignKey, error) {
	members, kid, err := publicMembers(text)
	if err != nil {
		return foreignKey{}, err
	}
	key := foreignKey{kid: kid, alg: textOf(members["alg"])}
	if use := textOf(members["use"]); use != "" && use != "sig" && use != "jwt-svid" {
		return foreignKey{}, fmt.Errorf("it is for another use than signatures (use %q)", use)
	}
	if err := key.parse(members); err != nil {
		return foreignKey{}, errors.New("it cannot be read as a public key (RFC 7517)")
	}
	switch public := key.public.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < rsaBits || bits > maxForeignRSA || public.E < 3 || public.E%2 == 0 {
			return foreignKey{}, fmt.Errorf("use an RSA key of %d to %d bits with an odd exponent", rsaBits, maxForeignRSA)
		}
	case *ecdsa.PublicKey:
		if curveAlgs[public.Curve] == "" {
			return foreignKey{}, errors.New("use the curve P-256 or P-384")
		}
		if _, err := public.ECDH(); err != nil {
			return foreignKey{}, errors.New("its point is not on the curve")
		}
	case ed25519.PublicKey:
		if len(public) != ed25519.PublicKeySize {
			return foreignKey{}, errors.New("it cannot be read as a public key (RFC 8037)")
		}
	default:
		return foreignKey{}, errors.New("use a public key of RSA, P-256, P-384 or Ed25519")
	}
	if key.alg != "" && !slices.Contains(ForeignAlgs, key.alg) {
		return foreignKey{}, fmt.Errorf("its alg is %q; use %s", key.alg, strings.Join(ForeignAlgs, ", "))
	}
	if key.alg != "" && !key.signs(key.alg) {
		return foreignKey{}, fmt.Errorf("its alg, %s, does not go with its kty", key.alg)
	}
	return key, nil
}

// parse reads the public key from the members that make one, whatever others there are.
func (k *foreignKey) parse(members map[string]json.RawMessage) error {
	made := map[string]json.RawMessage{}
	for _, name := range []string{"kty", "crv", "x", "y", "n", "e"} {
		if value, has := members[name]; has {
			made[name] = value
		}
	}
	text, err := json.Marshal(made)
	if err != nil {
		return err
	}
	parsed, err := jwk.ParseKey(text)
	if err != nil {
		return err
	}
	return parsed.Raw(&k.public)
}

// signs reports whether a signature by an algorithm can be the key's: the key decides, not the token alone (RFC 8725 §3.1).
func (k foreignKey) signs(alg string) bool {
	same := k.alg == "" || k.alg == alg || isEd25519(k.alg) && isEd25519(alg)
	switch public := k.public.(type) {
	case *rsa.PublicKey:
		return same && (alg == "RS256" || alg == "PS256")
	case *ecdsa.PublicKey:
		return same && alg == curveAlgs[public.Curve]
	case ed25519.PublicKey:
		return same && isEd25519(alg)
	}
	return false
}

// curveAlgs are the algorithms of curves (RFC 7518 §3.4).
var curveAlgs = map[elliptic.Curve]string{elliptic.P256(): "ES256", elliptic.P384(): "ES384"}

func isEd25519(alg string) bool { return alg == "EdDSA" || alg == ed25519Alg }

// ForeignToken is a JWT of another issuer. Nothing in it is proven before Verify.
type ForeignToken struct {
	Alg    string
	Type   string // typ
	Claims map[string]json.RawMessage

	kid       string
	signed    []byte
	signature []byte
}

// ParseForeign reads a JWT in the compact form. ErrForeignToken for one that is too large, names an algorithm that is none of
// ForeignAlgs, asks for extensions, or brings or names keys itself; also of an algorithm with a shared secret: see UsesSecret.
func ParseForeign(token string) (ForeignToken, error) {
	refuse := func(why string) (ForeignToken, error) {
		return ForeignToken{}, fmt.Errorf("%w: %s", ErrForeignToken, why)
	}
	if len(token) > maxForeignToken {
		return refuse("it is too large")
	}
	parts, ok := SplitCompact(token)
	if !ok {
		return refuse("it is not in the compact form of a signed JWT")
	}
	var decoded [3][]byte
	for i, part := range parts {
		var err error
		if decoded[i], err = base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return refuse("it is not in the compact form of a signed JWT")
		}
	}
	header, err := parseObject(decoded[0])
	if err != nil {
		return refuse("its header is no JSON object")
	}
	for _, name := range []string{"crit", "jwk", "jku", "x5u", "x5c", "b64", "zip"} {
		if _, has := header[name]; has {
			return refuse("its header has '" + name + "'")
		}
	}
	for _, name := range []string{"alg", "typ", "kid"} {
		if raw, has := header[name]; has && textOf(raw) == "" {
			return refuse("the '" + name + "' of its header is no text")
		}
	}
	t := ForeignToken{
		Alg: textOf(header["alg"]), Type: textOf(header["typ"]), kid: textOf(header["kid"]),
		signed: []byte(parts[0] + "." + parts[1]), signature: decoded[2],
	}
	if t.Claims, err = parseObject(decoded[1]); err != nil {
		return refuse("its claims are no JSON object")
	}
	if !slices.Contains(ForeignAlgs, t.Alg) {
		return t, fmt.Errorf("%w: it must be signed by %s", ErrForeignToken, strings.Join(ForeignAlgs, ", "))
	}
	return t, nil
}

// UsesSecret reports whether the token names an algorithm with a shared secret.
func (t ForeignToken) UsesSecret() bool { return strings.HasPrefix(t.Alg, "HS") }

// Text is a claim that is text, empty if it is not.
func (t ForeignToken) Text(claim string) string { return textOf(t.Claims[claim]) }

// Signed is the text that was signed: header and claims.
func (t ForeignToken) Signed() string { return string(t.signed) }

// Verify checks the signature. ErrForeignKey if the set lacks the key that the token names, or one that fits; ErrForeignSignature if
// the key that it names has not made it.
func (s *KeySet) Verify(t ForeignToken) error {
	err := ErrForeignKey
	tried := 0
	for _, key := range s.keys {
		if t.kid != "" && key.kid != "" && key.kid != t.kid || !key.signs(t.Alg) {
			continue
		}
		if tried++; tried > maxKeysTried {
			break
		}
		if key.verify(t) {
			return nil
		}
		if t.kid != "" && key.kid == t.kid {
			err = ErrForeignSignature
		}
	}
	return err
}

func (k foreignKey) verify(t ForeignToken) bool {
	alg := jwa.SignatureAlgorithm(t.Alg)
	if isEd25519(t.Alg) {
		alg = jwa.EdDSA
	}
	verifier, err := jws.NewVerifier(alg)
	return err == nil && verifier.Verify(t.signed, t.signature, k.public) == nil
}

// parseObject reads a JSON object whose members are there once each, by their names' own case.
func parseObject(text []byte) (map[string]json.RawMessage, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if opening, err := decoder.Token(); err != nil || opening != json.Delim('{') || !json.Valid(text) {
		return nil, errors.New("no JSON object")
	}
	members := map[string]json.RawMessage{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, err
		}
		if _, twice := members[name.(string)]; twice {
			return nil, errors.New("a member is there twice")
		}
		members[name.(string)] = value
	}
	return members, nil
}

// textOf is a JSON value that is text, empty if it is not.
func textOf(raw json.RawMessage) (text string) {
	if json.Unmarshal(raw, &text) != nil {
		return ""
	}
	return text
}
