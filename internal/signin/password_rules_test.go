package signin

import (
	"errors"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/secrethash"
)

func TestPasswordRules(t *testing.T) {
	user := domain.User{Username: "alice.smith", Email: "alice@people.example"}
	for password, ok := range map[string]bool{
		"correct horse": true, "ünïcödé!!!": true, strings.Repeat("xy", 512): true, "1234567 89": true,
		"": false, "123456789": false, "üüüüüüüüü": false, strings.Repeat("xy", 512) + "x": false, "alice.smith": false, "Alice.Smith": false,
		"Alice@People.example": false, "password123": false, "PASSWORD123": false, "1234567890": false, "qwertyuiop": false, "aaaaaaaaaaaaaaa": false,
	} {
		err := checkPassword(password, user, 10)
		if (err == nil) != ok || (err != nil && !errors.Is(err, domain.ErrInvalid)) {
			t.Errorf("checkPassword(%q) = %v, want accepted: %t", password, err, ok)
		}
	}
}

func TestHashedPasswordsMatchOnlyThemselves(t *testing.T) {
	h := newHasher(1)
	phc, err := h.hash(eventtest.Context(t), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash is %s", phc)
	}
	stored, err := secrethash.Parse(phc)
	if err != nil {
		t.Fatal(err)
	}
	for password, want := range map[string]bool{"correct horse": true, "correct horsf": false, "": false} {
		if got, err := h.matches(eventtest.Context(t), password, stored); got != want || err != nil {
			t.Errorf("matches(%q) = %t, %v", password, got, err)
		}
	}
	if again, _ := h.hash(eventtest.Context(t), "correct horse"); again == phc {
		t.Error("two hashes have the same salt")
	}
	if got, err := h.matches(eventtest.Context(t), "", secrethash.None); got || err != nil {
		t.Errorf("no password matches: %t, %v", got, err)
	}
}
