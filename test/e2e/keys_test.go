package e2e

import (
	"net/http"
	"slices"
	"testing"
)

// published lists the key ids in the JWKS.
func (s *server) published(t *testing.T) map[string]bool {
	t.Helper()
	set := decode[struct {
		Keys []map[string]any `json:"keys"`
	}](t, s.get("/.well-known/jwks.json", "").wantStatus(t, http.StatusOK))
	kids := map[string]bool{}
	for _, key := range set.Keys {
		kids[key["kid"].(string)] = true
		for _, private := range []string{"d", "p", "q", "k"} {
			if key[private] != nil {
				t.Errorf("the JWKS shows the private member %q", private)
			}
		}
	}
	return kids
}

func TestKeyRotationTakesEffectInARunningServer(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		before := s.reportingToken(t)
		oldKey := joseHeader(t, before)["kid"].(string)
		s.signet("key", "rotate")
		after := s.reportingToken(t)
		newKey := joseHeader(t, after)["kid"].(string)
		if newKey == oldKey {
			t.Error("the next token is still signed with the old key")
		}
		if kids := s.published(t); !kids[oldKey] || !kids[newKey] {
			t.Errorf("%v are published, want %s and %s among them", kids, oldKey, newKey)
		}
		s.wantActive(t, s.orders, before, true)
		s.wantActive(t, s.orders, after, true)
	})
}

func TestTokensOfARevokedKeyAreInactive(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		revoked := s.reportingToken(t)
		kid := joseHeader(t, revoked)["kid"].(string)
		s.signet("key", "revoke", kid)
		live := s.reportingToken(t)
		if joseHeader(t, live)["kid"] == kid {
			t.Error("the revoked key still signs")
		}
		if s.published(t)[kid] {
			t.Error("the revoked key is still published")
		}
		s.wantActive(t, s.orders, revoked, false)
		s.wantActive(t, s.orders, live, true)
	})
}

func TestTheJWKSCanBeCached(t *testing.T) {
	oneDatabase(t, "sqlite", func(t *testing.T, s *shop) {
		first := s.get("/.well-known/jwks.json", "").wantStatus(t, http.StatusOK)
		if first.header.Get("Cache-Control") == "" {
			t.Error("no Cache-Control")
		}
		r := s.request(http.MethodGet, "/.well-known/jwks.json", nil)
		r.Header.Set("If-None-Match", first.header.Get("ETag"))
		do(r).wantStatus(t, http.StatusNotModified)
	})
}

func TestTheJWKSListsAnAlgorithmOnceSomethingUsesIt(t *testing.T) {
	oneDatabase(t, "postgres", func(t *testing.T, s *shop) {
		types := func() (found []string) {
			set := decode[struct {
				Keys []struct{ Kty string }
			}](t, s.get("/.well-known/jwks.json", "").wantStatus(t, http.StatusOK))
			for _, key := range set.Keys {
				found = append(found, key.Kty)
			}
			slices.Sort(found)
			return slices.Compact(found)
		}
		if got := types(); !slices.Equal(got, []string{"EC", "RSA"}) {
			t.Errorf("at first there are %v", got)
		}
		s.signet("api", "update", ordersAPI, "--signing-alg", "EdDSA")
		token := s.reportingToken(t)
		if alg := joseHeader(t, token)["alg"]; alg != "EdDSA" {
			t.Errorf("signed by %v", alg)
		}
		if got := types(); !slices.Equal(got, []string{"EC", "OKP", "RSA"}) {
			t.Errorf("there are %v", got)
		}
		s.wantActive(t, s.orders, token, true)
		s.createClient("modern", "--grant", "authorization_code", "--redirect-uri", callback, "--id-token-alg", "EdDSA")
	})
}
