package statuslist

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/signet-auth/signet/internal/domain"
)

// The examples of §4.1 and §4.2.
var examples = map[string]struct {
	bits     int
	packed   []byte
	lst      string
	statuses []domain.TokenStatus
}{
	"one bit": {
		1, []byte{0xb9, 0xa3}, "eNrbuRgAAhcBXQ",
		[]domain.TokenStatus{1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1},
	},
	"two bits": {
		2, []byte{0xc9, 0x44, 0xf9}, "eNo76fITAAPfAgc",
		[]domain.TokenStatus{1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3},
	},
}

func statuses(tb testing.TB, l *List) []domain.TokenStatus {
	tb.Helper()
	all := make([]domain.TokenStatus, l.Size())
	for i := range all {
		var err error
		if all[i], err = l.Get(i); err != nil {
			tb.Fatal(err)
		}
	}
	return all
}

func TestExamplesOfTheStandardAreReadAndPacked(t *testing.T) {
	for name, e := range examples {
		t.Run(name, func(t *testing.T) {
			read, err := Decode(e.bits, e.lst, 100)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(e.statuses, statuses(t, read)); diff != "" {
				t.Error(diff)
			}
			made, err := New(e.bits, len(e.statuses))
			if err != nil {
				t.Fatal(err)
			}
			for i, status := range e.statuses {
				if err := made.Set(i, status); err != nil {
					t.Fatal(err)
				}
			}
			if !bytes.Equal(made.packed, e.packed) {
				t.Errorf("packed %x, want %x", made.packed, e.packed)
			}
		})
	}
}

func TestSetIsReadBackAndTouchesNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, model := draw(t)
		back, err := Decode(l.Bits(), l.Encode(), len(l.packed))
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range model {
			for _, list := range []*List{l, back} {
				if got, err := list.Get(i); err != nil || got != want {
					t.Fatalf("entry %d is %d, %v; want %d", i, got, err, want)
				}
			}
		}
	})
}

func TestRepackedListSaysTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, model := draw(t)
		bits := rapid.SampledFrom([]int{1, 2, 4, 8}).Draw(t, "new bits")
		fits := true
		for _, status := range model {
			fits = fits && int(status) < 1<<bits
		}
		repacked, err := l.Repack(bits)
		if !fits {
			if !errors.Is(err, ErrBits) {
				t.Fatalf("got %v, want ErrBits", err)
			}
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range model {
			if got, err := repacked.Get(i); err != nil || got != want {
				t.Fatalf("entry %d is %d, %v; want %d", i, got, err, want)
			}
		}
		if repacked.Bits() != bits || repacked.Size() != l.Size() {
			t.Fatalf("%d entries of %d bits", repacked.Size(), repacked.Bits())
		}
	})
}

// draw makes a list and, beside it, what it holds.
func draw(t *rapid.T) (*List, []domain.TokenStatus) {
	bits := rapid.SampledFrom([]int{1, 2, 4, 8}).Draw(t, "bits")
	size := rapid.IntRange(1, 300).Draw(t, "size")
	l, err := New(bits, size)
	if err != nil {
		t.Fatal(err)
	}
	model := make([]domain.TokenStatus, size)
	for range rapid.IntRange(0, 100).Draw(t, "changes") {
		i := rapid.IntRange(0, size-1).Draw(t, "entry")
		model[i] = domain.TokenStatus(rapid.IntRange(0, 1<<bits-1).Draw(t, "status"))
		if err := l.Set(i, model[i]); err != nil {
			t.Fatal(err)
		}
	}
	return l, model
}

func TestEntriesOutOfRangeAreRefused(t *testing.T) {
	for _, bits := range []int{1, 2, 4, 8} {
		l, err := New(bits, 5) // does not fill its bytes
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{-1, 5, 6, 8, 1 << 40} {
			if _, err := l.Get(i); !errors.Is(err, ErrRange) {
				t.Errorf("get %d of %d bits: %v, want ErrRange", i, bits, err)
			}
			if err := l.Set(i, domain.StatusInvalid); !errors.Is(err, ErrRange) {
				t.Errorf("set %d of %d bits: %v, want ErrRange", i, bits, err)
			}
		}
	}
}

func TestStatusThatDoesNotFitIsRefused(t *testing.T) {
	l, err := New(1, 8)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Set(0, domain.StatusSuspended); !errors.Is(err, ErrBits) {
		t.Errorf("got %v, want ErrBits", err)
	}
	for _, bits := range []int{-1, 0, 3, 16} {
		if _, err := New(bits, 8); !errors.Is(err, ErrBits) {
			t.Errorf("a list of %d bits: %v, want ErrBits", bits, err)
		}
		if _, err := Decode(bits, examples["one bit"].lst, 100); !errors.Is(err, ErrBits) {
			t.Errorf("decode %d bits: %v, want ErrBits", bits, err)
		}
	}
}

func TestDecodeRefusesWhatIsNoList(t *testing.T) {
	good := examples["one bit"].lst
	for name, lst := range map[string]string{
		"empty": "", "padded": good + "==", "not base64": "eN*", "not zlib": "AAAA", "cut off": good[:len(good)-4],
		"something behind": base64.RawURLEncoding.EncodeToString(append(compress(t, []byte{1}), 'x')),
	} {
		if _, err := Decode(1, lst, 100); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}

func TestDecodeStopsAtItsLimit(t *testing.T) {
	bomb := base64.RawURLEncoding.EncodeToString(compress(t, make([]byte, 10<<20)))
	if _, err := Decode(1, bomb, 1<<17); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	exact := base64.RawURLEncoding.EncodeToString(compress(t, make([]byte, 1<<17)))
	if l, err := Decode(1, exact, 1<<17); err != nil || l.Size() != 1<<20 {
		t.Errorf("a list of just that size: %v", err)
	}
}

func compress(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// hundredth is a million entries, a random hundredth of them invalid.
func hundredth(tb testing.TB) *List {
	tb.Helper()
	const size = 1 << 20
	l, err := New(1, size)
	if err != nil {
		tb.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, i := range random.Perm(size)[:size/100] {
		if err := l.Set(i, domain.StatusInvalid); err != nil {
			tb.Fatal(err)
		}
	}
	return l
}

func TestAMillionEntriesWithOneInAHundredInvalidTakeLessThan25kB(t *testing.T) {
	if n := base64.RawURLEncoding.DecodedLen(len(hundredth(t).Encode())); n > 25_000 {
		t.Errorf("%d bytes", n)
	}
}

// BenchmarkBuild makes such a list from its entries and encodes it.
func BenchmarkBuild(b *testing.B) {
	var invalid []int
	for i, status := range statuses(b, hundredth(b)) {
		if status == domain.StatusInvalid {
			invalid = append(invalid, i)
		}
	}
	var size int
	for b.Loop() {
		l, err := New(1, 1<<20)
		if err != nil {
			b.Fatal(err)
		}
		for _, i := range invalid {
			if err := l.Set(i, domain.StatusInvalid); err != nil {
				b.Fatal(err)
			}
		}
		size = base64.RawURLEncoding.DecodedLen(len(l.Encode()))
	}
	b.ReportMetric(float64(size), "zlib-bytes")
}

func BenchmarkRepack(b *testing.B) {
	l := hundredth(b)
	for b.Loop() {
		if _, err := l.Repack(2); err != nil {
			b.Fatal(err)
		}
	}
}
