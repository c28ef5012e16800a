package server

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/signet-auth/signet/internal/readiness"
)

// drain is how a server leaves the proxies before it: it is not ready any more (readiness.Checks), and answers whoever still comes until they
// have seen that.
type drain struct {
	wait  time.Duration
	ready *readiness.Checks
	begun atomic.Bool
}

// after returns a context that ends after ctx: at once, or if SIGTERM ended ctx, when the proxies had time to see that this server is not
// ready. Whoever types Ctrl-C has no proxy.
func (d *drain) after(ctx context.Context) context.Context {
	drained, end := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		d.begun.Store(true)
		d.ready.Drain()
		if d.wait == 0 || !strings.HasPrefix(context.Cause(ctx).Error(), syscall.SIGTERM.String()) { // see signal.NotifyContext
			end()
			return
		}
		time.AfterFunc(d.wait, end)
	})
	return drained
}

// handler has the proxies close their connections one by one, each after an answer: closing them from here could meet a request.
func (d *drain) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.begun.Load() && r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
