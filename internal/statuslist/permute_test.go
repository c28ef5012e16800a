package statuslist

import (
	"errors"
	"testing"
)

func TestPermutationIsABijection(t *testing.T) {
	for _, size := range []int32{1, 2, 3, 100, 1 << 13, 5000, 1 << 20} {
		p := NewPermutation([32]byte{1}, size)
		hit := make([]bool, size)
		for i := range size {
			to, err := p.At(i)
			if err != nil {
				t.Fatal(err)
			}
			if to < 0 || to >= size || hit[to] {
				t.Fatalf("size %d: %d goes to %d, which is outside or taken", size, i, to)
			}
			hit[to] = true
		}
		for _, outside := range []int32{-1, size} {
			if _, err := p.At(outside); !errors.Is(err, ErrRange) {
				t.Errorf("size %d: %d: %v, want ErrRange", size, outside, err)
			}
		}
	}
}

func TestPermutationHangsOnItsKey(t *testing.T) {
	const size = 1 << 20
	one, same, other := NewPermutation([32]byte{1}, size), NewPermutation([32]byte{1}, size), NewPermutation([32]byte{2}, size)
	var agree int
	for i := range int32(10_000) {
		a, errA := one.At(i)
		b, errB := same.At(i)
		c, errC := other.At(i)
		if err := errors.Join(errA, errB, errC); err != nil {
			t.Fatal(err)
		}
		if a != b {
			t.Fatalf("the same key sends %d to %d and to %d", i, a, b)
		}
		if a == c {
			agree++
		}
	}
	if agree > 5 {
		t.Errorf("two keys agree on %d of 10000", agree)
	}
}

// Numbers that follow one another go everywhere: each sixteenth of the range gets its share, to within five deviations.
func TestPermutationScattersNeighbours(t *testing.T) {
	const size, run, parts = 1 << 20, 4096, 16
	p := NewPermutation([32]byte{7}, size)
	var share [parts]int
	var up int
	var before int32
	for i := range int32(run) {
		to, err := p.At(i)
		if err != nil {
			t.Fatal(err)
		}
		share[to/(size/parts)]++
		if to > before {
			up++
		}
		before = to
	}
	for part, n := range share {
		if n < run/parts-78 || n > run/parts+78 {
			t.Errorf("part %d got %d of %d", part, n, run)
		}
	}
	if up < run/2-100 || up > run/2+100 {
		t.Errorf("%d of %d steps go up", up, run)
	}
}

func BenchmarkPermutation(b *testing.B) {
	p := NewPermutation([32]byte{1}, 1<<20)
	var i int32
	for b.Loop() {
		if _, err := p.At(i & (1<<20 - 1)); err != nil {
			b.Fatal(err)
		}
		i++
	}
}
