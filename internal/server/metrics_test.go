package server

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/metrics"
	"github.com/signet-auth/signet/internal/store/pgtest"
)

// scraped is what a server shows to Prometheus.
type scraped struct {
	asked
	handler, envoy http.Handler
}

func openShown(t *testing.T, flags map[string]string) scraped {
	t.Helper()
	a := openAsked(t, flags)
	cfg := a.cfg
	a.metrics = metrics.New(a.figures(cfg))
	handler, envoy, err := a.Services.handler(cfg, slog.New(slog.DiscardHandler))
	check(t, err)
	return scraped{a, handler, envoy}
}

// post sends a form as a client.
func (s scraped) post(path, id, secret string, form url.Values) int {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(id, secret)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Code
}

// checkForEnvoy has Envoy ask whether a request with an access token may pass.
func (s scraped) checkForEnvoy(path, token string) {
	s.Helper()
	field := func(number byte, value []byte) []byte {
		return append([]byte{number<<3 | 2, byte(len(value)) | 0x80, byte(len(value) >> 7)}, value...)
	}
	header := append(field(1, []byte("authorization")), field(2, []byte("Bearer "+token))...)
	asked := slices.Concat(field(2, []byte("GET")), field(3, header), field(4, []byte("/"+path)), field(5, []byte("orders.example")))
	needed := slices.Concat(field(1, []byte("api")), field(2, []byte("https://orders.example")))
	message := field(1, slices.Concat(field(4, field(2, asked)), field(10, needed)))
	frame := append([]byte{0, 0, 0, byte(len(message) >> 8), byte(len(message))}, message...)
	r := httptest.NewRequest(http.MethodPost, "/envoy.service.auth.v3.Authorization/Check", bytes.NewReader(frame))
	r.ProtoMajor, r.ProtoMinor, r.Proto = 2, 0, "HTTP/2.0"
	r.Header.Set("Content-Type", "application/grpc")
	w := httptest.NewRecorder()
	s.envoy.ServeHTTP(w, r)
	if got := w.Result(); got.Trailer.Get("Grpc-Status") != "0" {
		s.Fatalf("Envoy gets %s, %v: %q", got.Status, got.Header, w.Body)
	}
}

