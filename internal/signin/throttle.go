package signin

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// limit is a kind of bucket: it holds burst failures, and one drains every interval. Where one more does not fit, it is refused,
// or, by a limit that has patience, waits until it fits, if that is not longer.
type limit struct {
	interval time.Duration
	burst    int
	patience time.Duration
}

// How many sign-ins may fail; those that succeed are free. Many people behind one address are no attack, and one attacker may have
// many addresses, so each range has a limit of its own. Strangers use up no limit of a browser that the person has signed in on
// before, and together only slow each other down for a name: at 30 guesses a minute for alice, alice gets in at a new browser.
var (
	perAddress = &limit{interval: time.Second, burst: 60}      // an IPv4 address or an IPv6 /64
	perSubnet  = &limit{interval: time.Second / 2, burst: 120} // an IPv6 /56
	perSite    = &limit{interval: time.Second / 4, burst: 240} // an IPv4 /24 or an IPv6 /48
	perName    = &limit{2 * time.Second, 30, 8 * time.Second}  // one name, from anywhere
	perPair    = &limit{interval: 12 * time.Second, burst: 10} // one name from one site
	perKnown   = &limit{interval: 12 * time.Second, burst: 10} // one name from one browser that it is known on
	allLimits  = []*limit{perAddress, perSubnet, perSite, perName, perPair, perKnown}
)

const throttleSize = 1 << 16 // buckets of a kind in memory; the least used are dropped

type bucketKey struct {
	kind    *limit
	name    string
	network netip.Prefix
	browser string
}

// bucket counts failures, and attempts under way.
type bucket struct {
	level float64
	at    time.Time // as of when
}

// throttle counts failures to sign in, in this replica.
type throttle struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[*limit]*simplelru.LRU[bucketKey, *bucket] // by kind: many of one push out none of another
}

func newThrottle(now func() time.Time) (*throttle, error) {
	t := &throttle{now: now, buckets: map[*limit]*simplelru.LRU[bucketKey, *bucket]{}}
	for _, kind := range allLimits {
		buckets, err := simplelru.NewLRU[bucketKey, *bucket](throttleSize, nil)
		if err != nil {
			return nil, fmt.Errorf("make the sign-in throttle: %w", err)
		}
		t.buckets[kind] = buckets
	}
	return t, nil
}

// attempt is a sign-in that is tried: for a name, from an address, in a browser.
type attempt struct {
	name    string
	address netip.Addr
	browser string // that the name has signed in on before, empty: none such
}

// admit counts an attempt, and says after which delay it may go on; or not ok, when to come again. What one bucket refuses is counted
// in no other, and makes none: else whoever makes names up could push out the buckets of real ones.
func (t *throttle) admit(a attempt) (delay time.Duration, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	ok = true
	var refused time.Duration
	for _, key := range a.keys() {
		if b, found := t.buckets[key.kind].Get(key); found {
			b.drain(t.now(), key.kind)
			wait := time.Duration((b.level + 1 - float64(key.kind.burst)) * float64(key.kind.interval))
			if wait > key.kind.patience {
				refused, ok = max(refused, wait-key.kind.patience), false
			} else {
				delay = max(delay, wait)
			}
		}
	}
	if !ok {
		return refused, false
	}
	for _, key := range a.keys() {
		b, found := t.buckets[key.kind].Get(key)
		if !found {
			b = &bucket{at: t.now()}
			t.buckets[key.kind].Add(key, b)
		}
		b.level++
	}
	return delay, true
}

// forgive takes an attempt back that was no guess: it succeeded, or nothing was tried.
func (t *throttle) forgive(a attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range a.keys() {
		if b, found := t.buckets[key.kind].Get(key); found {
			b.level = max(0, b.level-1)
		}
	}
}

// forget drops the failures of the person whose attempt succeeded.
func (t *throttle) forget(a attempt) {
	t.forgive(a)
	t.mu.Lock()
	defer t.mu.Unlock()
	narrowest := a.keys()[0]
	t.buckets[narrowest.kind].Remove(narrowest)
}

func (b *bucket) drain(now time.Time, kind *limit) {
	b.level = max(0, b.level-float64(max(0, now.Sub(b.at)))/float64(kind.interval))
	b.at = now
}

// keys names the buckets that count an attempt, the narrowest first.
func (a attempt) keys() []bucketKey {
	name := strings.ToLower(a.name[:min(len(a.name), 256)])
	if a.browser != "" {
		return []bucketKey{{kind: perKnown, name: name, browser: a.browser}}
	}
	bits := []int{32, 24}
	kinds := []*limit{perAddress, perSite}
	if a.address.Is6() {
		bits = []int{64, 56, 48}
		kinds = []*limit{perAddress, perSubnet, perSite}
	}
	var ranges []bucketKey
	for i, kind := range kinds {
		network, _ := a.address.Prefix(bits[i]) // no address at all is a network too
		ranges = append(ranges, bucketKey{kind: kind, network: network})
	}
	pair := bucketKey{kind: perPair, name: name, network: ranges[len(ranges)-1].network}
	return append([]bucketKey{pair, {kind: perName, name: name}}, ranges...)
}

// remoteAddr is the address in what a server calls the remote address of a request; the zero Addr if there is none.
func remoteAddr(remote string) netip.Addr {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap().WithZone("")
}

// address is what is noted of where a request comes from: an IPv4 address, or the /64 of an IPv6 address, of which one person has
// many.
func address(remote string) string {
	addr := remoteAddr(remote)
	switch {
	case !addr.IsValid():
		return remote
	case addr.Is6():
		return netip.PrefixFrom(addr, 64).Masked().String()
	}
	return addr.String()
}
