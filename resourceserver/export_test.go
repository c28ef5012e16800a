package resourceserver

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"testing"
)

// Settings are what options set.
type Settings = settings

// signES256 is a signature by ES256 (RFC 7518 §3.4).
func signES256(t testing.TB, private *ecdsa.PrivateKey, signed string) []byte {
	t.Helper()
	hash := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, private, hash[:])
	if err != nil {
		t.Fatal(err)
	}
	return append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
}
