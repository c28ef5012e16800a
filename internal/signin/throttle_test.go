package signin

import (
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
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

// from is an attempt in an unknown browser.
func from(name, address string) *attempt {
	return &attempt{name: name, address: netip.MustParseAddr(address)}
}

// begin decides on an attempt, which stays under way if it is let through.
func begin(throttle *throttle, a *attempt) (delay time.Duration, ok bool) {
	throttle.mu.Lock()
	defer throttle.mu.Unlock()
	v := throttle.decide(a)
	return v.delay, v.admitted
}

// fail is an attempt that fails if it is let through.
func fail(throttle *throttle, a *attempt) (delay time.Duration, ok bool) {
	if delay, ok = begin(throttle, a); ok {
		throttle.end(a, failed)
	}
	return delay, ok
}

// exhaust fails until it is refused, and says how often it was let through, the longest delay, and how long the wait is.
func exhaust(throttle *throttle, a *attempt) (n int, longest, wait time.Duration) {
	for n = range 1000 {
		delay, ok := fail(throttle, a)
		if !ok {
			return n, longest, delay
		}
		longest = max(longest, delay)
	}
	return 1000, longest, 0
}

// refused says how many of sum attempts are, where each fails.
func refused(throttle *throttle, sum int, nth func(n int) *attempt) (refused int) {
	for n := range sum {
		if _, ok := fail(throttle, nth(n)); !ok {
			refused++
		}
	}
	return refused
}

func TestOneNetworkIsSlowedDownForOneName(t *testing.T) {
	throttle, now := newTestThrottle(t)
	n, longest, wait := exhaust(throttle, from("alice", "192.0.2.1"))
	if n != perPair.burst+1 || longest != perPair.interval || wait <= 0 || wait > perPair.interval {
		t.Errorf("%d attempts, the last after %s, then a wait of %s", n, longest, wait)
	}
	if _, ok := fail(throttle, from("ALICE", "192.0.2.1")); ok {
		t.Error("another spelling of the name is let through")
	}
	if _, ok := fail(throttle, from("bob", "192.0.2.1")); !ok {
		t.Error("another name has to wait too")
	}
	*now = now.Add(wait)
	if _, ok := fail(throttle, from("alice", "192.0.2.1")); !ok {
		t.Error("after the wait that was named there is another")
	}
}

func TestRangesOfAddressesHaveLimitsOfTheirOwn(t *testing.T) {
	for name, c := range map[string]struct {
		limit   *limit
		address func(n int) string
	}{
		"one IPv4 address":        {perAddress, func(int) string { return "192.0.2.1" }},
		"an IPv4 /24":             {perSite, func(n int) string { return fmt.Sprintf("192.0.2.%d", n%256) }},
		"an IPv6 /64":             {perAddress, func(n int) string { return fmt.Sprintf("2001:db8::%x", n) }},
		"an IPv6 /56":             {perSubnet, func(n int) string { return fmt.Sprintf("2001:db8:0:%x::1", n%256) }},
		"an IPv6 /48":             {perSite, func(n int) string { return fmt.Sprintf("2001:db8:0:%x::1", n*7) }},
		"an IPv4 address in IPv6": {perAddress, func(int) string { return "::ffff:192.0.2.1" }},
	} {
		t.Run(name, func(t *testing.T) {
			throttle, _ := newTestThrottle(t)
			got := refused(throttle, 1000, func(n int) *attempt {
				remote := netip.AddrPortFrom(netip.MustParseAddr(c.address(n)), 1234).String()
				return &attempt{name: fmt.Sprintf("user%d", n), address: domain.RemoteAddr(remote)}
			})
			if got != 1000-c.limit.burst {
				t.Errorf("%d of 1000 refused, want %d", got, 1000-c.limit.burst)
			}
		})
	}
}

func TestSuccessesAreFree(t *testing.T) {
	throttle, now := newTestThrottle(t)
	for n := range 1000 { // an office behind one address, and one name that signs in in fresh browsers
		for _, a := range []*attempt{from(fmt.Sprintf("user%d", n), "192.0.2.1"), from("robot", "192.0.2.1")} {
			if delay, ok := begin(throttle, a); !ok || delay > 0 {
				t.Fatalf("sign-in %d of %s has to wait %s", n, a.name, delay)
			}
			*now = now.Add(time.Millisecond)
			throttle.end(a, succeeded)
		}
	}
}

func TestAttemptsUnderWayCountUntilTheySucceed(t *testing.T) {
	throttle, _ := newTestThrottle(t)
	n := 0
	for ; n < 1000; n++ {
		if _, ok := begin(throttle, from("alice", "192.0.2.1")); !ok {
			break
		}
	}
	if n != perPair.burst {
		t.Errorf("%d guesses at the same time", n)
	}
}

func TestStrangersCannotLockAPersonOut(t *testing.T) {
	throttle, _ := newTestThrottle(t)
	refused(throttle, 10*firstName.burst, func(n int) *attempt { return from("alice", fmt.Sprintf("192.0.%d.1", n%256)) })
	for _, browser := range []string{"one", "another"} {
		own := &attempt{name: "alice", address: netip.MustParseAddr("192.0.2.1"), browser: browser}
		if delay, ok := fail(throttle, own); !ok || delay > 0 {
			t.Errorf("alice has to wait %s at her own browser", delay)
		}
	}
}

func TestStrangersDoNotKeepAPersonOutOfANewBrowser(t *testing.T) {
	for name, address := range map[string]func(n int) string{
		"from one address":      func(int) string { return "192.0.2.1" },
		"from one /24":          func(n int) string { return fmt.Sprintf("192.0.2.%d", n%256) },
		"from many /24s":        func(n int) string { return fmt.Sprintf("198.18.%d.1", n%256) },
		"from many IPv6 /48s":   func(n int) string { return fmt.Sprintf("2001:db8:%x::1", n&0xffff) },
		"again from everywhere": func(n int) string { return fmt.Sprintf("%d.0.2.1", 1+n%200) },
	} {
		t.Run(name, func(t *testing.T) {
			throttle, now := newTestThrottle(t)
			for n := range 7200 {
				*now = now.Add(500 * time.Millisecond)
				fail(throttle, from("alice", address(n)))
				if n%1200 == 1199 {
					a := from("alice", "203.0.113.1")
					delay, ok := begin(throttle, a)
					if !ok || delay > namePatience {
						t.Fatalf("after %d guesses alice has to wait %s, let through: %v", n, delay, ok)
					}
					throttle.end(a, succeeded)
				}
			}
		})
	}
}

func TestNeighboursDoNotKeepAPersonOutOfANewBrowser(t *testing.T) {
	for name, address := range map[string]func(n int) string{
		"with one address": func(int) string { return "192.0.2.1" },
		"with many":        func(n int) string { return fmt.Sprintf("192.0.2.%d", n%256) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, own := range []string{"192.0.2.1", "192.0.2.99"} {
				throttle, now := newTestThrottle(t)
				refused(throttle, 10, func(n int) *attempt { return from("alice", address(n)) })
				a := from("alice", own)
				if delay, ok := begin(throttle, a); !ok {
					t.Errorf("after 10 guesses %s is refused for %s", own, delay)
				}
				throttle.end(a, noGuess)
				refused(throttle, 1000, func(n int) *attempt { return from("alice", address(n)) })
				waited, ok := begin(throttle, a)
				if !ok {
					*now = now.Add(waited)
					var delay time.Duration
					delay, ok = begin(throttle, a)
					waited += delay
				}
				if !ok || waited > 30*time.Second {
					t.Errorf("after 1000 guesses %s has to wait %s, let through: %v", own, waited, ok)
				}
			}
		})
	}
}

