package server

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAClientThatGoesOnForeverDoesNotMakeTheEndOfAServerAFailure(t *testing.T) {
	t.Parallel()
	at, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	begun := make(chan struct{})
	l := listener{at: at, Server: &http.Server{ //nolint:gosec // nothing but the request of this test comes
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			close(begun)
			_, _ = io.Copy(io.Discard, r.Body)
		}),
	}}
	var log bytes.Buffer
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- l.serve(ctx, slog.New(slog.NewTextHandler(&log, nil))) }()
	slow, err := net.Dial("tcp", at.Addr().String())
	check(t, err)
	defer func() { _ = slow.Close() }()
	_, err = io.WriteString(slow, "POST / HTTP/1.1\r\nHost: id.example\r\nContent-Length: 9\r\n\r\n")
	check(t, err)
	<-begun
	end()
	select {
	case err := <-ended:
		check(t, err)
	case <-time.After(shutdownTimeout + 30*time.Second):
		t.Fatal("it has not ended")
	}
	if !strings.Contains(log.String(), "cut off") {
		t.Errorf("it logs %q", &log)
	}
}