// scrape reads what is shown: lines of values, and the type and help of each metric.
func (s scraped) scrape() (text string, described map[string][2]string) {
	s.Helper()
	w := httptest.NewRecorder()
	s.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusOK {
		s.Fatalf("%d: %s", w.Code, w.Body)
	}
	described = map[string][2]string{}
	for line := range strings.SplitSeq(w.Body.String(), "\n") {
		parts := strings.SplitN(line, " ", 4)
		if len(parts) < 4 || parts[0] != "#" || !strings.HasPrefix(parts[2], "signet_") {
			continue
		}
		d := described[parts[2]]
		if parts[1] == "TYPE" {
			d[0] = parts[3]
		} else {
			d[1] = strings.ReplaceAll(parts[3], `\\`, `\`)
		}
		described[parts[2]] = d
	}
	return w.Body.String(), described
}

// client makes one, and returns its secret.
func (s scraped) client() (secret string) {
	s.Helper()
	ctx := eventtest.Context(s.T)
	_, err := s.Registry.CreateAPI(ctx, domain.API{Audience: "https://orders.example"})
	check(s.T, err)
	_, secret, err = s.Registry.CreateClient(ctx, domain.Client{
		ClientID: "reporting", GrantTypes: []string{domain.GrantClientCredentials}, APIs: []domain.ClientAPI{{Audience: "https://orders.example"}},
	})
	check(s.T, err)
	return secret
}

func TestMetricsAreThoseOfTheReferenceAndCountWhatHappens(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string]map[string]string{
		"sqlite": {}, "postgres": {"database": pgtest.Database(t)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShown(t, flags)
			secret := s.client()
			jobs := s.jobs(s.cfg, slog.New(slog.DiscardHandler))
			s.runs.watch(jobs, s.now)
			for _, j := range jobs {
				check(t, j.do(eventtest.Context(t)))
			}
			if status := s.post("/oauth2/token", "reporting", secret, url.Values{"grant_type": {"client_credentials"}}); status != http.StatusOK {
				t.Fatal("a token:", status)
			}
			hostile := "x\"\n" + strings.Repeat("a", 100)
			s.post("/oauth2/token", "reporting", "wrong", url.Values{"grant_type": {"client_credentials"}})
			s.post("/oauth2/token", "reporting", secret, url.Values{"grant_type": {hostile}})
			s.post("/nowhere/"+url.PathEscape(hostile)+"?token=secret", "reporting", secret, nil)
			text, described := s.scrape()
			want := metrics.Described()
			for _, absent := range map[string][]string{
				"sqlite":   {"signet_certificate_expiry_timestamp_seconds", "signet_certificate_lifetime_seconds"},
				"postgres": {"signet_certificate_expiry_timestamp_seconds", "signet_certificate_lifetime_seconds", "signet_disk_free_bytes"},
			}[name] {
				delete(want, absent)
			}
			for _, ofReceivers := range []string{"signet_receiver_pending_events", "signet_receiver_lag_seconds"} { // there are none
				delete(want, ofReceivers)
			}
			for metric, is := range want {
				if described[metric] != is {
					t.Errorf("%s is %q, want %q", metric, described[metric], is)
				}
			}
			for metric := range described {
				if _, known := want[metric]; !known {
					t.Errorf("%s is not in the reference", metric)
				}
			}
			for _, line := range []string{
				`signet_tokens_issued_total{grant="client_credentials"} 1`,
				`signet_token_requests_refused_total{grant="client_credentials",reason="invalid_client"} 1`,
				`signet_token_requests_refused_total{grant="other",reason="unsupported_grant_type"} 1`,
				`signet_http_request_duration_seconds_count{endpoint="POST /oauth2/token",status="2xx"} 1`,
				`signet_http_request_duration_seconds_count{endpoint="other",status="4xx"} 1`,
				`signet_ready 1`, `signet_check_ok{check="index"} 1`, `signet_scrape_ok 1`, `signet_revisions_behind 0`,
				`signet_signing_keys{alg="ES256",state="active"} 1`, `signet_job_failures_total{job="maintain the keys"} 0`,
				`signet_limited_requests_total{limit="failures"} 0`, `signet_queue_capacity{queue="index_writes"} 4096`, `signet_batch_failures_total{queue="index_writes"} 0`,
			} {
				if !strings.Contains(text, line+"\n") {
					t.Errorf("it does not show %s", line)
				}
			}
			if !regexp.MustCompile(`signet_batch_size_sum\{queue="index_writes"\} [1-9]`).MatchString(text) {
				t.Error("no batch is counted")
			}
			for _, never := range []string{"aaaa", "secret", "reporting", "orders.example"} {
				if strings.Contains(text, never) {
					t.Errorf("it shows %q", never)
				}
			}
		})
	}
}

func TestGuessesOfAPublicClientAreLimitedHoweverItIsNamed(t *testing.T) {
	t.Parallel()
	s := openShown(t, map[string]string{"limits.failures_per_address": "1"})
	_, _, err := s.Registry.CreateClient(eventtest.Context(t), domain.Client{
		ClientID: "app", Public: true, GrantTypes: []string{domain.GrantAuthorizationCode}, RedirectURIs: []string{"https://app.example/back"},
	})
	check(t, err)
	guess := url.Values{"grant_type": {domain.GrantAuthorizationCode}, "code": {"x"}, "redirect_uri": {"https://app.example/back"}, "code_verifier": {strings.Repeat("x", 43)}, "assertion": {"x"}}
	status := 0
	for n := 0; n < 100 && status != http.StatusTooManyRequests; n++ {
		if status = s.post("/oauth2/token", "app", "", guess); status != http.StatusBadRequest && status != http.StatusTooManyRequests {
			t.Fatal("a guess:", status)
		}
	}
	if status != http.StatusTooManyRequests {
		t.Error("as many as one likes are tried")
	}
	if text, _ := s.scrape(); !regexp.MustCompile(`signet_limited_requests_total\{limit="failures"\} [1-9]`).MatchString(text) {
		t.Error("the refusal is not counted")
	}
}

func TestWithoutTheDatabaseMetricsAreShownAllTheSame(t *testing.T) {
	t.Parallel()
	wire := pgtest.NewWire(t, pgtest.Database(t))
	s := openShown(t, map[string]string{"database": wire.URL()})
	wire.Cut()
	s.checkForEnvoy("orders", "x.y.z")
	text, _ := s.scrape()
	for _, line := range []string{`signet_ready 0`, `signet_check_ok{check="database"} 0`, `signet_scrape_ok 0`, `signet_sign_ins_total 0`,
		`signet_http_request_duration_seconds_count{endpoint="POST /envoy.service.auth.v3.Authorization/Check",status="5xx"} 1`} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("it does not show %s", line)
		}
	}
	if strings.Contains(text, "\nsignet_signing_keys{") {
		t.Error("it shows keys of which it does not know")
	}
}

func TestMetricsAreOnAnAddressOfTheirOwnAndNowhereElse(t *testing.T) {
	t.Parallel()
	s := openShown(t, nil)
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if w.Code != http.StatusNotFound {
		t.Error("at the public address: ", w.Code)
	}
	w = httptest.NewRecorder()
	s.metrics.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/oauth2/token", nil))
	if w.Code != http.StatusNotFound {
		t.Error("at theirs there is more: ", w.Code)
	}
	_, err := config.Load(config.Sources{Flags: map[string]string{"metrics.listen": "9464"}})
	if err == nil || !strings.Contains(err.Error(), "metrics.listen") {
		t.Error("a port alone:", err)
	}
}
