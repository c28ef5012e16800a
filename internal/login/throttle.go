package login

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"
)

// limit is a kind of bucket: it holds burst attempts, and one more comes back every interval.
type limit struct {
	interval time.Duration
	burst    int
}

// How many sign-ins may be tried. A stranger can use up the name's bucket and so keep other strangers waiting, but
// not the person's own browser: one that the person signed in on before is counted by itself.
var (
	perAddress = &limit{time.Second, 60}      // one network, whatever the name
	perName    = &limit{6 * time.Second, 30}  // one name, from anywhere
	perPair    = &limit{12 * time.Second, 10} // one name from one network
	perKnown   = &limit{12 * time.Second, 10} // one name from browsers it is known on
)

const throttleSize = 1 << 16 // buckets of a kind in memory; the least used are dropped

type bucketKey struct {
	kind    *limit
	name    string
	address string
}

// throttle counts attempts to sign in, in this replica.
type throttle struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[*limit]*simplelru.LRU[bucketKey, *rate.Limiter] // by kind: many of one push out none of another
}

func newThrottle(now func() time.Time) (*throttle, error) {
	t := &throttle{now: now, buckets: map[*limit]*simplelru.LRU[bucketKey, *rate.Limiter]{}}
	for _, kind := range []*limit{perAddress, perName, perPair, perKnown} {
		buckets, err := simplelru.NewLRU[bucketKey, *rate.Limiter](throttleSize, nil)
		if err != nil {
			return nil, fmt.Errorf("make the sign-in throttle: %w", err)
		}
		t.buckets[kind] = buckets
	}
	return t, nil
}

// attempt counts one, and says how long to wait if that was too many. What one bucket refuses is counted in no other,
// and makes none: else whoever makes names up could push out the buckets of real ones.
func (t *throttle) attempt(name, address string, known bool) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	var wait time.Duration
	for _, key := range keys(name, address, known) {
		if bucket, ok := t.buckets[key.kind].Get(key); ok {
			reservation := bucket.ReserveN(now, 1)
			wait = max(wait, reservation.DelayFrom(now))
			reservation.CancelAt(now)
		}
	}
	if wait > 0 {
		return wait
	}
	for _, key := range keys(name, address, known) {
		bucket, ok := t.buckets[key.kind].Get(key)
		if !ok {
			bucket = rate.NewLimiter(rate.Every(key.kind.interval), key.kind.burst)
			t.buckets[key.kind].Add(key, bucket)
		}
		bucket.AllowN(now, 1)
	}
	return 0
}

// forget drops what a success proves harmless.
func (t *throttle) forget(name, address string, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	narrowest := keys(name, address, known)[0]
	t.buckets[narrowest.kind].Remove(narrowest)
}

// keys names the buckets that count an attempt, the narrowest first.
func keys(name, address string, known bool) []bucketKey {
	name = strings.ToLower(name[:min(len(name), 128)])
	if known {
		return []bucketKey{{kind: perKnown, name: name}}
	}
	return []bucketKey{
		{kind: perPair, name: name, address: address},
		{kind: perAddress, address: address},
		{kind: perName, name: name},
	}
}

// address is the request's network: an IPv4 address, or the /64 of an IPv6 address, of which one person has many.
func address(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if ip = ip.Unmap().WithZone(""); ip.Is6() {
		return netip.PrefixFrom(ip, 64).Masked().String()
	}
	return ip.String()
}
