package main

import (
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"time"
)

// serveFromMemory compares what Signet serves from memory with a server that does nothing but write the same bytes.
func (s *scale) serveFromMemory(ctx context.Context) error {
	claims, err := parseClaims(s.tokens[0])
	if err != nil {
		return err
	}
	for _, document := range []struct{ name, url string }{
		{"the JWKS", s.large.issuer + "/.well-known/jwks.json"},
		{"a status list", claims.Status.List.URI},
	} {
		header, body, err := get(ctx, document.url)
		if err != nil {
			return err
		}
		bare, stop, err := serveBare(header, body)
		if err != nil {
			return err
		}
		results, err := s.inTurn(ctx, s.connections[0], load{name: "bare", url: bare}, load{name: document.name, url: document.url})
		stop()
		if err != nil {
			return err
		}
		ours := results[1].perSecond()
		s.note(ours, "/s", document.name+" served")
		s.atLeast(0.7, ours/results[0].perSecond(), "times", document.name+", as often as a bare net/http handler writes the same bytes")
	}
	return nil
}

// get fetches a document as it goes over the wire, compressed if the server does that.
func get(ctx context.Context, address string) (http.Header, []byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Accept-Encoding", "gzip") // set by hand, so that nothing decompresses it
	response, err := client.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.Header, body, err
}

// serveBare serves one answer at the URL that it returns.
func serveBare(header http.Header, body []byte) (url string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{ReadHeaderTimeout: time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		maps.Copy(w.Header(), header)
		w.Write(body)
	})}
	go server.Serve(listener) //nolint:errcheck // it ends with stop
	return "http://" + listener.Addr().String(), func() { _ = server.Close() }, nil
}
