package signin

import (
	"fmt"
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

// Limits of failed sign-ins; those that succeed are free. An attacker may have many addresses, and many people may share one, so each
// range of addresses has a limit of its own. A browser on which the user signed in before has one that others cannot use up.
//
// For a name, the first tries from an address are limited apart from later ones: guessing for long, or from few regions, does not lock
// the user out of a new browser. Together that allows 60 guesses a minute. Username and e-mail address count as two names, as a common
// limit would show that they belong to one user.
var (
	perAddress  = &limit{interval: time.Second, burst: 60}          // an IPv4 address or an IPv6 /64
	perSubnet   = &limit{interval: time.Second / 2, burst: 120}     // an IPv6 /56
	perSite     = &limit{interval: time.Second / 4, burst: 240}     // an IPv4 /24 or an IPv6 /48
	perPair     = &limit{6 * time.Second, 10, namePatience}         // one name from one address
	perFirst    = &limit{interval: 10 * time.Minute, burst: 2}      // one name from one address: which tries are first
	firstRegion = &limit{6 * time.Second, 10, namePatience}         // first tries for one name from an IPv4 /16 or an IPv6 /32
	firstName   = &limit{1500 * time.Millisecond, 20, namePatience} // first tries for one name, from anywhere
	laterSite   = &limit{6 * time.Second, 10, namePatience}         // other tries for one name from one site
	laterName   = &limit{3 * time.Second, 20, namePatience}         // other tries for one name, from anywhere
	perKnown    = &limit{interval: 12 * time.Second, burst: 10}     // one name from one browser that it is known on
	allLimits   = []*limit{perAddress, perSubnet, perSite, perPair, perFirst, firstRegion, firstName, laterSite, laterName, perKnown}
	forgotten   = []*limit{perPair, perFirst, laterSite, perKnown} // the failures that a success makes up for
)

const (
	namePatience = 8 * time.Second
	throttleSize = 1 << 16 // buckets of a kind in memory; the least used are dropped
)

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
	first   bool   // whether it counts as one of the first of its address; set when it is decided on
}

// verdict is on an attempt: it is admitted after a delay, refused until then, or undecided while others are under way.
type verdict struct {
	admitted, undecided bool
	delay               time.Duration
}

// decide counts an attempt if it is admitted. A refused one is counted nowhere and makes no bucket, so that invented names push out no
// real ones.
func (t *throttle) decide(a *attempt) verdict {
	a.first = t.hasRoom(a.key(perFirst, 32, 64))
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

func (t *throttle) hasRoom(key bucketKey) bool {
	b, found := t.buckets[key.kind].Get(key)
	if found {
		b.drain(t.now(), key.kind)
	}
	return !found || b.level+1 <= float64(key.kind.burst)
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
func (t *throttle) end(a *attempt, as ending) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, key := range a.keys() {
		b, found := t.buckets[key.kind].Get(key)
		if !found {
			continue
		}
		b.underWay = max(0, b.underWay-1)
		switch {
		case as == succeeded && slices.Contains(forgotten, key.kind):
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

// keys names the buckets that count an attempt, the narrowest first.
func (a *attempt) keys() []bucketKey {
	if a.browser != "" {
		return []bucketKey{{kind: perKnown, name: a.bucketName(), browser: a.browser}}
	}
	keys := []bucketKey{a.key(perPair, 32, 64)}
	if a.first {
		keys = append(keys, a.key(perFirst, 32, 64), a.key(firstRegion, 16, 32), a.key(firstName, 0, 0))
	} else {
		keys = append(keys, a.key(laterSite, 24, 48), a.key(laterName, 0, 0))
	}
	ranges := []bucketKey{{kind: perAddress, network: a.network(32, 64)}, {kind: perSite, network: a.site()}}
	if a.address.Is6() {
		ranges = append(ranges, bucketKey{kind: perSubnet, network: a.network(0, 56)})
	}
	return append(keys, ranges...)
}

// key names the bucket of the name and a network; of no network if the bits are 0.
func (a *attempt) key(kind *limit, bits4, bits6 int) bucketKey {
	key := bucketKey{kind: kind, name: a.bucketName()}
	if bits4 > 0 {
		key.network = a.network(bits4, bits6)
	}
	return key
}

// bucketName is a copy: the name is a part of the request's body, with the password, and would keep all of it in memory.
func (a *attempt) bucketName() string {
	return strings.Clone(strings.ToLower(a.name[:min(len(a.name), 256)]))
}

// site is the IPv4 /24 or IPv6 /48.
func (a *attempt) site() netip.Prefix { return a.network(24, 48) }

// network is the one of the address, which is so long for IPv4, or IPv6. No address at all is a network too.
func (a *attempt) network(bits4, bits6 int) netip.Prefix {
	bits := bits4
	if a.address.Is6() {
		bits = bits6
	}
	network, _ := a.address.Prefix(bits)
	return network
}
