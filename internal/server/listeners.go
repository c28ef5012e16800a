package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/metrics"
)

// listener is a server and the address that it listens on.
type listener struct {
	*http.Server
	at net.Listener
}

// shownConnections is how many can be open to the address of metrics.
const shownConnections = 100

// listeners are all of a process. The first is the one that its issuer names.
type listeners struct {
	all         []listener
	connections *connections // to the public addresses
	ofEnvoy     *connections
}

// openListeners listens on the addresses of the configuration, with HTTPS by certificates; none: a proxy speaks HTTPS. Metrics may be nil.
func openListeners(cfg config.Config, shown certificates, handler, envoy http.Handler, shows *metrics.Metrics, log *slog.Logger) (opened *listeners, err error) {
	bounded := func() *connections {
		return newConnections(cfg.Limits.Connections, cfg.Limits.ConnectionsPerAddress, cfg.TrustedProxies)
	}
	opened = &listeners{connections: bounded(), ofEnvoy: bounded()} // a flood of public ones must not keep out Envoy and monitoring
	opened.ofEnvoy.mayCancel = true                                 // as Envoy does with all that a slow database makes late
	defer func() {
		if err != nil {
			opened.close()
		}
	}()
	if err := opened.open(cfg.Listen, shown, httpServer(cfg, handler, log)); err != nil {
		return opened, err
	}
	if cfg.ExtAuthzListen != "" {
		if err := opened.openBounded(cfg.ExtAuthzListen, shown, envoyServer(envoy, log), opened.ofEnvoy); err != nil {
			return opened, err
		}
	}
	if shows != nil {
		if err := opened.openBounded(cfg.Metrics.Listen, nil, httpServer(cfg, recovered(log, shows.Handler()), log), newConnections(shownConnections, 0, nil)); err != nil {
			return opened, err
		}
	}
	if cfg.TLS.RedirectFrom != "" && shown != nil {
		err = opened.open(cfg.TLS.RedirectFrom, nil, httpServer(cfg, shown.challenges(redirect(cfg.Issuer, handler)), log))
	}
	return opened, err
}

// open listens on an address, with HTTPS if there are certificates.
func (l *listeners) open(address string, shown certificates, server *http.Server) error {
	return l.openBounded(address, shown, server, l.connections)
}

func (l *listeners) openBounded(address string, shown certificates, server *http.Server, by *connections) error {
	at, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	at = boundedListener{at, by}
	by.observe(server)
	if shown != nil {
		at = tls.NewListener(at, shown.config())
	}
	l.all = append(l.all, listener{server, at})
	return nil
}

func (l *listeners) close() {
	for _, one := range l.all {
		_ = one.at.Close()
	}
}

// String names the addresses.
func (l *listeners) String() string {
	var addresses []string
	for _, one := range l.all {
		addresses = append(addresses, one.at.Addr().String())
	}
	return "listening on " + strings.Join(addresses, ", ")
}

// serve answers until ctx ends, then finishes the requests in progress, for at most shutdownTimeout: a client can make one last.
func (l listener) serve(ctx context.Context, log *slog.Logger) error {
	ended := make(chan error, 1)
	go func() { ended <- l.Serve(l.at) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	timeout, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := l.Shutdown(timeout)
	if errors.Is(err, context.DeadlineExceeded) {
		log.WarnContext(ctx, "requests that had not ended were cut off", "address", l.at.Addr().String())
		err = l.Close()
	}
	return err
}

// How long a client may take, and what it may send at once.
const (
	headerTimeout = 5 * time.Second  // to send the header of a request, and for the handshake of TLS
	readTimeout   = 15 * time.Second // to send a request
	writeTimeout  = 30 * time.Second // from its header until the answer is taken
	idleTimeout   = 2 * time.Minute  // between two requests

	maxHeader  = domain.MaxTokenSize + 32<<10 // bytes of the header of a request
	maxStreams = 128                          // requests at the same time on one connection of HTTP/2
)

// http2Limits closes connections of HTTP/2 whose client reads nothing, or is gone.
func http2Limits() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams: maxStreams, SendPingTimeout: readTimeout, PingTimeout: readTimeout, WriteByteTimeout: writeTimeout,
	}
}

// httpServer bounds what a client may send and for how long.
func httpServer(cfg config.Config, handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             http2Limits(),
		ConnContext:       markProxies(cfg.TrustedProxies),
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// redirect sends browsers from plain HTTP to the issuer's host. A request that may have a secret is refused, so that its sender gets
// fixed: with a redirect it would go on sending the secret in clear. Health is answered here too: HTTPS needs a certificate first.
func redirect(issuer string, handler http.Handler) http.Handler {
	origin := issuer
	if u, err := url.Parse(issuer); err == nil {
		origin = u.Scheme + "://" + u.Host
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		if r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
			handler.ServeHTTP(w, r)
			return
		}
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead
		to := r.URL.RequestURI()
		if !strings.HasPrefix(to, "/") { // it would go on with the host
			http.Error(w, "Ask for a path.", http.StatusBadRequest)
			return
		}
		if !safe || r.Header.Get("Authorization") != "" || strings.Contains(r.URL.Path, "/oauth2/token") || hasSecret(r.URL.Query()) {
			w.Header().Set("Connection", "close")
			http.Error(w, "Use "+origin+": this was sent without encryption. Change any secret that it held.", http.StatusForbidden)
			return
		}
		http.Redirect(w, r, origin+to, http.StatusPermanentRedirect) //nolint:gosec // the origin is the issuer's
	})
}

// secretParameters are those whose value is, or may be, a secret: links of the setup and of passwords have a token, answers to a sign-in a code.
var secretParameters = []string{
	"token", "access_token", "refresh_token", "id_token_hint", "code", "client_secret", "client_assertion", "assertion", "password",
}

func hasSecret(query url.Values) bool { return slices.ContainsFunc(secretParameters, query.Has) }
