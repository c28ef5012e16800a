package adminapi

import (
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/hashicorp/golang-lru/v2/simplelru"
	"golang.org/x/time/rate"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/event"
)

const (
	limitSeconds   = 10   // of requests that may be sent at once
	limitedCallers = 1000 // that are kept; the longest idle ones are dropped
)

// limits bounds how many requests each caller sends in a time, at this server.
type limits struct {
	perSecond int // 0: as many as they like

	mu      sync.Mutex
	callers *simplelru.LRU[callerName, *rate.Limiter]
}

type callerName struct {
	actor  event.Actor
	client string
}

func newLimits(perSecond int) *limits {
	callers, err := simplelru.NewLRU[callerName, *rate.Limiter](limitedCallers, nil)
	if err != nil {
		panic(err) // the size is positive
	}
	return &limits{perSecond: perSecond, callers: callers}
}

// allow counts a request, unless the caller has sent too many.
func (l *limits) allow(name callerName, now time.Time) bool {
	if l.perSecond == 0 {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	limiter, found := l.callers.Get(name)
	if !found {
		limiter = rate.NewLimiter(rate.Limit(l.perSecond), l.perSecond*limitSeconds)
		l.callers.Add(name, limiter)
	}
	return limiter.AllowN(now, 1)
}

// limit refuses a request of a caller who sends too many: a second later there is room for some.
func (s *surface) limit(ctx huma.Context, next func(huma.Context)) {
	caller, _ := ctx.Context().Value(callerKey{}).(authn.Caller)
	if !s.limits.allow(callerName{caller.Actor(), caller.Client()}, time.Now()) {
		s.refuse(ctx, later(huma.NewError(http.StatusTooManyRequests, "You send too many requests: wait, then go on.")))
		return
	}
	next(ctx)
}
