package secrethash

import (
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // of hashes that exist; PBKDF2 with it is not broken
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"hash"
	"strconv"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	maxBcryptCost   = 14 // takes about a second
	maxPBKDF2Rounds = 2_000_000
)

// bcryptHash is a bcrypt string. It heeds the first 72 bytes of a secret alone, as everywhere.
type bcryptHash string

// Matches implements Hash.
func (h bcryptHash) Matches(secret string) bool {
	return bcrypt.CompareHashAndPassword([]byte(h), []byte(secret)[:min(len(secret), 72)]) == nil
}

func parseBcrypt(text string) (Hash, error) {
	if strings.HasPrefix(text, "$2y$") { // what PHP calls $2b$
		text = "$2b$" + text[4:]
	}
	cost, err := bcrypt.Cost([]byte(text))
	if err != nil || cost > maxBcryptCost || len(text) != 60 {
		return nil, ErrUnreadable
	}
	return bcryptHash(text), nil
}

// pbkdf2Hash is one of RFC 8018 §5.2.
type pbkdf2Hash struct {
	digest func() hash.Hash
	rounds int
	salt   []byte
	key    []byte
}

// Matches implements Hash.
func (h pbkdf2Hash) Matches(secret string) bool {
	key, err := pbkdf2.Key(h.digest, secret, h.salt, h.rounds, len(h.key))
	return err == nil && subtle.ConstantTimeCompare(key, h.key) == 1
}

var digests = map[string]func() hash.Hash{"pbkdf2": sha1.New, "pbkdf2-sha1": sha1.New, "pbkdf2-sha256": sha256.New, "pbkdf2-sha512": sha512.New}

// parsePBKDF2 reads $pbkdf2-sha512$rounds$salt$key, where base64 has a dot for the plus and no padding.
func parsePBKDF2(text string) (Hash, error) {
	fields := strings.Split(text, "$")
	if len(fields) != 5 || fields[0] != "" {
		return nil, ErrUnreadable
	}
	h := pbkdf2Hash{digest: digests[fields[1]]}
	var err error
	if h.rounds, err = strconv.Atoi(strings.TrimPrefix(fields[2], "i=")); err != nil || h.rounds < 1 || h.rounds > maxPBKDF2Rounds || h.digest == nil {
		return nil, ErrUnreadable
	}
	decode := func(field string) []byte {
		raw, err := base64.RawStdEncoding.DecodeString(strings.ReplaceAll(field, ".", "+"))
		if err != nil {
			return nil
		}
		return raw
	}
	h.salt, h.key = decode(fields[3]), decode(fields[4])
	if len(h.salt) < 8 || len(h.salt) > 64 || len(h.key) < 16 || len(h.key) > 64 {
		return nil, ErrUnreadable
	}
	return h, nil
}
