package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"github.com/signet-auth/signet/internal/store/pgtest"
)

// cachingService verifies tokens by a JWKS that it fetches when its Cache-Control says that it is too old, and never because
// of a kid that it does not know.
type cachingService struct {
	from *server

	mu      sync.Mutex
	set     jwk.Set
	expires time.Time
	fetches int
}

func (c *cachingService) verify(token string) error {
	set, err := c.keys()
	if err != nil {
		return err
	}
	_, err = jws.Verify([]byte(token), jws.WithKeySet(set))
	return err
}

func (c *cachingService) keys() (jwk.Set, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Now().Before(c.expires) {
		return c.set, nil
	}
	asked := time.Now()
	a := c.from.get("/.well-known/jwks.json", "")
	var maxAge int
	if _, err := fmt.Sscanf(a.header.Get("Cache-Control"), "public, max-age=%d", &maxAge); err != nil {
		return nil, fmt.Errorf("status %d, header %v: %w", a.status, a.header, err)
	}
	set, err := jwk.Parse([]byte(a.body))
	c.set, c.expires = set, asked.Add(time.Duration(maxAge)*time.Second)
	c.fetches++
	return set, err
}

func TestKeyRotationUnderLoadKeepsTokensValidForServicesThatCacheTheJWKS(t *testing.T) {
	t.Parallel()
	const maxAge = time.Second
	s := openShop(t, pgtest.Database(t), fmt.Sprint("SIGNET_KEYS_JWKS_MAX_AGE=", maxAge))
	replicas := []*server{s.server, s.serve()}
	services := []*cachingService{{from: replicas[0]}, {from: replicas[1]}}

	var verified atomic.Int64
	var signers sync.Map
	var held tokenList
	clients := newLoad(t)
	for _, replica := range replicas {
		clients.add(2, 20*time.Millisecond, func() {
			a := replica.post("/oauth2/token", s.reporting, clientCredentials())
			if a.status != http.StatusOK {
				t.Errorf("status %d: %s", a.status, a.body)
				return
			}
			token := a.accessToken(t)
			for n, service := range services {
				if err := service.verify(token); err != nil {
					t.Errorf("refused by service %d: %v", n, err)
				}
				verified.Add(1)
			}
			signers.Store(joseHeader(t, token)["kid"], true)
			held.put(token)
		})
	}
	signed := func() (kids int) {
		signers.Range(func(any, any) bool { kids++; return true })
		return kids
	}
	const rotations = 2
	for n := range rotations {
		kid := s.nextKey(t, "ES256")
		for _, replica := range replicas {
			await(t, "the next key is published", func() bool { return replica.published(t)[kid] })
		}
		time.Sleep(maxAge + time.Second) // for as long as others may cache
		s.signet("key", "rotate", "--alg", "ES256")
		await(t, "the next key signs", func() bool { return signed() >= n+2 || t.Failed() })
	}
	seen := verified.Load()
	await(t, "what it signs is verified", func() bool { return verified.Load() >= seen+20 || t.Failed() })
	clients.end()

	kids := signed()
	t.Logf("%d verifications, keys of %d tokens' signatures: %d, %d and %d fetches of the JWKS",
		verified.Load(), len(held.tokens), kids, services[0].fetches, services[1].fetches)
	if kids != rotations+1 {
		t.Errorf("%d keys have signed, want %d", kids, rotations+1)
	}
	for _, token := range held.tokens { // those of retired keys, too
		if err := services[0].verify(token); err != nil {
			t.Fatalf("an older token is refused: %v", err)
		}
	}
}

// nextKey is the key of an algorithm that signs after the next rotation.
func (s *shop) nextKey(t *testing.T, alg string) (kid string) {
	t.Helper()
	for _, key := range signetJSON[[]struct{ KID, Alg, State string }](s.installation, "key", "list") {
		if key.Alg == alg && key.State == "next" {
			return key.KID
		}
	}
	t.Fatalf("no key of %s is next", alg)
	return ""
}

func TestARevokedKeyLeavesEveryReplicaAtOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, s *shop) {
		replicas := []*server{s.server, s.serve()}
		var tokens []string
		for _, replica := range replicas {
			tokens = append(tokens, s.issued(t, replica.post("/oauth2/token", s.reporting, clientCredentials())).Access)
		}
		kid := joseHeader(t, tokens[0])["kid"].(string)
		revoked := s.signet("key", "revoke", kid)
		for n, replica := range replicas {
			for _, token := range tokens {
				replica.wantActive(t, s.orders, token, false)
			}
			await(t, fmt.Sprintf("replica %d publishes the key no more", n), func() bool { return !replica.published(t)[kid] })
			reissued := s.issued(t, replica.post("/oauth2/token", s.reporting, clientCredentials())).Access
			if by := joseHeader(t, reissued)["kid"].(string); by == kid || !replica.published(t)[by] || !strings.Contains(revoked, by) {
				t.Errorf("replica %d signs with %s; the revocation said %s", n, by, revoked)
			}
			for _, other := range replicas {
				other.wantActive(t, s.orders, reissued, true)
			}
		}
	})
}
