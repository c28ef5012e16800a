package login

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

// limit is a bucket of attempts: it holds burst, and one more comes back every interval.
type limit struct {
	interval time.Duration
	burst    int
}

// How many sign-ins may be tried. A stranger can use up the name's bucket and so keep other strangers waiting, but
// not the person's own browser: one that the person signed in on before is counted by itself.
var (
	perAddress = limit{time.Second, 60}      // one network, whatever the name
	perName    = limit{6 * time.Second, 30}  // one name, from anywhere
	perPair    = limit{12 * time.Second, 10} // one name from one network, or from a browser it is known on
)

const throttleSize = 1 << 16 // buckets in memory; the least used are dropped

type bucketKey struct {
	kind    limit
	name    string
	address string
	known   bool
}

// throttle counts attempts to sign in, in this replica.
type throttle struct {
	buckets *lru.Cache[bucketKey, *rate.Limiter]
	now     func() time.Time
}

func newThrottle(now func() time.Time) (*throttle, error) {
	buckets, err := lru.New[bucketKey, *rate.Limiter](throttleSize)
	if err != nil {
		return nil, fmt.Errorf("make the sign-in throttle: %w", err)
	}
	return &throttle{buckets: buckets, now: now}, nil
}

// attempt counts one, and says how long to wait if that was too many. The narrowest bucket comes first: what it
// refuses is not counted against anybody else.
func (t *throttle) attempt(name, address string, known bool) time.Duration {
	now := t.now()
	for _, key := range keys(name, address, known) {
		reservation := t.bucket(key).ReserveN(now, 1)
		if wait := reservation.DelayFrom(now); wait > 0 {
			reservation.CancelAt(now)
			return wait
		}
	}
	return 0
}

// forget drops what a success proves harmless.
func (t *throttle) forget(name, address string, known bool) {
	for _, key := range keys(name, address, known) {
		if key.kind == perPair {
			t.buckets.Remove(key)
		}
	}
}

func keys(name, address string, known bool) []bucketKey {
	name = strings.ToLower(name[:min(len(name), 128)])
	if known {
		return []bucketKey{{kind: perPair, name: name, known: true}}
	}
	return []bucketKey{
		{kind: perPair, name: name, address: address},
		{kind: perAddress, address: address},
		{kind: perName, name: name},
	}
}

func (t *throttle) bucket(key bucketKey) *rate.Limiter {
	if bucket, ok := t.buckets.Get(key); ok {
		return bucket
	}
	bucket := rate.NewLimiter(rate.Every(key.kind.interval), key.kind.burst)
	if earlier, ok, _ := t.buckets.PeekOrAdd(key, bucket); ok {
		return earlier
	}
	return bucket
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
