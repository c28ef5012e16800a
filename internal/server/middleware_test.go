package server

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/metrics"
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

func TestAnAnswerDuringWhichTheHandlerPanicsIsSeenToBeIncomplete(t *testing.T) {
	for protocol, major := range map[string]int{"HTTP/1.1": 1, "HTTP/2": 2} {
		for name, begin := range map[string]func(w http.ResponseWriter) error{
			"a status": func(w http.ResponseWriter) error { w.WriteHeader(http.StatusOK); return nil },
			"a part":   func(w http.ResponseWriter) error { _, err := io.WriteString(w, "{}\n"); return err },
			"a header": func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() },
			"a part that is out": func(w http.ResponseWriter) error {
				_, err := io.WriteString(w, "{}\n")
				return errors.Join(err, http.NewResponseController(w).Flush())
			},
		} {
			t.Run(protocol+", after "+name, func(t *testing.T) {
				var logged bytes.Buffer
				log := slog.New(newBoundedLog(slog.NewTextHandler(&logged, nil)))
				shows := metrics.New(metrics.Sources{})
				server := httptest.NewUnstartedServer(identified([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, observed(shows, nil, nil, recovered(log,
					http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if r.ProtoMajor != major {
							t.Errorf("asked by %s", r.Proto)
						}
						if err := begin(w); err != nil {
							t.Error(err)
						}
						panic("out of range")
					})))))
				server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
				server.EnableHTTP2 = major == 2
				server.StartTLS()
				r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
				check(t, err)
				r.Header.Set(requestid.Header, "id-of-the-request")
				answer, err := server.Client().Do(r)
				var body []byte
				if err == nil {
					body, err = io.ReadAll(answer.Body)
					check(t, answer.Body.Close())
				}
				if err == nil {
					t.Errorf("it looks complete: %s, %q", answer.Status, body)
				}
				server.Close() // the handler has ended
				if text := logged.String(); !strings.Contains(text, "out of range") || !strings.Contains(text, "request_id=id-of-the-request") {
					t.Errorf("logged %q", text)
				}
				counted := httptest.NewRecorder()
				shows.Handler().ServeHTTP(counted, httptest.NewRequest(http.MethodGet, "/metrics", nil))
				if !strings.Contains(counted.Body.String(), `_count{endpoint="other",status="5xx"} 1`) {
					t.Errorf("counted as %s", counted.Body)
				}
			})
		}
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
		{http.MethodPost, "/account/password", 0, 0},
		{http.MethodPost, "/api/v1/apply", 20 * time.Second, writeTimeout},
		{http.MethodPost, "/api/v1/users", time.Second, 3 * time.Second},
	} {
		begun := time.Now()
		limited(limitsOf(cfg), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			end, ok := r.Context().Deadline()
			if given, left := end.Sub(begun), time.Until(end); ok != (c.most > 0) || ok && (given < c.least || left > c.most) {
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
