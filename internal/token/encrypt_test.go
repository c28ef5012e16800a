package token_test

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
	"github.com/signet-auth/signet/internal/token"
)

// keySet is the JWK Set of an API whose private key nobody has: that the API can decrypt, internal/keys tests.
func keySet(t *testing.T, kid string) string {
	t.Helper()
	private, err := ecdh.P256().GenerateKey(rand.Reader)
	servicetest.Must(t, err)
	point := private.PublicKey().Bytes()
	return fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","kid":%q,"use":"enc","x":%q,"y":%q}]}`, kid,
		base64.RawURLEncoding.EncodeToString(point[1:33]), base64.RawURLEncoding.EncodeToString(point[33:]))
}

func encryptTo(t *testing.T, f servicetest.Fixture, edit func(*domain.API)) {
	t.Helper()
	_, _, err := f.A.Registry.UpdateAPI(eventtest.Context(t), servicetest.Orders, func(api *domain.API) error { edit(api); return nil })
	servicetest.Must(t, err)
	f.A.Refresh(t)
}

// wantEncrypted fails unless a token is encrypted to the key of a kid.
func wantEncrypted(t *testing.T, token, kid string) {
	t.Helper()
	parts := strings.Split(token, ".")
	header, err := base64.RawURLEncoding.DecodeString(parts[0])
	if err != nil || len(parts) != 5 || !strings.Contains(string(header), fmt.Sprintf(`"kid":%q`, kid)) {
		t.Errorf("it is encrypted with the header %s: %v", header, err)
	}
}

func TestAnEncryptedTokenIsIntrospectedAndRevokedByWhoeverHoldsIt(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		set := keySet(t, "2027")
		encryptTo(t, f, func(api *domain.API) { api.Encryption.JWKS = set })
		first, second := f.Issue(t, f.A, "orders:read"), f.Issue(t, f.B, "orders:read")
		wantEncrypted(t, first.Token, "2027")
		inside := f.A.Minter.Open(first.Token)
		for _, presented := range []string{first.Token, inside} { // its client has the one, and its API both
			active := f.Introspect(t, f.B, presented)
			if active == nil || active.Claims.ID != first.Record.ID.String() || active.Claims.Scope != "orders:read" || len(active.Claims.Roles) != 1 {
				t.Fatalf("introspection answers %+v", active)
			}
		}
		// The parts of two tokens, both of which are live, are no token.
		parts, others := strings.Split(first.Token, "."), strings.Split(second.Token, ".")
		for i := range parts {
			if mixed := strings.Join(append(append(append([]string{}, parts[:i]...), others[i]), parts[i+1:]...), "."); mixed != first.Token {
				if f.Introspect(t, f.A, mixed) != nil {
					t.Errorf("part %d can be that of another token", i)
				}
			}
		}
		client := f.Request(t, f.B).Client
		servicetest.Must(t, f.B.Revocation.RevokeAccess(eventtest.Context(t), client, f.B.Minter.Open(first.Token)))
		if f.Introspect(t, f.A, first.Token) != nil || f.Introspect(t, f.A, inside) != nil {
			t.Error("it is active although it was revoked")
		}
		if f.Introspect(t, f.A, second.Token) == nil {
			t.Error("another was revoked too")
		}
	})
}

