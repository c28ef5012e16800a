package statuslist

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"math/bits"
)

// rounds are as many as NIST SP 800-38G takes for FF1.
const rounds = 10

// Permutation scatters the numbers 0 … size-1 over themselves: no two go to the same, and without the key nobody can tell
// which of them came first. It is a Feistel network over AES-256.
type Permutation struct {
	block       cipher.Block
	size        uint32
	left, right int // bits of the two halves of a number
}

// NewPermutation makes the permutation of a key over size numbers.
func NewPermutation(key [32]byte, size int32) *Permutation {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // the size is right
	}
	width := bits.Len32(uint32(max(size, 1)) - 1)
	return &Permutation{block: block, size: uint32(size), left: width / 2, right: width - width/2}
}

// At returns where a number goes. ErrRange if it is not one of 0 … size-1.
func (p *Permutation) At(i int32) (int32, error) {
	if i < 0 || uint32(i) >= p.size {
		return 0, ErrRange
	}
	// Within a size that is no power of two, what falls outside walks on along its cycle until it is inside again.
	to := p.scatter(uint32(i))
	for to >= p.size {
		to = p.scatter(to)
	}
	return int32(to), nil
}

func (p *Permutation) scatter(number uint32) uint32 {
	left, right := p.left, p.right
	l, r := number>>right, number&(1<<right-1)
	var block [aes.BlockSize]byte
	for round := range uint32(rounds) {
		block = [aes.BlockSize]byte{}
		binary.BigEndian.PutUint32(block[0:], round)
		binary.BigEndian.PutUint32(block[4:], r)
		p.block.Encrypt(block[:], block[:])
		l, r = r, l^binary.BigEndian.Uint32(block[:])&(1<<left-1)
		left, right = right, left
	}
	return l<<right | r // an even number of rounds: the halves are as wide as they were
}
