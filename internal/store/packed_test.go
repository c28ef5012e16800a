package store

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
)

func TestStatusChangesAreReadAsTheyWerePacked(t *testing.T) {
	want := []domain.StatusChange{
		{Status: domain.StatusInvalid, Indexes: []int32{0, 1, 127, 128, 129, 1<<20 - 1, 1<<31 - 1}},
		{Status: domain.StatusSuspended, Indexes: []int32{5}},
		{Status: domain.StatusValid, Indexes: []int32{0}},
	}
	packed := packStatus(nil, domain.StatusInvalid, []int32{129, 1<<31 - 1, 1, 128, 127, 0, 1<<20 - 1})
	packed = packStatus(packed, domain.StatusSuspended, []int32{5})
	packed = packStatus(packed, domain.StatusValid, []int32{0})
	got, err := unpackStatus(packed)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	for n := range packed {
		cut, err := unpackStatus(packed[:n])
		if err == nil && len(cut) > 0 && !cmp.Equal(cut, want[:len(cut)]) {
			t.Errorf("the first %d bytes were read as %v", n, cut)
		}
	}
}

func FuzzUnpackStatus(f *testing.F) {
	f.Add([]byte{1, 3, 0, 1, 200, 1})
	f.Add([]byte{1, 255, 255, 255, 255, 255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, packed []byte) {
		changes, err := unpackStatus(packed)
		if err != nil {
			return
		}
		var again []byte
		for _, c := range changes {
			again = packStatus(again, c.Status, c.Indexes)
		}
		if got, err := unpackStatus(again); err != nil || !cmp.Equal(got, changes) {
			t.Errorf("%v was read, packed and read as %v, %v", changes, got, err)
		}
	})
}
