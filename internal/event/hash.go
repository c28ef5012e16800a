package event

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/signet-auth/signet/internal/domain"
)

// Hash is SHA-256 over the previous hash and every field of the event, each preceded by its length.
func Hash(e domain.Event) []byte {
	h := sha256.New()
	field := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	number := func(i int64) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(i))
		field(n[:])
	}
	field(e.PrevHash)
	number(e.Seq)
	number(e.At.UnixMicro())
	for _, s := range []string{e.Actor, e.Action, e.Target, e.Details} {
		field([]byte(s))
	}
	return h.Sum(nil)
}
