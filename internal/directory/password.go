package directory

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	minPasswordRunes = 8
	maxPasswordBytes = 1024
)

// checkPassword holds the rule for passwords (NIST SP 800-63B §3.1.1.2): length, and nothing about what it is made of.
func checkPassword(password, username string) error {
	switch {
	case utf8.RuneCountInString(password) < minPasswordRunes:
		return fmt.Errorf("%w password: use at least %d characters", domain.ErrInvalid, minPasswordRunes)
	case len(password) > maxPasswordBytes:
		return fmt.Errorf("%w password: use at most %d bytes", domain.ErrInvalid, maxPasswordBytes)
	case canonical(password) == username:
		return fmt.Errorf("%w password: it is the username; choose another one", domain.ErrInvalid)
	}
	return nil
}

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

// hasher limits how many passwords are hashed at once: each takes 19 MiB and a core. Its capacity is the limit.
type hasher chan struct{}

// hash makes the PHC string of a password with a new salt. It fails only when ctx ends while it waits.
func (h hasher) hash(ctx context.Context, password string) (string, error) {
	made := passwordHash{cost: currentCost, salt: make([]byte, saltBytes)}
	rand.Read(made.salt)
	var err error
	if made.key, err = h.derive(ctx, password, made.cost, made.salt, keyBytes); err != nil {
		return "", err
	}
	return made.String(), nil
}

// matches reports whether the password is the hashed one. It fails only when ctx ends while it waits.
func (h hasher) matches(ctx context.Context, password string, stored passwordHash) (bool, error) {
	key, err := h.derive(ctx, password, stored.cost, stored.salt, uint32(len(stored.key)))
	return err == nil && subtle.ConstantTimeCompare(key, stored.key) == 1, err
}

func (h hasher) derive(ctx context.Context, password string, cost argon2idCost, salt []byte, size uint32) ([]byte, error) {
	select {
	case h <- struct{}{}:
		defer func() { <-h }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait to hash a password: %w", ctx.Err())
	}
	return argon2.IDKey([]byte(password), salt, cost.time, cost.memory, cost.threads, size), nil
}
