package server

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
