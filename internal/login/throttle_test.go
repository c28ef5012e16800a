package login

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"
)

func newTestThrottle(t *testing.T) (*throttle, *time.Time) {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	throttle, err := newThrottle(func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	return throttle, &now
}

// exhaust tries until it has to wait, and says how often it was let through and how long the wait is.
func exhaust(throttle *throttle, name, address string, known bool) (int, time.Duration) {
	for n := range 1000 {
		if wait := throttle.attempt(name, address, known); wait > 0 {
			return n, wait
		}
	}
	return 1000, 0
}

func TestOneNetworkIsSlowedDownForOneName(t *testing.T) {
	throttle, now := newTestThrottle(t)
	n, wait := exhaust(throttle, "alice", "192.0.2.1", false)
	if n != perPair.burst || wait != perPair.interval {
		t.Errorf("%d attempts, then a wait of %s", n, wait)
	}
	if wait := throttle.attempt("ALICE", "192.0.2.1", false); wait == 0 {
		t.Error("another spelling of the name is let through")
	}
	if wait := throttle.attempt("bob", "192.0.2.1", false); wait > 0 {
		t.Error("another name has to wait too")
	}
	*now = now.Add(wait)
	if wait := throttle.attempt("alice", "192.0.2.1", false); wait > 0 {
		t.Errorf("after the wait that was named there is another of %s", wait)
	}
}

func TestOneNetworkIsSlowedDownForManyNames(t *testing.T) {
	throttle, _ := newTestThrottle(t)
	refused := 0
	for n := range 2 * perAddress.burst {
		if throttle.attempt(fmt.Sprintf("user%d", n), "192.0.2.1", false) > 0 {
			refused++
		}
	}
	if refused != perAddress.burst {
		t.Errorf("%d of %d refused", refused, 2*perAddress.burst)
	}
}

func TestOneNameIsSlowedDownForManyNetworks(t *testing.T) {
	throttle, _ := newTestThrottle(t)
	refused := 0
	for n := range 2 * perName.burst {
		if throttle.attempt("alice", fmt.Sprintf("192.0.2.%d", n), false) > 0 {
			refused++
		}
	}
	if refused != perName.burst {
		t.Errorf("%d of %d refused", refused, 2*perName.burst)
	}
}

func TestStrangersCannotLockAPersonOut(t *testing.T) {
	throttle, _ := newTestThrottle(t)
	for n := range 10 * perName.burst {
		throttle.attempt("alice", fmt.Sprintf("192.0.2.%d", n), false)
	}
	if wait := throttle.attempt("alice", "198.51.100.1", true); wait > 0 {
		t.Errorf("alice has to wait %s at her own browser", wait)
	}
}

func TestOneStrangerDoesNotUseUpTheName(t *testing.T) {
	throttle, _ := newTestThrottle(t)
	exhaust(throttle, "alice", "192.0.2.1", false)
	for range 10 * perName.burst {
		throttle.attempt("alice", "192.0.2.1", false)
	}
	if wait := throttle.attempt("alice", "198.51.100.1", false); wait > 0 {
		t.Errorf("alice has to wait %s at a new browser", wait)
	}
}

func TestMadeUpNamesDoNotMakeANameForgotten(t *testing.T) {
	throttle, _ := newTestThrottle(t)
	for n := range perName.burst {
		throttle.attempt("alice", fmt.Sprintf("192.0.2.%d", n), false)
	}
	for n := range throttleSize + perAddress.burst {
		throttle.attempt(fmt.Sprintf("user%d", n), "198.51.100.1", false)
	}
	for n := range throttleSize + 1 { // more networks than are remembered
		throttle.attempt("alice", fmt.Sprintf("2001:db8:0:%x::/64", n), false)
	}
	if wait := throttle.attempt("alice", "203.0.113.1", false); wait == 0 {
		t.Error("alice's bucket is full again")
	}
	if n := throttle.buckets[perName].Len(); n != 1+perAddress.burst {
		t.Errorf("there are buckets of %d names", n)
	}
}

func TestWhatOneBucketRefusesIsCountedInNoOther(t *testing.T) {
	throttle, now := newTestThrottle(t)
	for n := range perAddress.burst {
		throttle.attempt(fmt.Sprintf("user%d", n), "192.0.2.1", false)
	}
	if n, _ := exhaust(throttle, "alice", "192.0.2.1", false); n != 0 {
		t.Errorf("%d attempts of a network that has none left", n)
	}
	*now = now.Add(time.Duration(perPair.burst) * perAddress.interval)
	if n, _ := exhaust(throttle, "alice", "192.0.2.1", false); n != perPair.burst {
		t.Errorf("%d attempts, want %d", n, perPair.burst)
	}
}

func TestKnownBrowserIsSlowedDownToo(t *testing.T) {
	throttle, _ := newTestThrottle(t)
	if n, _ := exhaust(throttle, "alice", "192.0.2.1", true); n != perKnown.burst {
		t.Errorf("%d attempts", n)
	}
}

func TestSuccessForgetsTheFailuresBefore(t *testing.T) {
	throttle, _ := newTestThrottle(t)
	exhaust(throttle, "alice", "192.0.2.1", false)
	throttle.forget("alice", "192.0.2.1", false)
	if wait := throttle.attempt("alice", "192.0.2.1", false); wait > 0 {
		t.Errorf("a wait of %s", wait)
	}
}

func TestAddressIsThatOfANetwork(t *testing.T) {
	for remote, want := range map[string]string{
		"192.0.2.1:1234":            "192.0.2.1",
		"[::ffff:192.0.2.1]:1234":   "192.0.2.1",
		"[2001:db8:1:2:3:4:5:6]:80": "2001:db8:1:2::/64",
		"[fe80::1%eth0]:80":         "fe80::/64",
		"@":                         "@",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = remote
		if got := address(r); got != want {
			t.Errorf("%s: %s, want %s", remote, got, want)
		}
	}
}
