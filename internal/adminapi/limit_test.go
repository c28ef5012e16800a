package adminapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/limits"
	"github.com/signet-auth/signet/internal/token"
)

// clients know each token as that of the client which is called so.
type clients struct{}

func (clients) Introspect(_ context.Context, text string) (*introspection.Active, error) {
	return &introspection.Active{Claims: token.Claims{Audience: domain.AdminAudience, ClientID: text}}, nil
}

func TestACallerWhoSendsTooManyRequestsIsToldWhenToGoOn(t *testing.T) {
	api, _ := newAPI(Config{Callers: authn.NewBearer(clients{}), Limit: limits.NewMeter(1)})
	ask := func(as string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, root+"/users?limit=0", nil) // which is refused anyway
		r.Header.Set("Authorization", "Bearer "+as)
		api.ServeHTTP(w, r)
		return w
	}
	refused := 0
	for range 3 * limits.BurstSeconds {
		w := ask("a")
		switch w.Code {
		case http.StatusUnprocessableEntity:
		case http.StatusTooManyRequests:
			refused++
			if w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), `"status":429`) || !strings.Contains(w.Header().Get("Content-Type"), "problem+json") {
				t.Errorf("%v %s", w.Header(), w.Body)
			}
		default:
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
	if refused == 0 {
		t.Error("nothing was refused")
	}
	if w := ask("b"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("another caller gets status %d", w.Code)
	}
}
