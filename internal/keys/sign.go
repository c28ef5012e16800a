package keys

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/signet-auth/signet/internal/domain"
)

// The "typ" header values of what Signet signs.
const (
	TypeAccessToken   = "at+jwt"         // RFC 9068 §2.1
	TypeJWT           = "JWT"            // ID tokens
	TypeUserinfo      = "userinfo+jwt"   // OpenID Connect Core §5.3.2 names none
	TypeStatusList    = "statuslist+jwt" // Token Status List §5.1
	TypeLogout        = "logout+jwt"     // OpenID Connect Back-Channel Logout 1.0 §2.4
	TypeSecurityEvent = "secevent+jwt"   // RFC 8417 §2.3
	TypePolicy        = "policy+jwt"     // an API's policy, of no standard
)

// ErrNotOurs says that a token was not signed by any key of this ring, or is of another type.
var ErrNotOurs = errors.New("not signed by a key of this server")

// ErrUnknownKey is an ErrNotOurs whose kid is not in the ring: a newer ring may have it.
var ErrUnknownKey = fmt.Errorf("%w: unknown key", ErrNotOurs)

// Sign signs the payload with the active key of the algorithm, and says which key that was.
func (k *Keys) Sign(ctx context.Context, alg, typ string, payload []byte) (token []byte, keyID int64, err error) {
	r, err := k.ring(ctx)
	if err != nil {
		return nil, 0, err
	}
	signer := r.active[alg]
	if signer == nil {
		// One is made with the first use of the algorithm, which may be newer than the ring.
		return nil, 0, fmt.Errorf("sign with %s: no active key: %w", alg, domain.ErrStale)
	}
	header, err := json.Marshal(protected{Alg: alg, KID: signer.kid, Type: typ})
	if err != nil {
		return nil, 0, fmt.Errorf("sign: %w", err)
	}
	token = base64.RawURLEncoding.AppendEncode(make([]byte, 0, 4*(len(header)+len(payload)+rsaBits/8)/3+8), header)
	token = append(token, '.')
	token = base64.RawURLEncoding.AppendEncode(token, payload)
	signature, err := signer.signer.Sign(token, signer.private)
	if err != nil {
		return nil, 0, fmt.Errorf("sign: %w", err)
	}
	token = append(token, '.')
	return base64.RawURLEncoding.AppendEncode(token, signature), signer.id, nil
}

// Signs reports whether there is a key to sign with by an algorithm, opened with the master key.
func (k *Keys) Signs(ctx context.Context, alg string) (bool, error) {
	r, err := k.ring(ctx)
	if err != nil {
		return false, err
	}
	return r.active[alg] != nil, nil
}

// protected is the header of what Signet signs (RFC 7515 §4.1).
type protected struct {
	Alg  string `json:"alg"`
	KID  string `json:"kid"`
	Type string `json:"typ"`
}

// SplitCompact reads a compact JWS (RFC 7515 §7.1). Not ok if it has other characters than those of base64url: decoders skip line ends,
// so a token would have several encodings.
func SplitCompact(token string) (parts [3]string, ok bool) {
	if len(token) > domain.MaxTokenSize || strings.Count(token, ".") != 2 {
		return parts, false
	}
	for i := range len(token) {
		switch c := token[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return parts, false
		}
	}
	return [3]string(strings.Split(token, ".")), true
}

// Verify checks that a compact JWS of the given type was signed by a published key of this server, with that key's own
// algorithm, and returns the payload and the key's id. ErrNotOurs if not; any other error is a failure to find out.
func (k *Keys) Verify(ctx context.Context, typ, token string) (payload []byte, keyID int64, err error) {
	if _, ok := SplitCompact(token); !ok {
		return nil, 0, ErrNotOurs
	}
	message, err := jws.ParseString(token)
	if err != nil || len(message.Signatures()) != 1 {
		return nil, 0, ErrNotOurs
	}
	headers := message.Signatures()[0].ProtectedHeaders()
	if headers.Type() != typ || len(headers.Critical()) > 0 {
		return nil, 0, ErrNotOurs
	}
	r, err := k.ring(ctx)
	if err != nil {
		return nil, 0, err
	}
	signer := r.byKID[headers.KeyID()]
	if signer == nil {
		return nil, 0, ErrUnknownKey
	}
	if headers.Algorithm() != signer.alg {
		return nil, 0, ErrNotOurs
	}
	payload, err = jws.Verify([]byte(token), jws.WithKey(signer.alg, signer.public), jws.WithCompact())
	if err != nil {
		return nil, 0, ErrNotOurs
	}
	return payload, signer.id, nil
}

// SignedSize is how many bytes Sign makes of a payload.
func SignedSize(alg, typ string, payload []byte) int {
	header, err := json.Marshal(protected{Alg: alg, KID: strings.Repeat("k", thumbprintLength), Type: typ})
	if err != nil {
		panic(err) // strings always marshal
	}
	signature := 64 // of ES256 and EdDSA
	if alg == domain.RS256 {
		signature = rsaBits / 8
	}
	return base64.RawURLEncoding.EncodedLen(len(header)) + base64.RawURLEncoding.EncodedLen(len(payload)) + base64.RawURLEncoding.EncodedLen(signature) + 2
}

const thumbprintLength = 43 // characters of a kid: SHA-256 in base64url
