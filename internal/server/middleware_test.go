package server

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/requestid"
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

func TestBrowsersAreToldToUseHTTPSAloneAtAHostOfSignetsOwn(t *testing.T) {
	for issuer, want := range map[string]string{
		"https://id.example": "max-age=31536000", "https://id.example/auth": "max-age=31536000",
		"http://127.0.0.1:8080": "", "https://127.0.0.1:8080": "", "https://localhost:8080": "", "https://signet.localhost": "",
	} {
		answer := httptest.NewRecorder()
		secured(issuer, http.NotFoundHandler()).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
		if got := answer.Header().Get("Strict-Transport-Security"); got != want {
			t.Errorf("%s: %q, want %q", issuer, got, want)
		}
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

func TestEveryRequestHasAnIDThatItsSenderCannotChoose(t *testing.T) {
	var logged bytes.Buffer
	log := slog.New(newBoundedLog(slog.NewTextHandler(&logged, nil)))
	handler := identified([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		log.ErrorContext(r.Context(), "request failed")
		httpjson.WriteError(w, httpjson.ServerError)
	}))
	seen := map[string]bool{}
	for _, c := range []struct {
		peer, given string
		counts      bool
	}{
		{"10.0.0.1:5", "a-B_9.:", true},
		{"10.0.0.1:5", strings.Repeat("a", 64), true},
		{"10.0.0.1:5", strings.Repeat("a", 65), false},
		{"10.0.0.1:5", "", false},
		{"10.0.0.1:5", "a b", false},
		{"10.0.0.1:5", "a\x1b[31m", false},
		{"10.0.0.1:5", "<b>", false},
		{"10.0.0.1:5", "ä", false},
		{"192.0.2.1:5", "a", false},
		{"not an address", "a", false},
	} {
		logged.Reset()
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.peer
		r.Header.Set("X-Request-ID", c.given)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		id := w.Header().Get("X-Request-ID")
		if (id == c.given) != c.counts || !requestid.WellFormed(id) || seen[id] {
			t.Errorf("%+v: the id is %q", c, id)
		}
		seen[id] = true
		if !strings.Contains(logged.String(), "request_id="+id) || !strings.Contains(w.Body.String(), `"request_id":"`+id+`"`) {
			t.Errorf("%+v: logged %q, answered %s", c, logged.String(), w.Body)
		}
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header["X-Request-Id"] = []string{"one", "two"}
	r.RemoteAddr = "10.0.0.1:5"
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if id := w.Header().Get("X-Request-ID"); len(id) != 32 {
		t.Errorf("of two ids: %q", id)
	}
}

func TestAnIDCostsFewAllocationsAndKeepsTheRequest(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /a/{b}", func(http.ResponseWriter, *http.Request) {})
	handler := identified(nil, limited(func(string) time.Duration { return time.Minute }, mux))
	r := httptest.NewRequest(http.MethodGet, "/a/b", nil)
	handler.ServeHTTP(httptest.NewRecorder(), r)
	if r.Pattern != "GET /a/{b}" {
		t.Errorf("whoever wraps it sees the pattern %q", r.Pattern)
	}
	w := httptest.NewRecorder()
	bare := identified(nil, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	if n := testing.AllocsPerRun(100, func() { bare.ServeHTTP(w, r) }); n > 4 { // the id, the header's value, the context; not the request
		t.Errorf("%v allocations", n)
	}
}
