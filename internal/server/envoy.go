package server

import (
	"log/slog"
	"net/http"
)

// envoyServer serves Envoy by gRPC, on an address of its own.
func envoyServer(handler http.Handler, log *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true) // where there is no certificate
	return &http.Server{
		Handler:           handler,
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

// judged counts a request of Envoy with the HTTP status that its answer stands for.
func judged(w http.ResponseWriter, status int) {
	for {
		if recorder, ok := w.(*statusRecorder); ok {
			recorder.status = status
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = wrapper.Unwrap()
	}
}