func TestTogetherStrangersAreSlowedDownForOneName(t *testing.T) {
	throttle, now := newTestThrottle(t)
	admitted := 0
	for second := range 3600 { // as many guesses as there may be, from everywhere, some anew and some again
		*now = now.Add(time.Second)
		admitted += 20 - refused(throttle, 20, func(n int) *attempt {
			if n%2 == 0 {
				return from("alice", fmt.Sprintf("%d.%d.2.1", 1+n, second%256))
			}
			return from("alice", fmt.Sprintf("%d.0.2.%d", 1+second%200, n))
		})
	}
	if most := 60*60 + 60; admitted > most {
		t.Errorf("%d guesses in an hour, want at most %d", admitted, most)
	}
}

func TestOneStrangerDoesNotUseUpTheName(t *testing.T) {
	throttle, _ := newTestThrottle(t)
	exhaust(throttle, from("alice", "192.0.2.1"))
	for range 10 * firstName.burst {
		fail(throttle, from("alice", "192.0.2.1"))
	}
	if delay, ok := fail(throttle, from("alice", "198.51.100.1")); !ok || delay > 0 {
		t.Errorf("alice has to wait %s at a new browser", delay)
	}
}

func TestMadeUpNamesDoNotMakeANameForgotten(t *testing.T) {
	throttle, _ := newTestThrottle(t)
	refused(throttle, 10*firstName.burst, func(n int) *attempt { return from("alice", fmt.Sprintf("%d.0.2.1", 1+n%180)) })
	for n := range throttleSize + perAddress.burst {
		fail(throttle, from(fmt.Sprintf("user%d", n), "198.51.100.1"))
	}
	for n := range throttleSize + 1 { // more networks than are remembered
		fail(throttle, from("alice", fmt.Sprintf("2001:db8:%x::1", n&0xffff)))
	}
	if _, ok := fail(throttle, from("alice", "203.0.113.1")); ok {
		t.Error("alice's bucket is empty again")
	}
	if n := throttle.buckets[firstName].Len(); n != 1+perAddress.burst {
		t.Errorf("there are buckets of %d names", n)
	}
}

