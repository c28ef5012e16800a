package resourceserver

import (
	"encoding/base64"
	"errors"
	"strings"
)

// maxHeader is how many characters the header of a JWS may have.
const maxHeader = 2 << 10

// The "typ" of what the issuer signs.
const (
	typeAccessToken   = "at+jwt"         // RFC 9068 §2.1
	typeStatusList    = "statuslist+jwt" // Token Status List §5.1
	typeSecurityEvent = "secevent+jwt"   // RFC 8417 §2.3
	typePolicy        = "policy+jwt"     // Signet's own
)

var errMalformed = errors.New("it is not a signed JWT in the compact form")

// encoding takes one text for each value: the bits after the last byte must be zero.
var encoding = base64.RawURLEncoding.Strict()

// jws is a compact JWS (RFC 7515 §7.1). Nothing in it is proven before a key has verified it.
type jws struct {
	alg, typ, kid string
	signed        string // header and payload as they were sent
	payload       string // in base64url
	signature     []byte
}

// parseJWS reads header and signature. The caller has bounded the size.
func parseJWS(token string) (j jws, err error) {
	header, rest, one := strings.Cut(token, ".")
	payload, signature, two := strings.Cut(rest, ".")
	if !one || !two || len(header) > maxHeader || strings.ContainsAny(token, "\r\n") { // which base64 passes over
		return jws{}, errMalformed
	}
	text, err := encoding.DecodeString(header)
	if err != nil {
		return jws{}, errMalformed
	}
	o, err := parseObject(string(text))
	if err != nil || o.has("crit") { // extensions that must be understood (RFC 7515 §4.1.11)
		return jws{}, errMalformed
	}
	j = jws{alg: o.text("alg"), typ: strings.ToLower(o.text("typ")), kid: o.text("kid"), signed: token[:len(header)+1+len(payload)], payload: payload}
	if j.signature, err = encoding.DecodeString(signature); err != nil || o.err != nil {
		return jws{}, errMalformed
	}
	return j, nil
}

// isType reports whether the "typ" is one, which may be written as a media type (RFC 7515 §4.1.9).
func (j *jws) isType(name string) bool {
	return j.typ == name || j.typ == "application/"+name
}

// claims reads the payload.
func (j *jws) claims() (payload string, claims *object, err error) {
	decoded, err := encoding.DecodeString(j.payload)
	if err != nil {
		return "", nil, errMalformed
	}
	payload = string(decoded)
	claims, err = parseObject(payload)
	return payload, claims, err
}
