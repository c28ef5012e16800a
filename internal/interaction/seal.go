package interaction

import (
	"bytes"
	"compress/flate"
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Lifetime is how long a sealed interaction can be opened.
const Lifetime = 15 * time.Minute

// MaxSealed is the longest sealed interaction, in bytes: it travels in a URL.
const MaxSealed = 12 << 10

// roomForActs is how much of that is left for what the person does, in bytes.
const roomForActs = 1 << 10

// Sealer encrypts and authenticates interactions.
type Sealer struct {
	aead cipher.AEAD
	now  func() time.Time
}

// NewSealer makes a sealer. The key has 32 bytes.
func NewSealer(key []byte, now func() time.Time) (*Sealer, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("the key of interactions: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("the cipher of interactions: %w", err)
	}
	return &Sealer{aead: aead, now: now}, nil
}

// sealed adds the end of the seal.
type sealed struct {
	Interaction
	Until time.Time
}

// Seal encrypts and authenticates an interaction for the next 15 minutes, as text for a URL. ErrInvalid if it is too large.
func (s *Sealer) Seal(i Interaction) (string, error) {
	var packed bytes.Buffer
	compressor, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		return "", fmt.Errorf("seal an interaction: %w", err)
	}
	if err := json.NewEncoder(compressor).Encode(sealed{i, s.now().Add(Lifetime)}); err != nil {
		return "", fmt.Errorf("seal an interaction: %w", err)
	}
	if err := compressor.Close(); err != nil {
		return "", fmt.Errorf("seal an interaction: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, packed.Bytes(), nil))
	limit := MaxSealed
	if len(i.Steps) == 0 && !i.Attended() {
		limit -= roomForActs // or it could not be sealed any more once the person has signed in
	}
	if len(text) > limit {
		return "", fmt.Errorf("%w interaction: %d bytes sealed, at most %d", domain.ErrInvalid, len(text), limit)
	}
	return text, nil
}

// Open opens what Seal made, for the browser with this secret. In another browser than the one that it was sealed for, nothing that
// its person did counts: the request begins anew. ErrInvalid if the seal is invalid or has expired.
func (s *Sealer) Open(text, browser string) (Interaction, error) {
	if len(text) > MaxSealed {
		return Interaction{}, fmt.Errorf("open an interaction: %w", domain.ErrInvalid)
	}
	encrypted, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return Interaction{}, fmt.Errorf("open an interaction: %w", domain.ErrInvalid)
	}
	packed, err := s.aead.Open(nil, nil, encrypted, nil)
	if err != nil {
		return Interaction{}, fmt.Errorf("open an interaction: %w", domain.ErrInvalid)
	}
	plain, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed))) // ours, so bounded by what Seal was given
	var opened sealed
	if err == nil {
		err = json.Unmarshal(plain, &opened)
	}
	if err != nil {
		return Interaction{}, fmt.Errorf("read an interaction: %w", err)
	}
	if !s.now().Before(opened.Until) {
		return Interaction{}, fmt.Errorf("open an interaction that expired: %w", domain.ErrInvalid)
	}
	opened.bind(browser)
	return opened.Interaction, nil
}
