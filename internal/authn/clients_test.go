package authn_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/limits"
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// world is a registry with a confidential client "shop" and a public client "phone".
type world struct {
	*testing.T
	registry *registry.Registry
	cache    *cache.Cache
	clients  *authn.Clients
	secret   string
}

func newWorld(t *testing.T, db *store.DB) *world {
	t.Helper()
	r := servicetest.NewReplica(t, db, keys.NewMaster(), time.Now)
	w := &world{T: t, cache: r.Cache, registry: r.Registry}
	w.clients = r.Clients
	grants := []string{domain.GrantAuthorizationCode}
	uris := []string{"https://app.example/cb"}
	for _, c := range []domain.Client{
		{ClientID: "shop", Name: "Shop", GrantTypes: grants, RedirectURIs: uris, IDTokenAlg: domain.RS256},
		{ClientID: "phone", Name: "Phone", GrantTypes: grants, RedirectURIs: uris, IDTokenAlg: domain.RS256, Public: true},
	} {
		_, secret := r.AddClient(t, c)
		w.secret += secret // a public client has none
	}
	w.refresh()
	return w
}

func (w *world) refresh() {
	w.Helper()
	if err := w.cache.Refresh(w.Context()); err != nil {
		w.Fatal(err)
	}
}

func (w *world) authenticate(headers []string, form url.Values) (*domain.Client, authn.Caller, error) {
	r := httptest.NewRequestWithContext(w.Context(), http.MethodPost, "/", nil)
	r.Header["Authorization"] = headers
	return w.clients.Authenticate(r, form)
}

func basic(id, secret string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret))
	return r.Header.Get("Authorization")
}

func TestClientsAuthenticateInOneWay(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		form := func(pairs ...string) url.Values {
			values := url.Values{}
			for i := 0; i < len(pairs); i += 2 {
				values.Set(pairs[i], pairs[i+1])
			}
			return values
		}
		for name, c := range map[string]struct {
			headers []string
			form    url.Values
			client  string
			err     error
		}{
			"basic":                {[]string{basic("shop", w.secret)}, nil, "shop", nil},
			"basic and client_id":  {[]string{basic("shop", w.secret)}, form("client_id", "shop"), "shop", nil},
			"post":                 {nil, form("client_id", "shop", "client_secret", w.secret), "shop", nil},
			"public":               {nil, form("client_id", "phone"), "phone", nil},
			"public, basic":        {[]string{basic("phone", "")}, nil, "phone", nil},
			"public with a secret": {nil, form("client_id", "phone", "client_secret", "x"), "", authn.ErrInvalidClient},
			"wrong secret":         {[]string{basic("shop", "wrong")}, nil, "", authn.ErrInvalidClient},
			"no secret":            {nil, form("client_id", "shop"), "", authn.ErrInvalidClient},
			"unknown client":       {[]string{basic("nobody", w.secret)}, nil, "", authn.ErrInvalidClient},
			"nothing":              {nil, nil, "", authn.ErrInvalidClient},
			"empty header":         {[]string{""}, form("client_id", "phone"), "", authn.ErrInvalidClient},
			"another scheme":       {[]string{"Bearer x"}, nil, "", authn.ErrInvalidClient},
			"NUL":                  {[]string{basic("shop\x00", w.secret)}, nil, "", authn.ErrInvalidClient},
			"not UTF-8":            {[]string{basic("\xff", w.secret)}, nil, "", authn.ErrInvalidClient},
			"too long":             {[]string{basic("phone", "") + strings.Repeat(" ", 64<<10)}, nil, "", authn.ErrInvalidClient},
			"both ways":            {[]string{basic("shop", w.secret)}, form("client_secret", w.secret), "", authn.ErrSeveralMethods},
			"two headers":          {[]string{basic("shop", w.secret), basic("shop", w.secret)}, nil, "", authn.ErrSeveralMethods},
			"another client_id":    {[]string{basic("shop", w.secret)}, form("client_id", "phone"), "", authn.ErrOtherClient},
		} {
			t.Run(name, func(t *testing.T) {
				client, caller, err := w.authenticate(c.headers, c.form)
				if !errors.Is(err, c.err) {
					t.Fatalf("error %v, want %v", err, c.err)
				}
				if err != nil {
					if client != nil || !caller.IsZero() {
						t.Errorf("refused, and still %+v", caller)
					}
					return
				}
				if client.ClientID != c.client || caller.Client() != c.client || caller.Actor() != event.Client(c.client) || caller.Via() != authn.ViaAPI {
					t.Errorf("client %q, caller %+v, want %q", client.ClientID, caller, c.client)
				}
				if caller.May("tokens:read") {
					t.Error("client credentials alone give a permission")
				}
			})
		}
	})
}

