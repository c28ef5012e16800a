package adminclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/authn"
)

// InProcess calls operations in this process, for a caller. Errors that a server keeps to itself are returned as they are.
func InProcess(s *admin.Service, caller authn.Caller) *Client {
	mux := http.NewServeMux()
	adminapi.Mount(mux, adminapi.Config{Callers: oneCaller(caller), Admin: s, Failed: func(ctx context.Context, _ string, err error) {
		if kept, ok := ctx.Value(failureKey{}).(*failure); ok {
			kept.set(err)
		}
	}})
	return &Client{
		base: &url.URL{Scheme: "http", Host: "in.process"}, transport: handler{mux},
		finish: func(ctx context.Context, id int64, progress func(admin.Revocation)) (admin.Revocation, error) {
			return s.FinishRevocation(ctx, caller, id, progress)
		},
	}
}

// oneCaller is who sends all requests of this process.
type oneCaller authn.Caller

// Authenticate implements adminapi.Callers.
func (c oneCaller) Authenticate(*http.Request) (authn.Caller, error) { return authn.Caller(c), nil }

// failure keeps the error of a request for who sent it.
type failure struct {
	mu  sync.Mutex
	err error
}

type failureKey struct{}

func (f *failure) set(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
}

func (f *failure) get() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// handler is a transport to an http.Handler.
type handler struct{ http.Handler }

var errAborted = errors.New("the operation was aborted")

// RoundTrip implements http.RoundTripper.
func (h handler) RoundTrip(r *http.Request) (*http.Response, error) {
	kept := new(failure)
	in, out := io.Pipe()
	w := &writer{header: http.Header{}, body: out, begun: make(chan *http.Response, 1)}
	request := r.WithContext(context.WithValue(r.Context(), failureKey{}, kept))
	if request.Body == nil {
		request.Body = http.NoBody
	}
	request.RequestURI = request.URL.RequestURI()
	go func() {
		ended := errAborted // unless the handler returns
		defer func() {
			recovered := recover()
			if err, _ := recovered.(error); recovered != nil && !errors.Is(err, http.ErrAbortHandler) {
				panic(recovered)
			}
			w.WriteHeader(http.StatusOK)
			if err := kept.get(); err != nil {
				ended = err
			}
			_ = out.CloseWithError(ended) // always nil
		}()
		h.ServeHTTP(w, request)
		ended = nil
	}()
	response := <-w.begun
	response.Body = in
	if response.StatusCode >= http.StatusInternalServerError {
		text, err := readAll(in) // until the handler returns
		if err != nil {
			return nil, err
		}
		response.Body = io.NopCloser(bytes.NewReader(text))
	}
	return response, nil
}

// writer is an http.ResponseWriter to a pipe.
type writer struct {
	header http.Header
	body   *io.PipeWriter
	once   sync.Once
	begun  chan *http.Response
}

// Header implements http.ResponseWriter.
func (w *writer) Header() http.Header { return w.header }

// Write implements http.ResponseWriter.
func (w *writer) Write(text []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(text)
}

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(status int) {
	w.once.Do(func() { w.begun <- &http.Response{StatusCode: status, Header: w.header.Clone()} })
}

// Flush implements http.Flusher.
func (w *writer) Flush() { w.WriteHeader(http.StatusOK) }

// SetReadDeadline and SetWriteDeadline are what an http.ResponseController calls: nobody is slow here.
func (w *writer) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline does nothing.
func (w *writer) SetWriteDeadline(time.Time) error { return nil }
