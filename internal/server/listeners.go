package server

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/forwardauth"
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
	connections *connections
}

// openListeners listens on the addresses of the configuration, with HTTPS by certificates; none: a proxy speaks HTTPS. Metrics may be nil.
func openListeners(cfg config.Config, shown certificates, handler http.Handler, proxies *forwardauth.Surface, shows *metrics.Metrics, log *slog.Logger) (opened *listeners, err error) {
	opened = &listeners{connections: newConnections(cfg.Limits.Connections, cfg.Limits.ConnectionsPerAddress, cfg.TrustedProxies)}
	defer func() {
		if err != nil {
			opened.close()
		}
	}()
	if err := opened.open(cfg.Listen, shown, httpServer(cfg, handler, log)); err != nil {
		return opened, err
	}
	if cfg.ExtAuthzListen != "" {
		if err := opened.open(cfg.ExtAuthzListen, shown, envoyServer(cfg, proxies, log)); err != nil {
			return opened, err
		}
	}
	if shows != nil {
		own := newConnections(shownConnections, 0, nil) // who takes all of the public ones does not blind who watches
		if err := opened.openBounded(cfg.Metrics.Listen, nil, httpServer(cfg, recovered(log, shows.Handler()), log), own); err != nil {
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
	at, server.ConnState = boundedListener{at, by}, by.note
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

// serve answers until ctx ends, then finishes the requests in progress.
func (l listener) serve(ctx context.Context) error {
	ended := make(chan error, 1)
	go func() { ended <- l.Serve(l.at) }()
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	timeout, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	return l.Shutdown(timeout)
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

// http2Limits closes connections of HTTP/2 whose client takes nothing, or is not there any more.
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

// redirect sends browsers that came by plain HTTP to the issuer's host. What may hold a secret is refused, so that its sender is mended:
// a redirect would let it go on, and each time the secret was sent in clear. Whether the server runs and is ready is answered as by HTTPS,
// which does not answer before there is a certificate.
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
		// The links of the setup and of passwords have a token.
		if !safe || r.Header.Get("Authorization") != "" || strings.Contains(r.URL.Path, "/oauth2/token") || r.URL.Query().Has("token") {
			w.Header().Set("Connection", "close")
			http.Error(w, "Use "+origin+": this was sent without encryption. Change any secret that it held.", http.StatusForbidden)
			return
		}
		http.Redirect(w, r, origin+to, http.StatusPermanentRedirect) //nolint:gosec // the origin is the issuer's
	})
}
