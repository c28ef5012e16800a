package store

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
)

// A status change is stored as sections, one for each status that it gives: the status, the number of indexes, then the
// indexes in rising order, each as its distance from the one before, all as varints. Of 20,000 random indexes of a million,
// most take a byte.

// packStatus adds a section; it sorts the indexes.
func packStatus(to []byte, status domain.TokenStatus, indexes []int32) []byte {
	slices.Sort(indexes)
	to = append(to, byte(status))
	to = binary.AppendUvarint(to, uint64(len(indexes)))
	last := int32(0)
	for _, i := range indexes {
		to = binary.AppendUvarint(to, uint64(i-last))
		last = i
	}
	return to
}

var errPacked = errors.New("a status change is stored in another form")

// unpackStatus is the reverse for all sections; each change has the status and the indexes only.
func unpackStatus(from []byte) (changes []domain.StatusChange, err error) {
	next := func(most uint64) uint64 {
		v, n := binary.Uvarint(from)
		if n <= 0 || v > most {
			err, from = errPacked, nil
			return 0
		}
		from = from[n:]
		return v
	}
	for len(from) > 0 {
		c := domain.StatusChange{Status: domain.TokenStatus(next(uint64(domain.StatusSuspended)))}
		c.Indexes = make([]int32, next(uint64(len(from)))) // an index takes a byte at least
		last := uint64(0)
		for i := range c.Indexes {
			last += next(math.MaxInt32 - last)
			c.Indexes[i] = int32(last)
		}
		changes = append(changes, c)
	}
	if err != nil {
		return nil, err
	}
	return changes, nil
}
