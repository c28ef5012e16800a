// Package secrethash reads and checks hashes of passwords and client secrets: Signet's own, and those that come from other systems.
// What a hash costs to check is bounded, whoever has written it.
package secrethash

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// Hash is a hash as it was read.
type Hash interface {
	// Matches says whether the secret is the hashed one. It takes its time.
	Matches(secret string) bool
}

// ErrUnreadable says that a text is not a hash of a known form, or one that costs too much to check.
var ErrUnreadable = errors.New("it is no hash that can be read: use argon2id, bcrypt or PBKDF2, of a cost within bounds")

// Parse reads a hash: a PHC string of argon2id, a bcrypt string, or PBKDF2 as passlib writes it. ErrUnreadable for anything else.
func Parse(text string) (Hash, error) {
	switch {
	case len(text) > maxText:
		return nil, ErrUnreadable
	case strings.HasPrefix(text, "$2"):
		return parseBcrypt(text)
	case strings.HasPrefix(text, "$pbkdf2"):
		return parsePBKDF2(text)
	default:
		return parseArgon2id(text)
	}
}

const maxText = 512 // bytes

// cost is what one argon2id hash costs (RFC 9106 §3.1).
type cost struct {
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
}

// The cost of new hashes, and the most that a stored one may ask for.
var (
	currentCost = cost{memory: CurrentMemory >> 10, time: 2, threads: 1}
	maxCost     = cost{memory: MaxMemory >> 10, time: 16, threads: 16}
)

const (
	saltBytes = 16
	keyBytes  = 32
)

// argon2id is a hash of this kind.
type argon2id struct {
	cost cost
	salt []byte
	key  []byte
}

// None costs as much to check as a hash of today and matches no secret.
var None Hash = argon2id{cost: currentCost, salt: make([]byte, saltBytes), key: make([]byte, keyBytes)}

// New hashes a secret with a new salt, as a PHC string of argon2id. It takes its time.
func New(secret string) string {
	h := argon2id{cost: currentCost, salt: make([]byte, saltBytes)}
	rand.Read(h.salt) // never fails
	h.key = h.derive(secret, keyBytes)
	return h.String()
}

// IsCurrent says whether a hash is as New makes them.
func IsCurrent(h Hash) bool {
	own, ok := h.(argon2id)
	return ok && own.cost == currentCost
}

// IsHeavy says whether it takes more memory to check a hash than one of today's, up to MaxMemory.
func IsHeavy(h Hash) bool {
	own, ok := h.(argon2id)
	return ok && own.cost.memory > currentCost.memory
}

// What it takes at most to check a hash, and to make and check one of today's, in bytes.
const (
	MaxMemory     = 256 << 20
	CurrentMemory = 19 << 20
)

// Matches implements Hash.
func (h argon2id) Matches(secret string) bool {
	return subtle.ConstantTimeCompare(h.derive(secret, uint32(len(h.key))), h.key) == 1
}

func (h argon2id) derive(secret string, size uint32) []byte {
	return argon2.IDKey([]byte(secret), h.salt, h.cost.time, h.cost.memory, h.cost.threads, size)
}

// String gives the PHC string: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
func (h argon2id) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.cost.memory, h.cost.time, h.cost.threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

// parseArgon2id reads a PHC string whose cost is within bounds.
func parseArgon2id(phc string) (Hash, error) {
	fields := strings.Split(phc, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" || fields[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return nil, ErrUnreadable
	}
	var h argon2id
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &h.cost.memory, &h.cost.time, &h.cost.threads); err != nil {
		return nil, ErrUnreadable
	}
	if h.cost.memory < 8*uint32(h.cost.threads) || h.cost.memory > maxCost.memory || h.cost.time < 1 || h.cost.time > maxCost.time ||
		h.cost.threads < 1 || h.cost.threads > maxCost.threads {
		return nil, ErrUnreadable
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(fields[4]); err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return nil, ErrUnreadable
	}
	if h.key, err = base64.RawStdEncoding.DecodeString(fields[5]); err != nil || len(h.key) < 16 || len(h.key) > 64 {
		return nil, ErrUnreadable
	}
	if h.String() != phc { // what scanning overlooked
		return nil, ErrUnreadable
	}
	return h, nil
}
