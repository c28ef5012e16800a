package signin

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// argon2idCost is what one hash costs (RFC 9106 §3.1).
type argon2idCost struct {
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
}

// The cost of new hashes, and the most that a stored one may ask for.
var (
	currentCost = argon2idCost{memory: 19456, time: 2, threads: 1}
	maxCost     = argon2idCost{memory: 256 << 10, time: 16, threads: 16}
)

const (
	saltBytes = 16
	keyBytes  = 32
)

// passwordHash is an argon2id hash as read from its PHC string.
type passwordHash struct {
	cost argon2idCost
	salt []byte
	key  []byte
}

// noPassword costs as much to check as a hash of today and matches no password.
var noPassword = passwordHash{cost: currentCost, salt: make([]byte, saltBytes), key: make([]byte, keyBytes)}

// String gives the PHC string: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
func (h passwordHash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.cost.memory, h.cost.time, h.cost.threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

var errPasswordHash = errors.New("stored password hash cannot be read")

// parsePasswordHash reads a PHC string of argon2id whose cost is within bounds.
func parsePasswordHash(phc string) (passwordHash, error) {
	fields := strings.Split(phc, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" || fields[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return passwordHash{}, errPasswordHash
	}
	var h passwordHash
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &h.cost.memory, &h.cost.time, &h.cost.threads); err != nil {
		return passwordHash{}, errPasswordHash
	}
	if h.cost.memory < 8*uint32(h.cost.threads) || h.cost.memory > maxCost.memory || h.cost.time < 1 || h.cost.time > maxCost.time ||
		h.cost.threads < 1 || h.cost.threads > maxCost.threads {
		return passwordHash{}, errPasswordHash
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.DecodeString(fields[4]); err != nil || len(h.salt) < 8 || len(h.salt) > 64 {
		return passwordHash{}, errPasswordHash
	}
	if h.key, err = base64.RawStdEncoding.DecodeString(fields[5]); err != nil || len(h.key) < 16 || len(h.key) > 64 {
		return passwordHash{}, errPasswordHash
	}
	if h.String() != phc { // what scanning overlooked
		return passwordHash{}, errPasswordHash
	}
	return h, nil
}
