package registration

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"
)

const (
	fetchesPerMinute        = 60 // of metadata documents, in all; of new ones and of registered clients', each
	fetchesPerHost          = 10
	registrationsPerHour    = 600 // at the registration endpoint, in all
	registrationsPerAddress = 20
)

// limits bound how often this replica does something, in all and for each name.
type limits struct {
	all   *rate.Limiter
	each  int
	every time.Duration
	names *lru.Cache[string, *rate.Limiter]
}

func newLimits(all, each int, in time.Duration) *limits {
	return &limits{limiter(all, in), each, in, newLRU[string, *rate.Limiter]()}
}

func limiter(n int, in time.Duration) *rate.Limiter {
	return rate.NewLimiter(rate.Every(in/time.Duration(n)), n)
}

func (l *limits) allow(name string, now time.Time) bool {
	of, ok := l.names.Get(name)
	if !ok {
		of = limiter(l.each, l.every)
		if other, had, _ := l.names.PeekOrAdd(name, of); had {
			of = other
		}
	}
	return of.AllowN(now, 1) && l.all.AllowN(now, 1)
}
