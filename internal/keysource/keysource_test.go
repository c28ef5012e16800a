package keysource

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
)

func TestAnIssuerOnTheInternetNamesNoKeysOnThisMachine(t *testing.T) {
	for _, c := range []struct {
		issuer, jwksURI string
		want            bool
	}{
		{"https://ci.example", "https://keys.example/jwks", true},
		{"https://ci.example", "https://127.0.0.1:8443/admin", false},
		{"https://ci.example", "https://localhost/admin", false},
		{"https://ci.example", "https://[::1]/admin", false},
		{"https://ci.example", "http://127.0.0.1/jwks", false},
		{"https://ci.example", "http://keys.example/jwks", false},
		{"https://ci.example", "https://user@keys.example/jwks", false},
		{"https://ci.example", "file:///etc/passwd", false},
		{"https://ci.example", "https:", false},
		{"https://ci.example", "", false},
		{"http://127.0.0.1:9000", "http://127.0.0.1:9000/jwks", true},
		{"http://127.0.0.1:9000", "http://keys.example/jwks", false},
		{"http://localhost", "https://127.0.0.1/jwks", true},
	} {
		if got := mayName(c.issuer, c.jwksURI); got != c.want {
			t.Errorf("%s names %q: %v", c.issuer, c.jwksURI, got)
		}
	}
}

func TestFetchesOfKeysAreBounded(t *testing.T) {
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
	}))
	t.Cleanup(host.Close)
	now := time.Now()
	p := New(func() time.Time { return now }, keys.ReadKeySet)
	known, unknown := Source{URI: host.URL + "/known"}, Source{URI: host.URL + "/unknown"}
	get := func(from Source, missing bool) error {
		t.Helper()
		_, err := p.Get(t.Context(), from, missing)
		return err
	}
	if err := get(known, false); err != nil {
		t.Fatal(err)
	}
	now = now.Add(time.Hour)
	if !p.slots[false].TryAcquire(fetchesAtOnce) {
		t.Fatal("a slot was not given back")
	}
	if err := get(unknown, false); !errors.Is(err, domain.ErrBusy) {
		t.Errorf("keys that nobody has: %v", err)
	}
	if err := get(known, true); !errors.Is(err, domain.ErrBusy) {
		t.Errorf("a key that is not in the set: %v", err)
	}
	if err := get(known, false); err != nil {
		t.Errorf("the last set does not count: %v", err)
	}
	if err := get(Source{URI: host.URL + "/strange", Private: true, Strange: true}, false); err != nil {
		t.Errorf("a stranger's keys: %v", err)
	}
	p.slots[false].Release(fetchesAtOnce)
	if err := errors.Join(get(unknown, false), get(known, true)); err != nil {
		t.Error(err)
	}
}
