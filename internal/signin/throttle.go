package signin

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
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
	level    float64
	underWay int       // how many of the level
	at       time.Time // as of when
}

// throttle counts failures to sign in, in this replica.
type throttle struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[*limit]*simplelru.LRU[bucketKey, *bucket] // by kind: many of one push out none of another
	waiting []*waiter                                     // for attempts under way, in order
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

// verdict is on an attempt: it is admitted after a delay, refused until then, or undecided while others are under way.
type verdict struct {
	admitted, undecided bool
	delay               time.Duration
}

// decide counts an attempt if it is admitted. What one bucket does not admit is counted in no other, and makes none: else whoever
// makes names up could push out the buckets of real ones.
func (t *throttle) decide(a attempt) verdict {
	var delay, refused time.Duration
	undecided := false
	for _, key := range a.keys() {
		b, found := t.buckets[key.kind].Get(key)
		if !found {
			continue
		}
		b.drain(t.now(), key.kind)
		over := b.level + 1 - float64(key.kind.burst)
		wait := time.Duration(over * float64(key.kind.interval))
		switch {
		case over > 0 && over <= float64(b.underWay): // it fits if they succeed
			undecided = true
		case wait > key.kind.patience:
			refused = max(refused, wait-key.kind.patience)
		default:
			delay = max(delay, wait)
		}
	}
	switch {
	case refused > 0:
		return verdict{delay: refused}
	case undecided:
		return verdict{undecided: true}
	}
	for _, key := range a.keys() {
		b, found := t.buckets[key.kind].Get(key)
		if !found {
			b = &bucket{at: t.now()}
			t.buckets[key.kind].Add(key, b)
		}
		b.level++
		b.underWay++
	}
	return verdict{admitted: true, delay: delay}
}

// How an attempt ends. It has failed, was no guess, as nothing was tried or another step comes next, or has succeeded, which also
// drops the failures of the person before it.
type ending int

const (
	failed ending = iota
	noGuess
	succeeded
)

// end counts an attempt that was admitted as what it was, and decides on those that wait.
func (t *throttle) end(a attempt, as ending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, key := range a.keys() {
		b, found := t.buckets[key.kind].Get(key)
		if !found {
			continue
		}
		b.underWay = max(0, b.underWay-1)
		switch {
		case as == succeeded && i == 0:
			b.level = min(b.level, float64(b.underWay))
		case as != failed:
			b.level = max(0, b.level-1)
		}
	}
	t.waiting = slices.DeleteFunc(t.waiting, func(w *waiter) bool {
		v := t.decide(w.attempt)
		if !v.undecided {
			w.decided <- v
		}
		return !v.undecided
	})
}

func (b *bucket) drain(now time.Time, kind *limit) {
	b.level = max(0, b.level-float64(max(0, now.Sub(b.at)))/float64(kind.interval))
	b.at = now
}

// site is the widest network of the address that has a limit.
func (a attempt) site() netip.Prefix {
	bits := 24
	if a.address.Is6() {
		bits = 48
	}
	site, _ := a.address.Prefix(bits) // no address at all is a network too
	return site
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
