package adminui

import (
	"encoding/json"
	"strings"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

// keyOf is the algorithm with which a client signs assertions, and the id of the key: that of its first registered one which snippets can
// use. One that publishes its keys is taken to have one for ES256. There is none if it does not authenticate so.
func keyOf(c admin.Client) (alg, kid string) {
	if c.AuthMethod != domain.PrivateKeyJWT {
		return "", ""
	}
	if c.JWKSURI != "" {
		return domain.ES256, ""
	}
	var set struct {
		Keys []struct{ Kty, Crv, Alg, Kid string }
	}
	if err := json.Unmarshal(c.JWKS, &set); err != nil {
		return "", ""
	}
	for _, key := range set.Keys {
		switch key.Kty + " " + key.Crv {
		case "EC P-256":
			alg = domain.ES256
		case "RSA ":
			alg = domain.RS256
		case "OKP Ed25519":
			alg = domain.EdDSA
		}
		if alg != "" && (key.Alg == "" || key.Alg == alg) {
			return alg, key.Kid
		}
		alg = ""
	}
	return "", ""
}

// assert adds what the assertions of a client consist of.
func (s *settings) assert(alg, kid string) {
	if alg == "" {
		return
	}
	s.Alg, s.KID = alg, kid
	header := map[string]string{"alg": alg}
	if kid != "" {
		header["kid"] = kid
	}
	s.Header = jsonText(header)
	s.Claims = strings.TrimSuffix(jsonText(map[string]string{"iss": s.ClientID, "sub": s.ClientID, "aud": s.Issuer}), "}") + ","
}

func jsonText(members map[string]string) string {
	text, err := json.Marshal(members)
	if err != nil {
		panic(err) // of texts there is always JSON
	}
	return string(text)
}

// without says whether a client that signs assertions with an algorithm, empty if it does not, is shown nothing of a file: openssl signs
// no stream with EdDSA, golang.org/x/oauth2 asks again and again with the same assertion, and Spring introspects with a secret alone.
func without(file, alg string) bool {
	switch {
	case strings.HasSuffix(file, "-key.java"):
		return alg == ""
	case strings.HasPrefix(file, "resource-spring"), strings.HasPrefix(file, "device-x-oauth2"):
		return alg != ""
	}
	return strings.HasSuffix(file, "curl.sh") && alg == domain.EdDSA
}
