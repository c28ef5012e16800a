package limits

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"sync/atomic"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Shared counts over all replicas.
type Shared interface {
	// Spend counts one attempt in each limit, or in none: ErrBusy, and how long to wait, if it does not fit into one.
	Spend(ctx context.Context, now time.Time, limits ...domain.Limit) (wait time.Duration, err error)
}

const (
	goodCells = 1 << 12 // by the first bits of a hash

	// At most so many failures a second does a replica count in the database, and those of BurstSeconds at once: more are counted in its
	// memory alone, so that a flood of them is none of writes.
	sharedPerSecond = 10
)

// Failures bounds how often requests of an address may fail to say who sends them, by client, and by address in all. nil has no limit.
//
// What succeeds is free. A client that has authenticated from an address is held to its own failures there, not to those of others behind
// the same address. One client has half of what there is for its address, so that one that is set up wrongly keeps out no other.
type Failures struct {
	byClient, byAddress *Meter
	shared              Shared // of clients that fail to authenticate
	written             *Meter // what is counted there
	now                 func() time.Time
	good                [goodCells]atomic.Uint64 // hashes of clients and where they authenticated
}

func newFailures(perSecond int, shared Shared, now func() time.Time, refused func()) *Failures {
	if perSecond <= 0 {
		return nil
	}
	f := &Failures{
		byClient: NewMeter(max(1, perSecond/2)), byAddress: NewMeter(perSecond), shared: shared, written: NewMeter(sharedPerSecond), now: now,
	}
	f.byClient.Refused, f.byAddress.Refused = refused, refused
	return f
}

// Check refuses an attempt of a client to authenticate with a domain.WaitError, if too many have failed.
func (f *Failures) Check(remote, client string) error {
	if f == nil || f.byAddress.table.Load() == nil { // nobody has failed
		return nil
	}
	now, name := f.now(), At(remote, client)
	if err := f.byClient.Check(name, now); err != nil {
		return err
	}
	if f.isGood(name) {
		return nil
	}
	return f.byAddress.Check(Name{Network: name.Network}, now)
}

// Failed counts that a client did not authenticate, at all replicas.
func (f *Failures) Failed(ctx context.Context, remote, client string) {
	if f == nil {
		return
	}
	now, name := f.now(), At(remote, client)
	_ = f.byAddress.Spend(Name{Network: name.Network}, 1, now) // the next one is refused
	_ = f.byClient.Spend(name, 1, now)
	if f.shared == nil || f.written.Spend(Name{}, 1, now) != nil {
		return
	}
	sum := sha256.Sum256([]byte(name.Network.String() + "\x00" + client))
	wait, err := f.shared.Spend(ctx, now, domain.Limit{
		Bucket:   "client failures " + base64.RawURLEncoding.EncodeToString(sum[:]),
		Interval: f.byClient.every, Burst: int(f.byClient.ahead / f.byClient.every),
	})
	if errors.Is(err, domain.ErrBusy) && wait > 0 {
		f.byClient.Fill(name, wait, now)
	}
}

// Unknown counts a request that presents what nobody has, such as an access token that is not valid. A domain.WaitError if there were too
// many of its address.
func (f *Failures) Unknown(remote string) error {
	if f == nil {
		return nil
	}
	return f.byAddress.Spend(At(remote, ""), 1, f.now())
}

// Succeeded notes that a client has authenticated by what only it has.
func (f *Failures) Succeeded(remote, client string) {
	if f == nil {
		return
	}
	hash := f.hash(At(remote, client))
	if c := &f.good[hash>>52]; c.Load() != hash {
		c.Store(hash)
	}
}

func (f *Failures) isGood(name Name) bool {
	hash := f.hash(name)
	return f.good[hash>>52].Load() == hash
}

func (f *Failures) hash(name Name) uint64 { return name.hash(f.byClient.seed) | 1 }
