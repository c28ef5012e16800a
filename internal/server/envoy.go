package server

import (
	"log/slog"
	"net/http"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/forwardauth"
)

// envoyServer serves Envoy by gRPC, on an address of its own.
func envoyServer(cfg config.Config, proxies *forwardauth.Surface, log *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true) // where there is no certificate
	return &http.Server{
		Handler:           identified(nil, recovered(log, logged(log, limited(limitsOf(cfg), proxies.ExtAuthz())))),
		Protocols:         protocols,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeader,
		HTTP2:             http2Limits(),
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