func TestSecretsFromOtherSystemsAuthenticateEncodedOrNot(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		for id, secret := range map[string]string{
			"wiki": "abc+def/ghi==0123", "urn:example:wiki": "a%zz%20b c:d\"\\0123456", "a b": "++++%2B%2B%2B%2B####", "100%": "0123456789abcdef",
		} {
			imported := domain.Client{ClientID: id, GrantTypes: []string{domain.GrantClientCredentials}}
			if _, err := w.registry.ImportClient(eventtest.Context(t), imported, secret); err != nil {
				t.Fatal(err)
			}
			w.refresh()
			raw := &http.Request{Header: http.Header{}}
			raw.SetBasicAuth(id, secret)
			ways := map[string][]string{"encoded": {basic(id, secret)}, "not encoded": {raw.Header.Get("Authorization")}}
			if strings.Contains(id, ":") {
				delete(ways, "not encoded") // the first colon would divide
			}
			for way, header := range ways {
				if found, _, err := w.authenticate(header, url.Values{"client_id": {id}}); err != nil || found.ClientID != id {
					t.Errorf("%s with %q, %s: %v", id, secret, way, err)
				}
			}
			if _, _, err := w.authenticate(nil, url.Values{"client_id": {id}, "client_secret": {secret}}); err != nil {
				t.Errorf("%s with %q in the body: %v", id, secret, err)
			}
			for _, wrong := range []string{secret + "x", url.QueryEscape(secret) + "x", ""} {
				if _, _, err := w.authenticate([]string{basic(id, wrong)}, nil); !errors.Is(err, authn.ErrInvalidClient) {
					t.Errorf("%s with %q: %v", id, wrong, err)
				}
			}
		}
	})
}

func TestDisabledClientsDoNotAuthenticate(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		for _, id := range []string{"shop", "phone"} {
			if err := w.registry.DisableClient(eventtest.Context(t), id, ""); err != nil {
				t.Fatal(err)
			}
		}
		w.refresh()
		if _, _, err := w.authenticate([]string{basic("shop", w.secret)}, nil); !errors.Is(err, authn.ErrInvalidClient) {
			t.Errorf("confidential: %v", err)
		}
		if _, _, err := w.authenticate(nil, url.Values{"client_id": {"phone"}}); !errors.Is(err, authn.ErrInvalidClient) {
			t.Errorf("public: %v", err)
		}
	})
}

func TestConfidentialEndpointsRefusePublicClients(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		r := httptest.NewRequestWithContext(eventtest.Context(t), http.MethodPost, "/", nil)
		_, caller, err := w.clients.AuthenticateConfidential(r, url.Values{"client_id": {"phone"}})
		if !errors.Is(err, authn.ErrInvalidClient) || !caller.IsZero() {
			t.Errorf("caller %+v, error %v", caller, err)
		}
		r.SetBasicAuth("shop", w.secret)
		if _, _, err := w.clients.AuthenticateConfidential(r, nil); err != nil {
			t.Error(err)
		}
	})
}

// limit bounds failures, and says how often an attempt is tried until it is refused for them.
func (w *world) limit() (untilRefused func(attempt func(n int) error) int) {
	now := time.Now()
	w.clients.Failures = limits.New(limits.Rates{FailuresPerAddress: 2}, nil, func() time.Time { return now }, func(string) {}).Failures
	return func(attempt func(n int) error) int {
		w.Helper()
		for n := range 200 {
			if _, refused := errors.AsType[*domain.WaitError](attempt(n)); refused {
				return n
			}
		}
		w.Error("it is never refused")
		return 0
	}
}

