package event

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"

	"github.com/signet-auth/signet/internal/domain"
)

// Chain makes the hashes of the audit log, under a key: who can write the table but has no key cannot forge an event.
//
// An event's hash covers its digest in place of actor, target, details and request id. So these can be erased, with the salt without which nobody
// can guess them, and the chain is still whole.
type Chain struct{ key []byte }

// NewChain makes one under a key of 32 bytes.
func NewChain(key []byte) Chain { return Chain{key} }

const saltBytes = 16

// seal gives an event a salt and its digest.
func (c Chain) seal(e *domain.Event) {
	e.Salt = make([]byte, saltBytes)
	rand.Read(e.Salt) //nolint:errcheck // never fails (Go 1.24)
	e.Digest = c.Digest(*e)
}

// Digest is HMAC-SHA-256 over salt, actor, target, details and request id.
func (c Chain) Digest(e domain.Event) []byte {
	return c.mac("digest", e.Salt, []byte(e.Actor), []byte(e.Target), []byte(e.Details), []byte(e.RequestID))
}

// Hash is HMAC-SHA-256 over the hash before, seq, time, action and digest.
func (c Chain) Hash(e domain.Event) []byte {
	return c.mac("event", e.PrevHash, number(e.Seq), number(e.At.UnixMicro()), []byte(e.Action), e.Digest)
}

// Checkpoint is HMAC-SHA-256 over what the log was at a time.
func (c Chain) Checkpoint(p domain.Checkpoint) []byte {
	return c.mac("checkpoint", number(p.Seq), p.Hash, number(p.At.UnixMicro()))
}

// mac covers each field with its length, and what the fields are for.
func (c Chain) mac(purpose string, fields ...[]byte) []byte {
	h := hmac.New(sha256.New, c.key)
	for _, field := range append([][]byte{[]byte(purpose)}, fields...) {
		h.Write(number(int64(len(field))))
		h.Write(field)
	}
	return h.Sum(nil)
}

func number(i int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(i)) }