func TestWhatOneBucketRefusesIsCountedInNoOther(t *testing.T) {
	throttle, now := newTestThrottle(t)
	refused(throttle, perAddress.burst, func(n int) *attempt { return from(fmt.Sprintf("user%d", n), "192.0.2.1") })
	if n, _, _ := exhaust(throttle, from("alice", "192.0.2.1")); n != 0 {
		t.Errorf("%d attempts of a network that has none left", n)
	}
	*now = now.Add(time.Duration(perPair.burst) * perAddress.interval)
	if n, _, _ := exhaust(throttle, from("alice", "192.0.2.1")); n != perPair.burst {
		t.Errorf("%d attempts, want %d", n, perPair.burst)
	}
}

func TestKnownBrowserIsSlowedDownTooByItsOwnFailuresAlone(t *testing.T) {
	throttle, _ := newTestThrottle(t)
	own := from("alice", "192.0.2.1")
	own.browser = "shared"
	if n, _, _ := exhaust(throttle, own); n != perKnown.burst {
		t.Errorf("%d attempts", n)
	}
	own.browser = "alice's"
	if delay, ok := fail(throttle, own); !ok || delay > 0 {
		t.Error("another browser of alice's has to wait", delay)
	}
}

func TestSuccessForgetsTheFailuresBefore(t *testing.T) {
	throttle, _ := newTestThrottle(t)
	a := from("alice", "192.0.2.1")
	for range perPair.burst - 1 {
		fail(throttle, a)
	}
	begin(throttle, a)
	throttle.end(a, succeeded)
	if n, _, _ := exhaust(throttle, a); n != perPair.burst+1 {
		t.Errorf("%d attempts after a success", n)
	}
}

func TestAClockThatIsSetBackCountsNothing(t *testing.T) {
	throttle, now := newTestThrottle(t)
	fail(throttle, from("alice", "192.0.2.1"))
	*now = now.Add(-time.Hour)
	if _, ok := fail(throttle, from("alice", "192.0.2.1")); !ok {
		t.Error("alice has to wait")
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
		if got := domain.Network(remote); got != want {
			t.Errorf("%s: %s, want %s", remote, got, want)
		}
	}
}

func TestAFailureKeepsNoneOfTheRequestInMemory(t *testing.T) {
	throttle, _ := newTestThrottle(t)
	used := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc) //nolint:gosec // it is not that large
	}
	before := used()
	const bodies = 1000
	for n := range bodies {
		body := fmt.Sprintf("username=user%03d&password=%s", n, strings.Repeat("x", 64<<10))
		fail(throttle, from(body[len("username="):][:len("user000")], fmt.Sprintf("192.0.%d.%d", n/250, n%250)))
	}
	if kept := used() - before; kept > bodies*(8<<10) {
		t.Errorf("%d bytes of each are kept", kept/bodies)
	}
	runtime.KeepAlive(throttle)
}
