package statuslist

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"errors"
	"testing"
)

// compressed is data as the claim "lst" has it.
func compressed(tb testing.TB, data []byte) string {
	tb.Helper()
	var b bytes.Buffer
	w, err := zlib.NewWriterLevel(&b, zlib.BestCompression)
	if err == nil {
		_, err = w.Write(data)
	}
	if err = errors.Join(err, w.Close()); err != nil {
		tb.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(b.Bytes())
}

// What is decoded has no more bytes than it may, is all entries, and is the same once it was packed again.
func FuzzDecode(f *testing.F) {
	const limit = 1 << 12
	for _, e := range examples {
		f.Add(e.bits, e.lst)
	}
	for _, size := range []int{0, 1, limit - 1, limit, limit + 1, 16 << 20} { // the last is a bomb
		f.Add(8, compressed(f, make([]byte, size)))
	}
	f.Add(3, "eNrbuRgAAhcBXQ")
	f.Add(1, "eNrbuRgAAhcBXQ==")
	f.Add(1, "eNrbuRgAAhcBXR")   // bits after the last byte
	f.Add(1, "eNrbuRgAAhcBXQAA") // something follows
	f.Add(1, "eNrbuRgAAhcBXA")   // another checksum
	f.Add(-1, "")
	f.Fuzz(func(t *testing.T, bits int, lst string) {
		l, err := Decode(bits, lst, limit)
		if err != nil {
			return
		}
		if l.Size() > 8*limit/bits || l.Size()*bits%8 != 0 || l.Bits() != bits {
			t.Fatalf("%d entries of %d bits", l.Size(), l.Bits())
		}
		for _, i := range []int{-1, l.Size()} {
			if _, err := l.Get(i); !errors.Is(err, ErrRange) {
				t.Errorf("entry %d of %d: %v", i, l.Size(), err)
			}
		}
		again, err := Decode(bits, l.Encode(), limit)
		if err != nil || !bytes.Equal(again.packed, l.packed) {
			t.Fatalf("packed again it is read as %v, %v", again, err)
		}
		for i := range l.Size() {
			if status, err := l.Get(i); err != nil || byte(status) > l.mask() {
				t.Fatalf("entry %d is %d, %v", i, status, err)
			}
		}
	})
}
