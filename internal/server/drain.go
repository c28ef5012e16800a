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

// drain is how a server leaves its proxies: it reports that it is not ready (readiness.Checks), and still answers until they have seen
// that.
type drain struct {
	wait  time.Duration
	ready *readiness.Checks
	begun atomic.Bool
}

// after returns a context that ends after ctx: if SIGTERM ended ctx, once proxies had time to see that this server is not ready; at once
// after Ctrl-C, where there are no proxies.
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

// handler makes the proxies close each connection after an answer: closing them here could interrupt a request.
func (d *drain) handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.begun.Load() && r.ProtoMajor == 1 {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}
