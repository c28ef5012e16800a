package rstest_test

import (
	"context"
	"crypto/ecdh"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"

	"github.com/signet-auth/signet/resourceserver"
	"github.com/signet-auth/signet/resourceserver/rstest"
)

func TestTokensAreAcceptedUntilTheyAreRevoked(t *testing.T) {
	issuer := rstest.New(t, "https://orders.example", resourceserver.WithName("Orders"))
	token := issuer.Token(rstest.Claims{"sub": "usr_bob", "scope": "orders:read", "acr": nil})
	other := issuer.Token(nil)
	for _, token := range []string{token, other} {
		if _, err := issuer.Verifier.Verify(t.Context(), token); err != nil {
			t.Error(err)
		}
	}
	claims, err := issuer.Verifier.Verify(t.Context(), token)
	if err != nil || claims.Subject != "usr_bob" || !claims.Has("orders:read") {
		t.Errorf("%v: %+v", err, claims)
	}
	issuer.Revoke(token)
	if _, err := issuer.Verifier.Verify(t.Context(), token); !errors.Is(err, resourceserver.ErrRevoked) {
		t.Errorf("after it was revoked: %v", err)
	}
	if _, err := issuer.Verifier.Verify(t.Context(), other); err != nil {
		t.Error(err)
	}
	if _, err := issuer.Verifier.Verify(t.Context(), issuer.Token(rstest.Claims{"exp": nil})); !errors.Is(err, resourceserver.ErrInvalidToken) {
		t.Errorf("without exp: %v", err)
	}
	if _, err := issuer.Verifier.Verify(t.Context(), rstest.New(t, "https://orders.example").Token(nil)); !errors.Is(err, resourceserver.ErrInvalidToken) {
		t.Errorf("of another issuer's key: %v", err)
	}
}

func TestEncryptedTokensAreAcceptedUntilTheyAreRevoked(t *testing.T) {
	private, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := resourceserver.DecryptionKey{ID: "2027", Private: private}
	issuer := rstest.New(t, "https://orders.example", resourceserver.WithDecryption(key), resourceserver.WithSignedTokens())
	whole := issuer.EncryptedToken(key, rstest.Claims{"sub": "usr_bob"})
	part := issuer.TokenWithEncrypted(key, rstest.Claims{"sub": "usr_bob"}, rstest.Claims{"roles": []string{"clerk"}})
	for _, token := range []string{whole, part} {
		if claims, err := issuer.Verifier.Verify(t.Context(), token); err != nil || claims.Subject != "usr_bob" || (len(claims.Roles) == 1) != (token == part) {
			t.Errorf("%v: %+v", err, claims)
		}
		issuer.Revoke(token)
		if _, err := issuer.Verifier.Verify(t.Context(), token); !errors.Is(err, resourceserver.ErrRevoked) {
			t.Errorf("after it was revoked: %v", err)
		}
	}
}

func Example() {
	issuer := rstest.New(new(testing.T), "https://orders.example") // in a test, its own t
	token := issuer.Token(rstest.Claims{"sub": "usr_alice", "scope": "orders:read"})
	claims, err := issuer.Verifier.Verify(context.Background(), token)
	fmt.Println(claims.Subject, claims.Scopes, err)
	issuer.Revoke(token)
	_, err = issuer.Verifier.Verify(context.Background(), token)
	fmt.Println(err)
	// Output:
	// usr_alice [orders:read] <nil>
	// the access token is not valid: it was revoked
}
