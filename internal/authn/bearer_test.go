package authn_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/token"
)

// tokens knows live tokens by their text; what it does not know is not live. Without any, the database is gone.
type tokens map[string]*introspection.Active

func (t tokens) Introspect(_ context.Context, text string) (*introspection.Active, error) {
	if t == nil {
		return nil, domain.ErrUnavailable
	}
	return t[text], nil
}

func bearerRequest(t *testing.T, headers ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(eventtest.Context(t), http.MethodGet, "/?access_token=admin", nil)
	r.Header["Authorization"] = headers
	return r
}

func TestBearerTokensComeInOneHeaderAlone(t *testing.T) {
	live := &introspection.Active{}
	bearer := authn.NewBearer(tokens{"live": live})
	for name, c := range map[string]struct {
		headers []string
		err     error
	}{
		"one":               {[]string{"Bearer live"}, nil},
		"scheme in capital": {[]string{"BEARER live"}, nil},
		"several spaces":    {[]string{"Bearer   live"}, nil},
		"none":              {nil, authn.ErrNoToken},
		"two":               {[]string{"Bearer live", "Bearer live"}, authn.ErrNoToken},
		"empty":             {[]string{"Bearer "}, authn.ErrNoToken},
		"another scheme":    {[]string{"Basic live"}, authn.ErrNoToken},
		"no scheme":         {[]string{"live"}, authn.ErrNoToken},
		"too long":          {[]string{"Bearer " + strings.Repeat(" ", 64<<10) + "live"}, authn.ErrNoToken},
		"not live":          {[]string{"Bearer dead"}, authn.ErrInvalidToken},
		"live and more":     {[]string{"Bearer live live"}, authn.ErrInvalidToken},
	} {
		t.Run(name, func(t *testing.T) {
			active, err := bearer.Token(bearerRequest(t, c.headers...))
			if !errors.Is(err, c.err) || (err == nil) != (active == live) {
				t.Errorf("token %v, error %v, want %v", active, err, c.err)
			}
		})
	}
}

func TestAdminCallersHaveThePermissionsOfTheirToken(t *testing.T) {
	claims := token.Claims{Audience: domain.AdminAudience, ClientID: "ops", Entitlements: []string{"tokens:read"}}
	elsewhere := claims
	elsewhere.Audience = "https://orders.example"
	bearer := authn.NewBearer(tokens{
		"client":    {Claims: claims},
		"user":      {Claims: claims, User: &domain.User{Username: "alice"}},
		"elsewhere": {Claims: elsewhere},
	})
	for text, want := range map[string]struct {
		actor   event.Actor
		subject string
	}{"client": {"client:ops", ""}, "user": {"user:alice", "alice"}} {
		caller, err := bearer.Authenticate(bearerRequest(t, "Bearer "+text))
		if err != nil {
			t.Fatal(err)
		}
		if caller.Actor() != want.actor || caller.Subject() != want.subject || caller.Client() != "ops" || caller.Via() != authn.ViaAPI {
			t.Errorf("%s: %+v", text, caller)
		}
		if !caller.May("tokens:read") || caller.May("tokens:revoke") {
			t.Errorf("%s may do other things than its token says", text)
		}
	}
	if caller, err := bearer.Authenticate(bearerRequest(t, "Bearer elsewhere")); !errors.Is(err, authn.ErrInvalidToken) || !caller.IsZero() {
		t.Errorf("a token of another audience: %+v, %v", caller, err)
	}
}

func TestBearerNeverGuessesWithoutTheDatabase(t *testing.T) {
	caller, err := authn.NewBearer(tokens(nil)).Authenticate(bearerRequest(t, "Bearer live"))
	if !errors.Is(err, domain.ErrUnavailable) || !caller.IsZero() {
		t.Errorf("caller %+v, error %v", caller, err)
	}
}