func TestWhoFailsInTheNameOfAClientDoesNotShutItOut(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	untilRefused := w.limit()
	form := url.Values{"client_id": {"phone"}}
	for _, ask := range []func() error{
		func() error { _, _, err := w.authenticate([]string{basic("shop", w.secret)}, nil); return err },
		func() error { _, _, err := w.authenticate(nil, form); return err },
	} {
		servicetest.Must(t, ask()) // now the cache has it
	}
	guess := func(id string) error {
		_, _, err := w.authenticate([]string{basic(id, w.secret[:len(w.secret)-1]+"!")}, nil)
		return err
	}
	untilRefused(func(int) error { return guess("shop") })
	untilRefused(func(n int) error { return guess(fmt.Sprint("made-up-", n)) })
	if _, _, err := w.authenticate([]string{basic("shop", w.secret)}, nil); err != nil {
		t.Errorf("a client with the secret that it was given is refused: %v", err)
	}
	if _, _, err := w.authenticate(nil, form); err != nil {
		t.Errorf("a public client that asks for no grant is refused: %v", err)
	}
	form.Set("grant_type", domain.GrantAuthorizationCode)
	form.Set("code", "made up")
	if _, _, err := w.authenticate(nil, form); !errors.Is(err, domain.ErrBusy) {
		t.Errorf("a public client with a code of nobody's: %v", err)
	}
	servicetest.Must(t, w.registry.DisableClient(eventtest.Context(t), "shop", "test"))
	w.refresh()
	_, err := w.registry.LookupClient(t.Context(), "shop") // now the cache has it again
	servicetest.Must(t, err)
	if _, _, err := w.authenticate([]string{basic("shop", w.secret)}, nil); !errors.Is(err, domain.ErrBusy) {
		t.Errorf("a client that is disabled: %v", err)
	}
}

func TestASecretThatWasBroughtAlongIsHeldToFailures(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	untilRefused := w.limit()
	const brought = "a secret of another system"
	_, err := w.registry.ImportSecret(eventtest.Context(t), "shop", brought, time.Time{})
	servicetest.Must(t, err)
	w.refresh()
	right := func() error { _, _, err := w.authenticate([]string{basic("shop", brought)}, nil); return err }
	servicetest.Must(t, right())
	untilRefused(func(int) error { _, _, err := w.authenticate([]string{basic("shop", "wrong")}, nil); return err })
	if err := right(); !errors.Is(err, domain.ErrBusy) {
		t.Errorf("it can be guessed at without end: %v", err)
	}
}

func TestACodeThatIsOverIsHeldToItsFailuresHoweverItsClientIsNamed(t *testing.T) {
	for name, headers := range map[string][]string{"in the form": nil, "in the header": {basic("phone", "")}} {
		w := newWorld(t, storetest.SQLite(t))
		untilRefused := w.limit()
		w.clients.IssuedToken = func(_ context.Context, form url.Values) string { return form.Get("code") }
		form := url.Values{"grant_type": {domain.GrantAuthorizationCode}, "code": {"over"}}
		if headers == nil {
			form.Set("client_id", "phone")
		}
		n := untilRefused(func(int) error {
			r := httptest.NewRequestWithContext(authn.OneRequest(t.Context()), http.MethodPost, "/", nil)
			r.Header["Authorization"] = headers
			_, _, err := w.clients.Authenticate(r, form)
			w.clients.RefusedGrant(r, form)
			return err
		})
		if n != limits.BurstSeconds {
			t.Errorf("named %s it is tried %d times", name, n)
		}
	}
}

func TestAPublicClientsRequestsAreBoundedAtEachAddress(t *testing.T) {
	f := servicetest.SetUp(t, storetest.SQLite(t))
	grants, uris := []string{domain.GrantAuthorizationCode}, []string{"https://app.example/cb"}
	_, secret := f.A.AddClient(t, domain.Client{ClientID: "shop", GrantTypes: grants, RedirectURIs: uris})
	f.A.AddClient(t, domain.Client{ClientID: "phone", GrantTypes: grants, RedirectURIs: uris, Public: true})
	f.A.Refresh(t)
	f.A.Clients.Requests = limits.NewMeter(1)
	ask := func(address string, headers []string, form url.Values) error {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
		r.RemoteAddr, r.Header["Authorization"] = address, headers
		_, _, err := f.A.Clients.Authenticate(r, form)
		return err
	}
	for _, c := range []struct {
		name      string
		headers   []string
		form      url.Values
		elsewhere bool // it is refused there too
	}{{"public", nil, url.Values{"client_id": {"phone"}}, false}, {"confidential", []string{basic("shop", secret)}, nil, true}} {
		for range limits.BurstSeconds {
			servicetest.Must(t, ask("192.0.2.1:1", c.headers, c.form))
		}
		if err := ask("192.0.2.1:2", c.headers, c.form); !errors.Is(err, domain.ErrBusy) {
			t.Errorf("a %s client: %v", c.name, err)
		}
		if err := ask("192.0.2.2:1", c.headers, c.form); errors.Is(err, domain.ErrBusy) != c.elsewhere {
			t.Errorf("a %s client elsewhere: %v", c.name, err)
		}
	}
}
