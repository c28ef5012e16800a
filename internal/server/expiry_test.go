package server

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/store/pgtest"
)

func TestATokenIsInactiveFromTheSecondInWhichItExpires(t *testing.T) {
	t.Parallel()
	for name, flags := range map[string]map[string]string{"sqlite": {}, "postgres": {"database": pgtest.Database(t)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			flags["data_dir"], flags["database_timeout"] = t.TempDir(), "10s"
			cfg, err := config.Load(config.Sources{Flags: flags, Environ: []string{"SIGNET_MASTER_KEY=" + strings.Repeat("A", 43) + "="}})
			check(t, err)
			var now atomic.Pointer[time.Time]
			now.Store(new(time.Now()))
			s, err := open(t.Context(), cfg, ModeServe, func() time.Time { return *now.Load() })
			check(t, err)
			t.Cleanup(s.Close)
			ctx := eventtest.Context(t)
			check(t, s.Keys.Ensure(ctx))
			handler, _, err := s.handler(cfg, slog.New(slog.DiscardHandler))
			check(t, err)

			const audience = "https://brief.example"
			_, err = s.Registry.CreateAPI(ctx, domain.API{Audience: audience, AccessTokenTTL: 30 * time.Second})
			check(t, err)
			secrets := map[string]string{}
			for _, c := range []domain.Client{
				{ClientID: "brief", GrantTypes: []string{domain.GrantClientCredentials}, APIs: []domain.ClientAPI{{Audience: audience}}},
				{ClientID: "brief-svc", Serves: []string{audience}},
			} {
				_, secrets[c.ClientID], err = s.Registry.CreateClient(ctx, c)
				check(t, err)
			}
			var answer struct {
				Token   string `json:"access_token"`
				Expires int64  `json:"expires_in"` // in seconds
				Active  bool
			}
			ask := func(path, client string, form url.Values) {
				t.Helper()
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.SetBasicAuth(client, secrets[client])
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != http.StatusOK {
					t.Fatalf("%s answers %d, %s", path, w.Code, w.Body)
				}
			}
			issued := now.Load().Truncate(time.Second)
			ask("/oauth2/token", "brief", url.Values{"grant_type": {domain.GrantClientCredentials}, "resource": {audience}})
			if answer.Expires != 30 {
				t.Fatalf("it expires in %d s", answer.Expires)
			}
			token := answer.Token
			for after, active := range map[time.Duration]bool{0: true, 30*time.Second - time.Microsecond: true, 30 * time.Second: false, time.Minute: false} {
				now.Store(new(issued.Add(after)))
				if ask("/oauth2/introspect", "brief-svc", url.Values{"token": {token}}); answer.Active != active {
					t.Errorf("%v after it was issued it is active: %v", after, answer.Active)
				}
			}
		})
	}
}
