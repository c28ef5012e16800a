package keys

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/durable"
)

// masterKeySize is the size of a master key in bytes.
const masterKeySize = 32

// Master is a key from which others are derived. There are two: the master key, which the operator keeps, and the installation secret,
// which is stored sealed with the master key and never changes. All other keys are derived from the secret, so that the master key can
// be replaced.
type Master struct{ key []byte }

// NewMaster makes a random master key.
func NewMaster() *Master {
	key := make([]byte, masterKeySize)
	rand.Read(key) //nolint:errcheck // never fails (Go 1.24)
	return &Master{key: key}
}

// ParseMaster reads a master key: 32 bytes as base64 (standard or URL alphabet) or hex.
func ParseMaster(text string) (*Master, error) {
	text = strings.TrimSpace(text)
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if key, err := decode(text); err == nil && len(key) == masterKeySize {
			return &Master{key: key}, nil
		}
	}
	return nil, errors.New("a master key is 32 random bytes as base64 or hex: give the one that the database was made with; " +
		"only a new database gets a new one, made with: openssl rand -base64 32")
}

// emptyFor is how long a master key file may be empty: another process may be making it, see durable.Move.
const emptyFor = 2 * time.Second

// ReadMaster reads a master key from a file.
func ReadMaster(path string) (*Master, error) {
	text, err := readMasterFile(path)
	for end := time.Now().Add(emptyFor); err == nil && len(text) == 0 && time.Now().Before(end); text, err = readMasterFile(path) {
		time.Sleep(10 * time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	if len(text) == 0 {
		return nil, fmt.Errorf("the master key file %s is empty: write the key into it that the database was made with; "+
			"for a new database, make one with: openssl rand -base64 32", path)
	}
	m, err := ParseMaster(string(text))
	if err != nil {
		return nil, fmt.Errorf("master key file %s: %w", path, err)
	}
	return m, nil
}

func readMasterFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, 1024))
}

// WriteMaster makes a master key file (0600) if there is none, and returns the key that the file holds.
// Processes that do so at the same time all get the same key.
func WriteMaster(path string) (*Master, error) {
	m := NewMaster()
	text := base64.StdEncoding.EncodeToString(m.key) + "\n"
	if err := durable.CreateFile(path, []byte(text)); err != nil && !errors.Is(err, os.ErrExist) { // another process was quicker
		return nil, fmt.Errorf("make the master key: %w", err)
	}
	return ReadMaster(path)
}

// Derive makes a key of n bytes for one purpose (HKDF-SHA-256, RFC 5869).
func (m *Master) Derive(purpose string, n int) []byte {
	key, err := hkdf.Key(sha256.New, m.key, nil, "signet "+purpose, n)
	if err != nil {
		panic(err) // n is a constant of ours
	}
	return key
}

// Check is a value that identifies this key and discloses nothing of it.
func (m *Master) Check() []byte {
	mac := hmac.New(sha256.New, m.Derive("check", 32))
	return mac.Sum(nil)
}

// Seal encrypts with AES-256-GCM; name is authenticated with it, so that sealed values cannot be swapped.
func (m *Master) Seal(name string, plain []byte) []byte {
	return m.gcm().Seal(nil, nil, plain, []byte(name))
}

// Open decrypts what Seal made under the same name.
func (m *Master) Open(name string, sealed []byte) ([]byte, error) {
	plain, err := m.gcm().Open(nil, nil, sealed, []byte(name))
	if err != nil {
		return nil, errors.New("cannot be opened with this master key")
	}
	return plain, nil
}

func (m *Master) gcm() cipher.AEAD {
	block, err := aes.NewCipher(m.Derive("seal", 32))
	if err != nil {
		panic(err) // the size is right
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err) // AES has the right block size
	}
	return aead
}
