// Package statuslist packs the statuses of tokens into lists (Token Status List, draft-ietf-oauth-status-list §4).
package statuslist

import (
	"errors"
	"fmt"

	"github.com/signet-auth/signet/internal/domain"
)

var (
	// ErrRange says that a list has no such entry. Who asks for the status of a token must refuse the token then (§8.3).
	ErrRange = errors.New("the status list has no such entry")
	// ErrBits says that a status does not fit into the bits of an entry, or that a list cannot have entries of that many bits.
	ErrBits = errors.New("bits of a status list")
)

// List is a status list: entries of 1, 2, 4 or 8 bits, packed from the least significant bit of each byte on (§4.1).
// A new one is valid throughout. It is not safe for use by several goroutines while one of them sets.
type List struct {
	bits   int
	size   int
	packed []byte
}

// New makes a list of size entries, each of so many bits. ErrBits unless these are 1, 2, 4 or 8.
func New(bits, size int) (*List, error) {
	if !slotted(bits) || size < 0 {
		return nil, fmt.Errorf("%w: %d entries of %d bits", ErrBits, size, bits)
	}
	return &List{bits: bits, size: size, packed: make([]byte, (size*bits+7)/8)}, nil
}

// slotted says whether entries of so many bits fill a byte without a rest.
func slotted(bits int) bool { return bits == 1 || bits == 2 || bits == 4 || bits == 8 }

// Bits is how many bits each entry has.
func (l *List) Bits() int { return l.bits }

// Size is how many entries the list has.
func (l *List) Size() int { return l.size }

// Get returns an entry. ErrRange if there is none.
func (l *List) Get(i int) (domain.TokenStatus, error) {
	if i < 0 || i >= l.size {
		return 0, fmt.Errorf("entry %d of %d: %w", i, l.size, ErrRange)
	}
	return l.get(i), nil
}

func (l *List) get(i int) domain.TokenStatus {
	at := i * l.bits
	return domain.TokenStatus(l.packed[at/8] >> (at % 8) & l.mask())
}

// Set changes an entry. ErrRange if there is none, ErrBits if the status is too large for it.
func (l *List) Set(i int, status domain.TokenStatus) error {
	switch {
	case i < 0 || i >= l.size:
		return fmt.Errorf("entry %d of %d: %w", i, l.size, ErrRange)
	case byte(status) > l.mask():
		return fmt.Errorf("status %d: %w: %d", status, ErrBits, l.bits)
	}
	at := i * l.bits
	b := &l.packed[at/8]
	*b = *b&^(l.mask()<<(at%8)) | byte(status)<<(at%8)
	return nil
}

// mask covers one entry at the least significant end of a byte.
func (l *List) mask() byte { return byte(1<<l.bits - 1) }

// Repack copies the list into entries of so many bits. ErrBits if there are no such entries, or one of the list's is too large.
func (l *List) Repack(bits int) (*List, error) {
	repacked, err := New(bits, l.size)
	if err != nil {
		return nil, err
	}
	for i, b := range l.packed {
		if b == 0 {
			continue // as most of them are
		}
		for entry := i * 8 / l.bits; entry < min((i+1)*8/l.bits, l.size); entry++ {
			if err := repacked.Set(entry, l.get(entry)); err != nil {
				return nil, err
			}
		}
	}
	return repacked, nil
}
