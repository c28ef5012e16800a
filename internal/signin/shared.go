package signin

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/limits"
)

// Shared counts failures over all replicas. Its methods join the transaction that ctx carries.
type Shared interface {
	limits.Shared
	// Refund gives back one attempt in each limit.
	Refund(ctx context.Context, now time.Time, limits ...domain.Limit) error
	// Forget empties buckets.
	Forget(ctx context.Context, buckets ...string) error
}

// strangersPerSecond is how many attempts in unknown browsers a replica counts in the database, more than it can hash passwords for, so
// that a flood of attempts does not flood the database.
const strangersPerSecond = 50

// sharedName is how kinds of buckets are called there, the same at all replicas whatever their version.
var sharedName = map[*limit]string{
	perAddress: "address", perSubnet: "subnet", perSite: "site", perPair: "pair", perFirst: "first", firstRegion: "first region",
	firstName: "first name", laterSite: "later site", laterName: "later name", perKnown: "known",
}

// shared counts attempts that the throttle of this replica has admitted once more, in the database: by the same limits, of which each
// replica would otherwise allow as much again.
type shared struct {
	store        Shared // nil: there is one replica
	transactions Transactions
	key          []byte // hides what people typed
	strangers    *limits.Meter
	now          func() time.Time
	sleep        func(ctx context.Context, d time.Duration) error
}

func newShared(c Config) *shared {
	return &shared{
		store: c.Shared, transactions: c.Transactions, key: c.SharedKey, strangers: limits.NewMeter(strangersPerSecond), now: c.Now, sleep: sleep,
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return outOfTime(ctx)
	}
}

// admit counts an attempt as a failure, after a wait where that is no longer than a person has patience. It returns what it has counted. A
// domain.WaitError if too many have failed.
func (s *shared) admit(ctx context.Context, a *attempt) ([]bucketKey, error) {
	if s.store == nil {
		return nil, nil
	}
	if a.browser == "" && s.strangers.Spend(limits.Name{}, 1, s.now()) != nil {
		return nil, domain.ErrBusy
	}
	counted, err := s.count(ctx, a)
	if wait, tooMany := errors.AsType[*domain.WaitError](err); tooMany && wait.For <= namePatience {
		if err := s.sleep(ctx, wait.For); err != nil {
			return nil, err
		}
		counted, err = s.count(ctx, a)
	}
	return counted, err
}

// count counts an attempt in each of its buckets, or in none. Whether it is one of the first from its address, all replicas decide together.
func (s *shared) count(ctx context.Context, a *attempt) (counted []bucketKey, err error) {
	err = s.transactions.Tx(ctx, func(ctx context.Context) error {
		tried := *a
		if a.browser != "" {
			counted = tried.keys()
			return s.spend(ctx, counted...)
		}
		first := a.key(perFirst, 32, 64)
		err := s.spend(ctx, first)
		_, notFirst := errors.AsType[*domain.WaitError](err)
		if err != nil && !notFirst {
			return err
		}
		tried.first = !notFirst
		rest := slices.DeleteFunc(tried.keys(), func(key bucketKey) bool { return key == first })
		counted = rest
		if tried.first {
			counted = append([]bucketKey{first}, rest...) // in the order in which all transactions lock them
		}
		return s.spend(ctx, rest...)
	})
	if err != nil {
		return nil, err
	}
	return counted, nil
}

func (s *shared) spend(ctx context.Context, keys ...bucketKey) error {
	wait, err := s.store.Spend(ctx, s.now(), s.limits(keys)...)
	if errors.Is(err, domain.ErrBusy) && wait > 0 {
		return &domain.WaitError{For: wait}
	}
	return err
}

// end makes of an attempt that was counted as a failure what it was. It does so when its request has ended, too; a database that does not
// answer leaves it a failure.
func (s *shared) end(ctx context.Context, counted []bucketKey, as ending, log *slog.Logger) {
	if len(counted) == 0 || as == failed {
		return
	}
	var forget []string
	giveBack := counted
	if as == succeeded {
		madeUp := func(key bucketKey) bool { return slices.Contains(forgotten, key.kind) }
		for _, key := range counted {
			if madeUp(key) {
				forget = append(forget, s.bucket(key))
			}
		}
		giveBack = slices.DeleteFunc(slices.Clone(counted), madeUp)
	}
	err := s.transactions.Tx(context.WithoutCancel(ctx), func(ctx context.Context) error {
		return errors.Join(s.store.Forget(ctx, forget...), s.store.Refund(ctx, s.now(), s.limits(giveBack)...))
	})
	if err != nil {
		log.WarnContext(ctx, "a sign-in that did not fail stays counted as one that did", "error", err)
	}
}

func (s *shared) limits(keys []bucketKey) []domain.Limit {
	made := make([]domain.Limit, len(keys))
	for i, key := range keys {
		made[i] = domain.Limit{Bucket: s.bucket(key), Interval: key.kind.interval, Burst: key.kind.burst}
	}
	return made
}

// bucket names a bucket by a keyed hash: people type passwords where a name belongs.
func (s *shared) bucket(key bucketKey) string {
	mac := hmac.New(sha256.New, s.key)
	for _, part := range []string{sharedName[key.kind], key.name, key.network.String(), key.browser} {
		mac.Write([]byte(part))
		mac.Write([]byte{0})
	}
	return "sign-in " + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
