// Package limits bounds how often somebody asks for something at this replica. What it counts takes memory of a fixed size, however many
// there are: nobody is dropped to make room for others.
package limits

import (
	"hash/maphash"
	"math/bits"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	rows    = 4
	cells   = 1 << 14 // of a row
	stripes = 64

	// BurstSeconds is for how many seconds of its rate a limit lets somebody through at once.
	BurstSeconds = 10

	maxDebt = time.Minute // that somebody has to wait for what was counted beyond that
)

// Name is who is counted: a network, a client or user, or such a one in a network.
type Name struct {
	Network netip.Prefix
	Who     string
}

// At names somebody in the network of a remote address. Requests without an address share one.
func At(remote, who string) Name { return Name{domain.NetworkPrefix(remote), who} }

func (n Name) hash(seed maphash.Seed) uint64 {
	hash := maphash.String(seed, n.Who)
	if n.Network.IsValid() {
		address := n.Network.Addr().As16()
		hash ^= bits.RotateLeft64(maphash.Bytes(seed, address[:]), 32)
	}
	return hash * 0x9e3779b97f4a7c15 // spreads what was rotated
}

// Meter limits what each name does per second, with a burst of BurstSeconds. nil has no limit.
//
// It is a count-min sketch of leaky buckets: a name has one cell in each row, with the time at which its bucket is empty, and the earliest
// counts. Names that share a cell only make it later, so a flood of names frees none. A name is limited too early if busy names share all
// four of its cells: rare until some 10,000 names are at their limit at once.
type Meter struct {
	Refused func() // is called for each refusal; nil: nothing is

	every time.Duration // in which one drains
	ahead time.Duration // how far a bucket may fill

	seed    maphash.Seed
	table   atomic.Pointer[table] // nil: nothing was counted yet
	stripes [stripes]sync.Mutex   // by name
}

// table says until when what names did has drained, in nanoseconds since it began: a clock that is set back would keep all waiting that are
// counted.
type table struct {
	began time.Time
	cells [rows][cells]atomic.Int64
}

func (t *table) at(now time.Time) int64 { return int64(now.Sub(t.began)) }

// NewMeter makes one; nil for no limit, if perSecond is 0.
func NewMeter(perSecond int) *Meter {
	if perSecond <= 0 {
		return nil
	}
	return &Meter{every: time.Second / time.Duration(perSecond), ahead: BurstSeconds * time.Second, seed: maphash.MakeSeed()}
}

// Spend counts what costs so much, or refuses it with a domain.WaitError.
func (m *Meter) Spend(name Name, cost int, now time.Time) error {
	if m == nil {
		return nil
	}
	hash := name.hash(m.seed)
	stripe := &m.stripes[hash>>58] // bits that no row uses
	stripe.Lock()
	defer stripe.Unlock()
	t := m.begun(now)
	at := t.at(now)
	full := max(t.level(hash), at) + int64(cost)*int64(m.every)
	if over := full - at - int64(m.ahead); over > 0 {
		return m.refuse(over)
	}
	t.raise(hash, full)
	return nil
}

// Check refuses a name of which nothing more would be counted, and counts nothing.
func (m *Meter) Check(name Name, now time.Time) error {
	if m == nil {
		return nil
	}
	t := m.table.Load()
	if t == nil {
		return nil
	}
	over := t.level(name.hash(m.seed)) + int64(m.every) - t.at(now) - int64(m.ahead)
	if over > 0 {
		return m.refuse(over)
	}
	return nil
}

// Count never refuses. Concurrent requests may exceed the limit; the excess is waited for later, up to maxDebt.
func (m *Meter) Count(name Name, now time.Time) {
	if m == nil {
		return
	}
	hash := name.hash(m.seed)
	stripe := &m.stripes[hash>>58]
	stripe.Lock()
	defer stripe.Unlock()
	t := m.begun(now)
	at := t.at(now)
	t.raise(hash, min(max(t.level(hash), at)+int64(m.every), at+int64(m.ahead)+int64(maxDebt)))
}

// Fill refuses a name for as long as wait says from now on.
func (m *Meter) Fill(name Name, wait time.Duration, now time.Time) {
	if m != nil {
		t := m.begun(now)
		t.raise(name.hash(m.seed), t.at(now)+int64(m.ahead)-int64(m.every)+int64(wait))
	}
}

func (m *Meter) refuse(over int64) error {
	if m.Refused != nil {
		m.Refused()
	}
	return &domain.WaitError{For: time.Duration(over)}
}

// begun is the table, which begins now if there is none.
func (m *Meter) begun(now time.Time) *table {
	if m.table.Load() == nil {
		m.table.CompareAndSwap(nil, &table{began: now})
	}
	return m.table.Load()
}

// level is until when what a name did has drained.
func (t *table) level(hash uint64) int64 {
	least := t.cells[0][cell(hash, 0)].Load()
	for row := 1; row < rows; row++ {
		least = min(least, t.cells[row][cell(hash, row)].Load())
	}
	return least
}

// raise sets the cells of a name to a level, but lowers none.
func (t *table) raise(hash uint64, level int64) {
	for row := range rows {
		c := &t.cells[row][cell(hash, row)]
		for was := c.Load(); was < level && !c.CompareAndSwap(was, level); was = c.Load() {
		}
	}
}

// cell takes 14 bits of a hash for each row.
func cell(hash uint64, row int) uint64 { return hash >> (14 * row) & (cells - 1) }
