package wellknown

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// newKeySet serves the JWKS of a replica.
func newKeySet(r *servicetest.Replica) func(tag string) *httptest.ResponseRecorder {
	mux := http.NewServeMux()
	(&Documents{JWKSMaxAge: time.Minute, Keys: r.Keys, Cache: r.Cache, Log: slog.New(slog.DiscardHandler), Now: time.Now}).Mount(mux)
	return func(tag string) *httptest.ResponseRecorder {
		w, request := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/.well-known/jwks.json", nil)
		if tag != "" {
			request.Header.Set("If-None-Match", tag)
		}
		mux.ServeHTTP(w, request)
		return w
	}
}

// While requests come all the time and share what was asked of the database, none that begins after a revocation has the key.
func TestNoJWKSHasAKeyThatAnotherReplicaRevokedBefore(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		get := newKeySet(f.B)
		var revoked atomic.Pointer[[]string]
		revoked.Store(&[]string{})
		done := make(chan struct{})
		var readers sync.WaitGroup
		for range 8 {
			readers.Go(func() {
				for {
					select {
					case <-done:
						return
					default:
					}
					before := *revoked.Load()
					w := get("")
					for _, kid := range before {
						if w.Code == http.StatusOK && strings.Contains(w.Body.String(), kid) {
							t.Errorf("%s was revoked before the request", kid)
							return
						}
					}
				}
			})
		}
		for range 10 {
			f.A.Refresh(t)
			all, err := f.A.Keys.List(eventtest.Context(t))
			servicetest.Must(t, err)
			kid := ""
			for _, key := range all {
				if key.State == "active" && key.Alg == "ES256" {
					kid = key.KID
				}
			}
			_, _, err = f.A.Keys.Revoke(eventtest.Context(t), kid)
			servicetest.Must(t, err)
			now := append([]string{kid}, *revoked.Load()...)
			revoked.Store(&now)
			if w := get(""); w.Code != http.StatusOK || strings.Contains(w.Body.String(), kid) {
				t.Errorf("%d, with the key %s that was revoked before: %s", w.Code, kid, w.Body)
			}
		}
		close(done)
		readers.Wait()
	})
}

func TestTheJWKSSaysHowLongItIsAndHowLongItMayBeKept(t *testing.T) {
	f := servicetest.SetUp(t, storetest.SQLite(t))
	get := newKeySet(f.A)
	for range 5 { // past what net/http measures by itself
		_, err := f.A.Keys.Rotate(eventtest.Context(t), []string{"RS256"}, 0)
		servicetest.Must(t, err)
	}
	w := get("")
	h := w.Header()
	want := map[string]string{
		"Content-Length": strconv.Itoa(w.Body.Len()), "Content-Type": "application/jwk-set+json", "Cache-Control": "public, max-age=60",
		"Age": "0", "Access-Control-Allow-Origin": "*",
	}
	for name, value := range want {
		if h.Get(name) != value {
			t.Errorf("%s is %q, want %q", name, h.Get(name), value)
		}
	}
	if w.Body.Len() < 2048 {
		t.Errorf("only %d bytes", w.Body.Len())
	}
	again := get(h.Get("ETag"))
	if again.Code != http.StatusNotModified || again.Body.Len() > 0 || again.Header().Get("Content-Length") != "" {
		t.Errorf("again: %d, %d bytes", again.Code, again.Body.Len())
	}
}
