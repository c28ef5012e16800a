package readiness

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func ask(c *Checks, accept string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/readyz", nil)
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	c.ServeReady(w, r)
	return w
}

func TestEachCheckSaysWhyInTheFormThatIsAskedFor(t *testing.T) {
	var logged bytes.Buffer
	c := New(time.Minute, slog.New(slog.NewTextHandler(&logged, nil)))
	c.Add("one", func(context.Context) error { return nil })
	if w := ask(c, ""); w.Code != http.StatusOK || w.Body.String() != "ok\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	c.Add("two", func(context.Context) error {
		return fmt.Errorf("%w: %w", Reason("it is gone"), errors.New("dial 10.0.0.1"))
	})
	c.Add("three", func(context.Context) error { return errors.New("secret") })
	const text = "two: it is gone\nthree: it fails; the server's log says why\n"
	const json = `{"ok":false,"checks":[{"name":"one","ok":true},{"name":"two","ok":false,"why":"it is gone"},` +
		`{"name":"three","ok":false,"why":"it fails; the server's log says why"},{"name":"draining","ok":true}]}`
	for accept, want := range map[string]string{
		"": text, "*/*": text, "text/html, */*;q=0.8": text, "application/json;q=0": text,
		"application/json": json, "text/plain;q=0.5, Application/JSON": json, "application/json; q=0.5": json,
	} {
		if w := ask(c, accept); w.Code != http.StatusServiceUnavailable || w.Body.String() != want {
			t.Errorf("%s: %d %s", accept, w.Code, w.Body)
		}
	}
	if said := logged.String(); strings.Count(said, "not ready") != 2 || !strings.Contains(said, "10.0.0.1") || !strings.Contains(said, "secret") {
		t.Error("it logs", said)
	}
}

func TestWhatDrainsIsNotReadyAndAsksNothing(t *testing.T) {
	c := New(time.Minute, slog.New(slog.DiscardHandler))
	c.Add("one", func(context.Context) error { t.Error("was asked"); return nil })
	c.Drain()
	if w := ask(c, ""); w.Code != http.StatusServiceUnavailable || w.Body.String() != "draining: the server is shutting down\n" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestWhoDoesNotWaitSaysNothingOfAnyCheck(t *testing.T) {
	var logged bytes.Buffer
	ends := make(chan struct{})
	c := New(time.Minute, slog.New(slog.NewTextHandler(&logged, nil)))
	c.Add("one", func(context.Context) error { <-ends; return nil })
	gone, leave := context.WithCancel(t.Context())
	leave()
	if c.Run(gone).OK {
		t.Error("it is said to be ready")
	}
	close(ends)
	if !c.Run(t.Context()).OK || logged.Len() > 0 {
		t.Error("it logs", logged.String())
	}
}

func TestACheckThatHangsFailsAndIsNotBegunAgain(t *testing.T) {
	var begun atomic.Int32
	hangs := make(chan struct{})
	c := New(10*time.Millisecond, slog.New(slog.DiscardHandler))
	c.Add("one", func(context.Context) error { begun.Add(1); <-hangs; return nil })
	for range 3 {
		if w := ask(c, ""); w.Code != http.StatusServiceUnavailable || w.Body.String() != "one: it does not come back in time\n" {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
	if n := begun.Load(); n != 1 {
		t.Errorf("it was begun %d times", n)
	}
	close(hangs)
	for deadline := time.Now().Add(time.Minute); ask(c, "").Code != http.StatusOK; {
		if time.Now().After(deadline) {
			t.Fatal("it still fails")
		}
	}
}
