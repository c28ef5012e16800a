package statistics

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash/maphash"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	fetchSlots   = 1024
	fetchPace    = 5 * time.Second // a verifier that fetches more often is noted so often
	maxAgent     = 100             // bytes of a user agent
	verifierSize = 12              // bytes of a hash
)

// Fetches note who fetches the key set, and which one they hold. Their size is fixed: where there are more verifiers than slots, the one
// that was seen last stays. nil notes nothing.
type Fetches struct {
	seed  maphash.Seed
	slots [fetchSlots]atomic.Pointer[fetch]
	now   func() time.Time
}

// fetch is the last one of a verifier; it never changes.
type fetch struct {
	hash           uint64
	address, agent string
	etag           string
	confirmed      time.Time
	first, seen    time.Time
}

// NewFetches makes an empty Fetches.
func NewFetches(now func() time.Time) *Fetches {
	return &Fetches{seed: maphash.MakeSeed(), now: now}
}

// Record notes that a request is answered with the key set of an entity tag, which its sender holds already if that is confirmed.
func (f *Fetches) Record(r *http.Request, etag string, confirmed bool) {
	if f == nil {
		return
	}
	address := domain.RemoteAddr(r.RemoteAddr)
	agent := domain.ClipText(r.UserAgent(), maxAgent)
	hash := maphash.Comparable(f.seed, address) ^ maphash.String(f.seed, agent)
	now := f.now()
	slot, old := f.find(hash)
	known := old != nil && old.hash == hash
	same := known && old.etag == etag
	if same && (!confirmed || !old.confirmed.IsZero()) && now.Sub(old.seen) < fetchPace {
		return
	}
	made := &fetch{hash: hash, etag: etag, first: now, seen: now}
	if known {
		made.address, made.agent, made.first = old.address, old.agent, old.first
	} else {
		made.address, made.agent = address.String(), strings.Clone(agent)
	}
	if same {
		made.confirmed = old.confirmed
	}
	if confirmed && made.confirmed.IsZero() {
		made.confirmed = now
	}
	slot.CompareAndSwap(old, made) // who was quicker has noted as much
}

// find returns the slot of a verifier: one of two, the one that it has, or else the empty or older one.
func (f *Fetches) find(hash uint64) (*atomic.Pointer[fetch], *fetch) {
	one, two := &f.slots[hash%fetchSlots], &f.slots[hash>>32%fetchSlots]
	a, b := one.Load(), two.Load()
	switch {
	case a == nil || a.hash == hash:
		return one, a
	case b == nil || b.hash == hash || b.seen.Before(a.seen):
		return two, b
	}
	return one, a
}

// since returns those that were seen after a time, each once: requests at the same time may have noted one in two slots.
func (f *Fetches) since(after time.Time, key []byte) []domain.Verifier {
	seen := map[string]domain.Verifier{}
	for i := range f.slots {
		v := f.slots[i].Load()
		if v == nil || !v.seen.After(after) {
			continue
		}
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(v.address + "\x00" + v.agent))
		id := base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:verifierSize])
		if other, twice := seen[id]; !twice || other.SeenAt.Before(v.seen) {
			seen[id] = domain.Verifier{ID: id, Agent: v.agent, JWKS: v.etag, ConfirmedAt: v.confirmed, FirstSeenAt: v.first, SeenAt: v.seen}
		}
	}
	return slices.Collect(maps.Values(seen))
}
