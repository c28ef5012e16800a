package signin

import (
	"errors"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
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
	stored, err := parsePasswordHash(phc)
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
	if got, err := h.matches(eventtest.Context(t), "", noPassword); got || err != nil {
		t.Errorf("no password matches: %t, %v", got, err)
	}
}

func TestHashesWithUnsafeParametersAreNotComputed(t *testing.T) {
	const salt, key = "$AAAAAAAAAAAAAAAAAAAAAA", "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	if _, err := parsePasswordHash("$argon2id$v=19$m=19456,t=2,p=1" + salt + key); err != nil {
		t.Fatal(err)
	}
	for _, phc := range []string{
		"",
		"$2b$12$abcdefghijklmnopqrstuv",
		"$argon2i$v=19$m=19456,t=2,p=1" + salt + key,
		"$argon2id$v=16$m=19456,t=2,p=1" + salt + key,
		"$argon2id$v=19$m=4294967295,t=2,p=1" + salt + key,
		"$argon2id$v=19$m=1,t=2,p=1" + salt + key,
		"$argon2id$v=19$m=19456,t=0,p=1" + salt + key,
		"$argon2id$v=19$m=19456,t=999,p=1" + salt + key,
		"$argon2id$v=19$m=19456,t=2,p=0" + salt + key,
		"$argon2id$v=19$m=19456,t=2,p=255" + salt + key,
		"$argon2id$v=19$m=19456,t=2,p=1,x=1" + salt + key,
		"$argon2id$v=19$m=19456,t=2,p=1" + salt + "$AAAA",
		"$argon2id$v=19$m=19456,t=2,p=1$AAAA" + key,
		"$argon2id$v=19$m=19456,t=2,p=1" + salt + key + "$",
	} {
		if _, err := parsePasswordHash(phc); err == nil {
			t.Errorf("%s was accepted", phc)
		}
	}
}
