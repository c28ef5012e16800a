package adminapi

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/token"
)

// clients know each token as that of the client which is called so.
type clients struct{}

func (clients) Introspect(_ context.Context, text string) (*introspection.Active, error) {
	return &introspection.Active{Claims: token.Claims{Audience: domain.AdminAudience, ClientID: text}}, nil
}

func TestACallerWhoSendsTooManyRequestsIsToldWhenToGoOn(t *testing.T) {
	api, _ := newAPI(Config{Callers: authn.NewBearer(clients{}), RequestsPerSecond: 1})
	ask := func(as string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, root+"/users?limit=0", nil) // which is refused anyway
		r.Header.Set("Authorization", "Bearer "+as)
		api.ServeHTTP(w, r)
		return w
	}
	refused := 0
	for range 3 * limitSeconds {
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

func TestAfterASecondACallerMayGoOnAndFewAreKept(t *testing.T) {
	l, a, now := newLimits(2), callerName{"client:a", "a"}, time.Unix(1_000_000, 0)
	for i := range 2 * limitSeconds {
		if !l.allow(a, now) {
			t.Fatalf("request %d is refused", i)
		}
	}
	if l.allow(a, now) || !l.allow(a, now.Add(time.Second)) || !l.allow(a, now.Add(time.Second)) || l.allow(a, now.Add(time.Second)) {
		t.Error("the limit is not two in a second")
	}
	for i := range 2 * limitedCallers {
		l.allow(callerName{"", strconv.Itoa(i)}, now)
	}
	if n := l.callers.Len(); n != limitedCallers {
		t.Errorf("%d callers are kept", n)
	}
	if unlimited := newLimits(0); !unlimited.allow(a, now) || unlimited.callers.Len() != 0 {
		t.Error("without a limit something is counted")
	}
}
