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

// secured sets what goes with every answer, those of errors and unknown paths too. HSTS (RFC 6797) holds for a host as a whole, so
// it is said wherever the host is first asked; and not of localhost, where it would hold for whatever else somebody develops there.
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

// identified gives each request an id, and its answer the header that has it. One that a trusted proxy gives a request counts, so that its
// log and ours name the request alike; anybody else's could be of another request. The request is changed in place: a copy for each would
// be an allocation, and what is found out further in, such as the pattern that the path has, would be lost to who wraps this.
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

// fromProxy reports whether a request, whose client's address is not found out yet, comes from a trusted proxy.
func fromProxy(trusted []netip.Prefix, r *http.Request) bool {
	if len(trusted) == 0 {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && containsAddr(trusted, peer.Addr())
}

// observed has metrics count each request, and some traced. Without either it costs nothing.
func observed(by *metrics.Metrics, tracer *tracing.Tracer, trusted []netip.Prefix, next http.Handler) http.Handler {
	if by == nil && tracer == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		span := tracer.Begin(r, tracer != nil && fromProxy(trusted, r))
		defer func() { // also where the handler closes the connection
			if by != nil {
				by.Observe(r.Pattern, recorder.status, time.Since(began))
			}
			span.End(r, recorder.status)
		}()
		next.ServeHTTP(recorder, r)
	})
}

// recovered answers 500 to a request whose handler panics, and logs where. http.ErrAbortHandler is no fault: a handler closes
// the connection with it, and net/http handles it.
func recovered(log *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch cause := recover(); cause {
			case nil:
			case http.ErrAbortHandler:
				panic(cause)
			default:
				log.ErrorContext(r.Context(), "panic", "path", r.URL.Path, "cause", cause, "stack", string(debug.Stack()))
				httpjson.WriteError(w, httpjson.ServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// logged logs every request at debug level: never its query, which may hold a code.
func logged(log *slog.Logger, next http.Handler) http.Handler {
	if !log.Enabled(context.Background(), slog.LevelDebug) {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		recorder := &statusRecorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(recorder, r)
		log.DebugContext(r.Context(), "request", "method", r.Method, "path", r.URL.Path, "status", recorder.status,
			"address", r.RemoteAddr, "took", time.Since(began))
	})
}

type statusRecorder struct {
	http.ResponseWriter
	status int
}

func (s *statusRecorder) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find the writer below.
func (s *statusRecorder) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// unlimited says which requests have no limit: pages that hash a password, polls that wait for events, what reads the whole audit log step by
// step, and the JWKS, which waits for the cache alone: that is bounded by the database's own limit, and a timer for each request would be
// a twentieth of what it costs.
func unlimited(r *http.Request) bool {
	switch r.URL.Path {
	case "/login", "/setup", "/password", "/events/poll":
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
