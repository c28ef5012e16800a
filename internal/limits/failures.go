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

	// Failures per second that a replica writes to the database (BurstSeconds of them at once). More count in its memory alone.
	sharedPerSecond = 10
)

// Failures bounds how often requests of an address may fail to authenticate: by client, and by address in all. nil has no limit.
//
// Successes are free. A client that has authenticated from an address has only its own failures there counted against it. One client gets
// half of its address's limit, so that a misconfigured one keeps out no other. A request with a code or token that was issued here, and
// without a secret, is no guess: only the failures of that token count.
type Failures struct {
	byClient, byAddress *Meter
	refused             func() // is called for each refusal; nil: nothing is
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
		byClient: NewMeter(max(1, perSecond/2)), byAddress: NewMeter(perSecond), refused: refused,
		shared: shared, written: NewMeter(sharedPerSecond), now: now,
	}
	return f
}

// Check refuses an attempt of a client to authenticate with a domain.WaitError, if too many have failed. issued is the code or token in it
// that this server issued; "" if there is none. exempt is asked only of an attempt that would be refused: it need not be.
func (f *Failures) Check(remote, client string, issued func() string, exempt func() bool) error {
	if f == nil || f.byAddress.table.Load() == nil { // nobody has failed
		return nil
	}
	now, name := f.now(), At(remote, client)
	if token := issued(); token != "" {
		return f.refuse(f.byClient.Check(Name{name.Network, token}, now))
	}
	err := f.byClient.Check(name, now)
	if err == nil && !f.isGood(name) {
		err = f.byAddress.Check(Name{Network: name.Network}, now)
	}
	if err == nil || exempt() {
		return nil
	}
	return f.refuse(err)
}

func (f *Failures) refuse(err error) error {
	if err != nil && f.refused != nil {
		f.refused()
	}
	return err
}

// Failed counts a failure to authenticate, at all replicas. client is a client_id, or the signature of a code or refresh token that was
// issued here.
func (f *Failures) Failed(ctx context.Context, remote, client string) {
	if f == nil {
		return
	}
	now, name := f.now(), At(remote, client)
	if f.byClient.Spend(name, 1, now) == nil {
		f.byAddress.Count(Name{Network: name.Network}, now)
	} else { // more than its half, which failed at the same time
		f.byClient.Count(name, now)
	}
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
	return f.refuse(f.byAddress.Spend(At(remote, ""), 1, f.now()))
}

// Succeeded notes that a client has authenticated by what only it has, or has presented a valid token that was issued to it.
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
