package secrethash

import (
	"strings"
	"testing"
)

func TestHashesWithUnsafeParametersAreNotComputed(t *testing.T) {
	const salt, key = "$AAAAAAAAAAAAAAAAAAAAAA", "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	if _, err := Parse("$argon2id$v=19$m=19456,t=2,p=1" + salt + key); err != nil {
		t.Fatal(err)
	}
	for _, phc := range []string{
		"",
		"$2b$12$abcdefghijklmnopqrstuv",
		"$2b$15$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy",
		"$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWyx",
		"$pbkdf2-sha512$2000001$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$pbkdf2-sha512$0$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$pbkdf2-md5$1000$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAA",
		"$pbkdf2-sha512$1000$c2E$AAAAAAAAAAAAAAAAAAAAAA",
		"$pbkdf2-sha512$1000$c2FsdHNhbHQ$AAAA",
		"$argon2id$v=19$m=19456,t=2,p=1" + salt + key + strings.Repeat("A", 500),
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
		if _, err := Parse(phc); err == nil {
			t.Errorf("%s was accepted", phc)
		}
	}
}

// What other systems have made, of the secret "correct horse battery".
func TestHashesOfOtherSystemsMatchTheirSecretAlone(t *testing.T) {
	for _, text := range []string{
		"$2b$05$abcdefghijklmnopqrstuuD3mHdCr44zlIZ.VZCaYRpfQhXMYnEo.",
		"$2y$05$PFJuMRAEJlPuziVZAW347.3q.LQHAT0Hr3OBdVqJLseoNSZZ78p2i",
		"$pbkdf2$1000$c2FsdHNhbHRzaGEx$KOSkKKKBzVG8Yqwv/9b20fJKBXRc4734G4G4aGEzHCY",
		"$pbkdf2-sha256$1000$c2FsdHNhbHRzaGEyNTY$7f8CIFBfpIA.h3BvEgtnhu9liuUDeJe/wQgEYL.7NNg",
		"$pbkdf2-sha512$1000$c2FsdHNhbHRzaGE1MTI$mBP4YJ3Hai9vvUNSWHxEj2Wl5Au3f1X6Ot9GXX9fkTU",
	} {
		h, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if !h.Matches("correct horse battery") || h.Matches("correct horse batterz") || h.Matches("") {
			t.Errorf("%s does not match its secret alone", text)
		}
		if IsCurrent(h) {
			t.Errorf("%s passes for one of today", text)
		}
	}
}