func TestEncryptedClaimsAreForTheAPIAlone(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		set := keySet(t, "2027")
		encryptTo(t, f, func(api *domain.API) {
			api.ClaimMappings = []domain.ClaimMapping{{Claim: "shown", Expression: "1"}, {Claim: "diagnosis", Expression: `"secret"`}, {Claim: "absent", Expression: "roles[7]"}}
			api.Encryption = domain.Encryption{JWKS: set, Claims: []string{"roles", "diagnosis", "absent"}}
		})
		minted := f.Issue(t, f.A, "orders:read")
		said := payload(t, minted.Token)
		if said["roles"] != nil || said["diagnosis"] != nil || said["shown"] != 1.0 || said["scope"] != "orders:read" {
			t.Errorf("in clear it says %v", said)
		}
		wantEncrypted(t, said["encrypted_claims"].(string), "2027")
		active := f.Introspect(t, f.B, minted.Token)
		if active == nil || len(active.Claims.Roles) != 0 || active.Claims.Encrypted != "" || active.Mapped["diagnosis"] != nil || active.Mapped["shown"] == nil {
			t.Errorf("introspection answers %+v", active)
		}
		sealed, err := f.B.Introspection.Sealed(eventtest.Context(t), minted.Token)
		servicetest.Must(t, err)
		if all := sealed.All(); all["diagnosis"] != "secret" || all["encrypted_claims"] != nil || all["shown"] == nil || cmp.Diff([]string{"clerk"}, sealed.Claims.Roles) != "" {
			t.Errorf("decisions are made by %v, %v", all, sealed.Claims.Roles)
		}
	})
}

func payload(t *testing.T, token string) (claims map[string]any) {
	t.Helper()
	text, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	servicetest.Must(t, err)
	servicetest.Must(t, json.Unmarshal(text, &claims))
	return claims
}

func TestNoTokenGoesOutInClearWhileTheKeyCannotBeHad(t *testing.T) {
	f := servicetest.SetUp(t, storetest.SQLite(t))
	set := keySet(t, "published")
	var answer atomic.Pointer[string]
	var fetches atomic.Int64
	host := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetches.Add(1)
		if text := answer.Load(); text != nil {
			fmt.Fprint(w, *text)
			return
		}
		http.Error(w, "", http.StatusServiceUnavailable)
	}))
	t.Cleanup(host.Close)
	encryptTo(t, f, func(api *domain.API) { api.Encryption.JWKSURI = host.URL })
	mint := func() (token.SignedToken, error) {
		return f.A.Minter.Mint(eventtest.Context(t), f.Request(t, f.A, "orders:read"))
	}
	refused := func(when string) {
		t.Helper()
		minted, err := mint()
		if !errors.Is(err, domain.ErrUnavailable) || minted.Token != "" {
			t.Errorf("%s: %q, %v", when, minted.Token, err)
		}
	}
	refused("before it was ever fetched")
	refused("again")
	if got := fetches.Load(); got != 1 {
		t.Errorf("it was fetched %d times at once", got)
	}
	answer.Store(&set)
	f.Pass(t, 10*time.Second)
	minted, err := mint()
	servicetest.Must(t, err)
	wantEncrypted(t, minted.Token, "published")
	answer.Store(nil)
	f.Pass(t, time.Hour)
	if minted, err = mint(); err != nil {
		t.Fatalf("the last key does not count while its host is down: %v", err)
	}
	wantEncrypted(t, minted.Token, "published")
	none := `{"keys":[]}`
	answer.Store(&none)
	f.Pass(t, time.Minute)
	refused("once the set has no key")
}

func TestAPreviewHasTheSizeOfTheEncryptedToken(t *testing.T) {
	f := servicetest.SetUp(t, storetest.SQLite(t))
	set := keySet(t, "2027")
	for name, encryption := range map[string]domain.Encryption{"whole": {JWKS: set}, "claims": {JWKS: set, Claims: []string{"roles"}}} {
		encryptTo(t, f, func(api *domain.API) { api.Encryption = encryption })
		shown, err := f.A.Minter.Preview(eventtest.Context(t), f.Request(t, f.A, "orders:read"))
		servicetest.Must(t, err)
		minted, err := f.A.Minter.Mint(eventtest.Context(t), f.Request(t, f.A, "orders:read"))
		servicetest.Must(t, err)
		if apart := shown.Size - len(minted.Token); apart < -40 || apart > 40 { // the place in the status list has not always as many digits
			t.Errorf("%s: the size is %d, that of an issued one %d", name, shown.Size, len(minted.Token))
		}
		if shown.Encrypted != (name == "whole") || (shown.Hidden["roles"] == nil) != (name == "whole") || shown.Claims["encrypted_claims"] != nil {
			t.Errorf("%s: %+v", name, shown)
		}
	}
}
