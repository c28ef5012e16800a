// Package requestid is the id of a request: in what is logged and audited of it, in the answer's header and in answers that are errors, so
// that a person who reports an error names what happened.
package requestid

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
)

// Header is where the id is in requests and answers, in its canonical form.
const Header = "X-Request-Id"

// MaxLength of an id, in bytes.
const MaxLength = 64

// New makes an id, of 32 hexadecimal digits. It identifies, and proves nothing: it need not be hard to guess.
func New() string {
	var id [16]byte
	binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	var text [32]byte
	hex.Encode(text[:], id[:])
	return string(text[:])
}

// WellFormed reports whether an id that another made can be taken over: short, and of characters that mean nothing to logs, terminals and
// pages.
func WellFormed(id string) bool {
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == ':':
		default:
			return false
		}
	}
	return id != "" && len(id) <= MaxLength
}

// key is that of the id in a ctx.
type key struct{}

// identified is a ctx with an id: one allocation, as every request has one.
type identified struct {
	context.Context
	id string
}

// Value implements context.Context.
func (c *identified) Value(k any) any {
	if k == (key{}) {
		return c
	}
	return c.Context.Value(k)
}

// With puts an id into a ctx.
func With(ctx context.Context, id string) context.Context { return &identified{ctx, id} }

// Of is the id of the request that a ctx belongs to, empty if it belongs to none.
func Of(ctx context.Context) string {
	if c, ok := ctx.Value(key{}).(*identified); ok {
		return c.id
	}
	return ""
}
