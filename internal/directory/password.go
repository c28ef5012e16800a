package directory

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/secure/precis"

	"github.com/signet-auth/signet/internal/directory/common"
	"github.com/signet-auth/signet/internal/domain"
)

// Bounds of a password's length.
const (
	defaultMinPassword = 10   // characters
	maxPasswordBytes   = 1024 // as typed, and as prepared
)

// preparePassword gives the form in which a password is hashed (OpaqueString, RFC 8265 §4.2), so that it does not matter how a
// keyboard composes letters with accents. The error says what cannot be in a password.
func preparePassword(password string) (string, error) {
	if strings.ContainsAny(password, "\r\n") {
		return "", fmt.Errorf("%w password: it has more than one line, which no browser can send", domain.ErrInvalid)
	}
	prepared, err := precis.OpaqueString.String(password)
	if err != nil {
		return "", fmt.Errorf("%w password: it has a control character, or one that Unicode does not assign", domain.ErrInvalid)
	}
	return prepared, nil
}

// checkPassword holds the rules for passwords, as prepared (NIST SP 800-63B-4 §3.1.1.2): a length, none that is tried first, and
// nothing about what it is made of.
func checkPassword(password string, user domain.User, minLength int) error {
	same := func(other string) bool { return other != "" && strings.EqualFold(password, other) }
	switch {
	case utf8.RuneCountInString(password) < minLength:
		return fmt.Errorf("%w password: use at least %d characters", domain.ErrInvalid, minLength)
	case len(password) > maxPasswordBytes:
		return fmt.Errorf("%w password: use at most %d bytes", domain.ErrInvalid, maxPasswordBytes)
	case same(user.Username):
		return fmt.Errorf("%w password: it is the username; choose another one", domain.ErrInvalid)
	case same(user.Email):
		return fmt.Errorf("%w password: it is the e-mail address; choose another one", domain.ErrInvalid)
	case common.Password(password):
		return fmt.Errorf("%w password: it is one of the most common ones, which are tried first; choose another one", domain.ErrInvalid)
	}
	return nil
}

// hashPassword prepares, checks and hashes a new password of a user.
func (d *Directory) hashPassword(ctx context.Context, password string, user domain.User) (string, error) {
	if len(password) > maxPasswordBytes {
		return "", fmt.Errorf("%w password: use at most %d bytes", domain.ErrInvalid, maxPasswordBytes)
	}
	if password == "" {
		return "", checkPassword(password, user, d.minPassword)
	}
	prepared, err := preparePassword(password)
	if err != nil {
		return "", err
	}
	if err := checkPassword(prepared, user, d.minPassword); err != nil {
		return "", err
	}
	return d.hasher.hash(ctx, prepared)
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
