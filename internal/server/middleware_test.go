package server

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/config"
)

func TestPanicIsLoggedAndAnsweredUnlessTheHandlerAborts(t *testing.T) {
	for name, cause := range map[string]any{"a fault": "out of range", "an abort": http.ErrAbortHandler} {
		t.Run(name, func(t *testing.T) {
			var logged bytes.Buffer
			handler := recovered(slog.New(slog.NewTextHandler(&logged, nil)), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(cause) }))
			recorder := httptest.NewRecorder()
			var raised any
			func() {
				defer func() { raised = recover() }()
				handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
			}()
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				if raised != cause || logged.Len() > 0 {
					t.Errorf("raised %v, logged %q", raised, logged.String())
				}
			} else if raised != nil || recorder.Code != http.StatusInternalServerError || !strings.Contains(logged.String(), "out of range") {
				t.Errorf("raised %v, answered %d, logged %q", raised, recorder.Code, logged.String())
			}
		})
	}
}

func TestARequestMayTakeAsLongAsItsWorkDoes(t *testing.T) {
	cfg, err := config.Load(config.Sources{Flags: map[string]string{"data_dir": made(t).path}})
	check(t, err)
	for _, c := range []struct {
		method, path string
		least, most  time.Duration // zero: no limit here
	}{
		{http.MethodGet, "/password", time.Second, 3 * time.Second},
		{http.MethodPost, "/password", 0, 0}, // hashes, under a limit of its own
		{http.MethodPost, "/api/v1/apply", 20 * time.Second, writeTimeout},
		{http.MethodPost, "/api/v1/users", time.Second, 3 * time.Second},
	} {
		begun := time.Now()
		limited(limitsOf(cfg), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			end, ok := r.Context().Deadline()
			if given := end.Sub(begun); ok != (c.most > 0) || ok && (given < c.least || given > c.most) {
				t.Errorf("%s %s: limit %v, %v", c.method, c.path, ok, given)
			}
		})).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(c.method, c.path, nil))
	}
}
