package server

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/metrics"
	"github.com/signet-auth/signet/internal/outbound"
	"github.com/signet-auth/signet/internal/requestid"
	"github.com/signet-auth/signet/internal/tracing"
)

// secured sets the headers of every answer, those of errors and unknown paths too. HSTS (RFC 6797) holds for a whole host, so it is sent
// on every path; but not for localhost, where it would affect other programs.
func secured(issuer string, next http.Handler) http.Handler {
	u, err := url.Parse(issuer)
	https := err == nil && u.Scheme == "https" && !outbound.IsLoopback(u.Hostname()) && !strings.HasSuffix(u.Hostname(), ".localhost")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if https {
			w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// identified gives each request an id, which its answer has in a header. An id by a trusted proxy is kept, so that both logs agree; any
// other could be of another request. It changes the request in place: a copy would cost an allocation, and outer handlers would not see
// the pattern of the path.
func identified(trusted []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := givenID(trusted, r)
		if id == "" {
			id = requestid.New()
		}
		w.Header()[requestid.Header] = []string{id}
		*r = *r.WithContext(requestid.With(r.Context(), id))
		next.ServeHTTP(w, r)
	})
}

// givenID is the id that a trusted proxy gives a request; empty: none.
func givenID(trusted []netip.Prefix, r *http.Request) string {
	given := r.Header[requestid.Header]
	if len(given) != 1 || !requestid.WellFormed(given[0]) || !fromProxy(trusted, r) {
		return ""
	}
	return given[0]
}

// fromProxies is fromProxy for these proxies.
func fromProxies(trusted []netip.Prefix) func(r *http.Request) bool {
	return func(r *http.Request) bool { return fromProxy(trusted, r) }
}

// fromProxy reports whether a request, whose client's address is not found out yet, comes from a trusted proxy.
func fromProxy(trusted []netip.Prefix, r *http.Request) bool {
	if len(trusted) == 0 {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && containsAddr(trusted, peer.Addr())
}

// observed counts requests in metrics and traces some. Without either it costs nothing.
func observed(by *metrics.Metrics, tracer *tracing.Tracer, trusted func(r *http.Request) bool, next http.Handler) http.Handler {
	if by == nil && tracer == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		recorder := recorded(w)
		span := tracer.Begin(r, tracer != nil && trusted(r))
		defer func() { // also where the handler closes the connection
			if by != nil {
				by.Observe(r.Pattern, recorder.status, time.Since(began))
			}
			span.End(r, recorder.status)
		}()
		next.ServeHTTP(recorder, r)
	})
}

// recovered answers 500 to a request whose handler panics, and logs where. An answer that has begun is aborted, so that a part is not
// taken for the whole. http.ErrAbortHandler is no fault: a handler closes the connection with it, and net/http handles it.
func recovered(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := recorded(w)
		defer func() {
			switch cause := recover(); cause {
			case nil:
			case http.ErrAbortHandler:
				panic(cause)
			default:
				log.ErrorContext(r.Context(), "panic", "path", r.URL.Path, "cause", cause, "stack", string(debug.Stack()))
				if recorder.begun {
					recorder.status = http.StatusInternalServerError // for metrics and traces
					panic(http.ErrAbortHandler)
				}
				httpjson.WriteError(recorder, httpjson.ServerError)
			}
		}()
		next.ServeHTTP(recorder, r)
	})
}

// logged logs every request at debug level: never its query, which may hold a code.
func logged(log *slog.Logger, next http.Handler) http.Handler {
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		recorder := recorded(w)
		next.ServeHTTP(recorder, r)
		log.DebugContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "status", recorder.status,
			"address", r.RemoteAddr, "took", time.Since(began))
	})
}

// statusRecorder is an answer of which is known what has been sent.
type statusRecorder struct {
	http.ResponseWriter
	status int
	begun  bool // more than 1xx was written
}

// recorded makes a statusRecorder of an answer, unless it is one.
func recorded(w http.ResponseWriter) *statusRecorder {
	if recorder, ok := w.(*statusRecorder); ok {
		return recorder
	}
	return &statusRecorder{ResponseWriter: w, status: http.StatusOK}
}

func (s *statusRecorder) WriteHeader(status int) {
	s.status, s.begun = status, s.begun || status >= http.StatusOK
	s.ResponseWriter.WriteHeader(status)
}

func (s *statusRecorder) Write(part []byte) (int, error) {
	s.begun = true
	return s.ResponseWriter.Write(part)
}

// FlushError is what http.ResponseController calls.
func (s *statusRecorder) FlushError() error {
	s.begun = true
	return http.NewResponseController(s.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController find the writer below.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// unlimited says which requests have no time limit: pages that hash a password, polls for events, readers of the whole audit log, and the
// JWKS. That waits only for the cache, which has the limit of the database; a timer would cost a twentieth of the request.
func unlimited(r *http.Request) bool {
	switch r.URL.Path {
	case "/login", "/setup", "/password", "/account/password", "/events/poll":
		return r.Method == http.MethodPost
	case "/.well-known/jwks.json", "/admin/audit/export", "/admin/audit/verify", "/api/v1/audit/export":
		return true
	}
	return false
}

// limited cancels the context of a request after some time.
func limited(limitOf func(path string) time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if unlimited(r) {
			next.ServeHTTP(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), limitOf(r.URL.Path))
		defer cancel()
		*r = *r.WithContext(ctx)
		next.ServeHTTP(w, r)
	})
}
