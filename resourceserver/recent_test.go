package resourceserver

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatIsKeptLongestIsForgottenFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecent[string, int](3)
		want := func(keys ...string) {
			t.Helper()
			for _, key := range []string{"a", "b", "c", "d", "e"} {
				wanted := false
				for _, k := range keys {
					wanted = wanted || k == key
				}
				if _, has := r.get(key); has != wanted {
					t.Errorf("%s: %v, want %v", key, has, keys)
				}
			}
			if r.len() != len(keys) || r.order.Len() != len(keys) {
				t.Errorf("%d are kept, want %v", r.len(), keys)
			}
		}
		for n, key := range []string{"a", "b", "c"} {
			r.put(key, n)
		}
		r.put("a", 7) // it is the newest now
		r.put("d", 3)
		want("a", "c", "d")
		if n, _ := r.get("a"); n != 7 {
			t.Errorf("a is %d", n)
		}
		time.Sleep(memory)
		r.put("e", 4)
		want("e")
	})
}
