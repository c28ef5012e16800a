package registration_test

import (
	"compress/gzip"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/clock/clocktest"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/registration"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// host serves metadata documents over TLS, which this process trusts.
var host struct {
	*httptest.Server
	mu    sync.Mutex
	at    map[string]http.HandlerFunc
	asked map[string]int // by path
}

func TestMain(m *testing.M) {
	host.at, host.asked = map[string]http.HandlerFunc{}, map[string]int{}
	host.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host.mu.Lock()
		host.asked[r.URL.Path]++
		handler := host.at[r.URL.Path]
		host.mu.Unlock()
		handler(w, r)
	}))
	dir, err := os.MkdirTemp("", "signet-registration-")
	if err == nil {
		file := filepath.Join(dir, "ca.pem")
		err = os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: host.Certificate().Raw}), 0o600)
		os.Setenv("SSL_CERT_FILE", file)
	}
	if err != nil {
		panic(err)
	}
	pgtest.Main(m)
}

// serve makes the host answer at a path of the test's own, and returns the URL.
func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	path := "/" + strings.ReplaceAll(t.Name(), "#", "-")
	host.mu.Lock()
	defer host.mu.Unlock()
	path += fmt.Sprintf("/%d", len(host.at))
	host.at[path] = handler
	return host.URL + path
}

// asked says how often the host was asked for a document.
func asked(id string) int {
	host.mu.Lock()
	defer host.mu.Unlock()
	return host.asked[strings.TrimPrefix(id, host.URL)]
}

// document serves what edit makes of an honest document.
func document(t *testing.T, edit func(document map[string]any, header http.Header)) string {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		d := map[string]any{
			"client_id": host.URL + r.URL.Path, "client_name": "Editor", "redirect_uris": []string{"http://127.0.0.1/callback"},
			"grant_types": []string{"authorization_code", "refresh_token"}, "token_endpoint_auth_method": "none", "unheard_of": map[string]any{"x": nil},
		}
		w.Header().Set("Content-Type", "application/json")
		edit(d, w.Header())
		text, err := json.Marshal(d)
		if err != nil {
			panic(err)
		}
		w.Write(text)
	})
}

var anybody = registration.Rules{
	Documents: registration.Anybody, PrivateDocuments: true, Endpoint: registration.Anybody, MaxClients: 1000, UnusedTTL: 48 * time.Hour,
}

type world struct {
	servicetest.Fixture
	*registration.Service
}

func each(t *testing.T, rules registration.Rules, test func(t *testing.T, w world)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		f := servicetest.SetUp(t, db)
		test(t, world{f, newService(f, f.A, rules)})
	})
}

// newService makes a service that waits for documents longer than a busy machine takes.
func newService(f servicetest.Fixture, r *servicetest.Replica, rules registration.Rules) *registration.Service {
	return newServiceWithin(f, r, rules, time.Minute)
}

// newServiceWithin makes one that waits for a document that long.
func newServiceWithin(f servicetest.Fixture, r *servicetest.Replica, rules registration.Rules, timeout time.Duration) *registration.Service {
	return registration.New(registration.Config{
		Store: f.DB, Limits: f.DB, Registry: r.Registry, Cache: r.Cache, Events: r.Recorder, Rules: rules, Issuer: servicetest.Issuer,
		Clock: clocktest.New(f.Clock), Now: f.Clock, FetchTimeout: timeout,
	})
}

func (w world) move(d time.Duration) {
	later := w.Clock().Add(d)
	w.Now.Store(&later)
}

func (w world) client(t *testing.T, id string) domain.Client {
	t.Helper()
	c, err := w.A.Registry.FindClient(eventtest.Context(t), id)
	servicetest.Must(t, err)
	return c
}

func TestADocumentBecomesAClientAndItsChangesTakeEffectWhenItIsNotFreshAnyMore(t *testing.T) {
	each(t, anybody, func(t *testing.T, w world) {
		var name atomic.Value
		name.Store("Editor")
		redirects := []string{"http://127.0.0.1/callback", "https://editor.example/callback"}
		id := document(t, func(d map[string]any, h http.Header) {
			d["client_name"] = name.Load()
			d["redirect_uris"] = redirects
			if name.Load() != "Editor" {
				d["redirect_uris"], d["grant_types"] = redirects[1:], []string{"authorization_code"}
			}
			h.Set("Cache-Control", "max-age=600")
			h.Set("Age", "60")
		})
		ctx := eventtest.Context(t)
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				if err := w.Document(ctx, id, "203.0.113.9"); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		c := w.client(t, id)
		if c.Origin != domain.OriginMetadata || !c.Public || !c.RequirePKCE || c.FirstParty || c.Name != "Editor" || !slices.Equal(c.RedirectURIs, redirects) {
			t.Errorf("registered %+v", c)
		}
		name.Store("Editor 2")
		w.move(9*time.Minute - time.Second)
		servicetest.Must(t, w.Document(ctx, id, "203.0.113.9"))
		if c := w.client(t, id); c.Name != "Editor" {
			t.Errorf("fetched while it was fresh: %+v", c)
		}
		w.move(2 * time.Second)
		servicetest.Must(t, w.Document(ctx, id, "203.0.113.9"))
		if c := w.client(t, id); c.Name != "Editor 2" || !slices.Equal(c.RedirectURIs, redirects[1:]) || len(c.GrantTypes) != 1 || c.SessionRefreshTokens {
			t.Errorf("after the change %+v", c)
		}
		if err := w.Renewed(ctx, &c); !errors.Is(err, domain.ErrStale) {
			t.Errorf("a request that was judged on what the client was: %v", err)
		}
		if hits := asked(id); hits != 2 {
			t.Errorf("%d fetches", hits)
		}
	})
}

func TestDocumentsThatCannotBeTrustedRegisterNothing(t *testing.T) {
	each(t, anybody, func(t *testing.T, w world) {
		field := func(name string, value any) string {
			return document(t, func(d map[string]any, _ http.Header) { d[name] = value })
		}
		raw := func(status int, kind, body string) string {
			return serve(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", kind)
				w.WriteHeader(status)
				fmt.Fprint(w, strings.ReplaceAll(body, "ME", host.URL+r.URL.Path))
			})
		}
		many := make([]string, 10_000)
		for i := range many {
			many[i] = fmt.Sprintf("https://a/%d", i)
		}
		const honest = `{"client_id":"ME","redirect_uris":["https://a.example/cb"]}`
		for what, c := range map[string]struct{ id, reason string }{
			"another client_id": {field("client_id", "https://other.example/x"), "client_id is not its own address"},
			"no client_id":      {field("client_id", nil), "client_id"},
			"a number":          {field("client_name", 5), "client_name"},
			"logout elsewhere":  {field("backchannel_logout_uri", "https://victim.example/logout"), "at the host of one of the redirect_uris"},
			"a turned name":     {field("client_name", "Notes\u202egnp.exe"), "without control characters"},
			"a secret":          {field("client_secret", "s"), "no secret"},
			"a shared secret":   {field("token_endpoint_auth_method", "client_secret_basic"), "must be none or private_key_jwt"},
			"client_secret_jwt": {field("token_endpoint_auth_method", "client_secret_jwt"), "token_endpoint_auth_method"},
			"no redirect":       {field("redirect_uris", []string{}), "redirect_uris"},
			"a script":          {field("redirect_uris", []string{"javascript:alert(1)"}), "javascript"},
			"a nested list":     {field("redirect_uris", []any{[]string{"https://a.example/"}}), "redirect_uris"},
			"10,000 redirects":  {field("redirect_uris", many), "5120 bytes"},
			"100 redirects":     {field("redirect_uris", many[:100]), "at most 32"},
			"a machine":         {field("grant_types", []string{"client_credentials"}), "authorization_code"},
			"web on the device": {field("application_type", "web"), "native"},
			"a statement":       {field("software_statement", "x.y.z"), "software statement"},
			"keys on loopback":  {raw(200, "application/json", `{"client_id":"ME","redirect_uris":["https://a.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks_uri":"https://localhost/jwks"}`), "jwks_uri"},
			"a name twice":      {raw(200, "application/json", `{"client_id":"https://x.example/","client_id":"ME","redirect_uris":["https://a.example/cb"]}`), "client_id"},
			"a list":            {raw(200, "application/json", `[]`), "object"},
			"not JSON":          {raw(200, "application/json", honest+"x"), "not JSON"},
			"deep":              {raw(200, "application/json", strings.Repeat("[", 5000)), "not JSON"},
			"HTML":              {raw(200, "text/html", honest), "application/json"},
			"201":               {raw(201, "application/json", honest), "answered 201"},
			"404":               {raw(404, "application/json", honest), "answered 404"},
			"huge":              {raw(200, "application/json", honest+strings.Repeat(" ", 6<<10)), "5120 bytes"},
			"endless": {serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				for {
					if _, err := w.Write(make([]byte, 1<<10)); err != nil {
						return
					}
				}
			}), "5120 bytes"},
			"redirected": {serve(t, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, "/elsewhere", http.StatusFound)
			}), "answered 302"},
			"packed": {serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Encoding", "gzip")
				z := gzip.NewWriter(w)
				z.Write(make([]byte, 10<<20))
				z.Close()
			}), "packed"},
			"slow": {serve(t, func(_ http.ResponseWriter, r *http.Request) {
				select {
				case <-r.Context().Done():
				case <-time.After(time.Minute):
				}
				panic(http.ErrAbortHandler) // returning would answer 200
			}), "could not be fetched"},
			"metadata of clouds": {"https://169.254.169.254/latest/meta-data", "could not be fetched"},
			"dots":               {host.URL + "/a/../b", ". and .."},
			"escaped dots":       {host.URL + "/a/%2e%2E/b", ". and .."},
			"no path":            {host.URL, "needs a path"},
			"a user":             {strings.Replace(host.URL, "https://", "https://user@", 1) + "/x", "user name"},
			"a fragment":         {host.URL + "/x#y", "fragment"},
		} {
			t.Run(what, func(t *testing.T) {
				w.move(time.Minute) // or too many would be fetched
				service := w.Service
				if what == "slow" {
					service = newServiceWithin(w.Fixture, w.A, anybody, time.Second)
				}
				failed := new(registration.DocumentError)
				if err := service.Document(eventtest.Context(t), c.id, "203.0.113.9"); !errors.As(err, &failed) || !strings.Contains(failed.Reason, c.reason) {
					t.Errorf("%v, want %q", err, c.reason)
				}
				if _, err := w.A.Registry.FindClient(eventtest.Context(t), c.id); !errors.Is(err, domain.ErrNotFound) {
					t.Errorf("registered: %v", err)
				}
			})
		}
	})
}

func TestDocumentsInsideAreNeverAskedFor(t *testing.T) {
	rules := anybody
	rules.PrivateDocuments = false
	each(t, rules, func(t *testing.T, w world) {
		service := newServiceWithin(w.Fixture, w.A, rules, registration.FetchTimeout) // some of the names are looked up in the DNS
		path := "/inside/" + t.Name()
		port := host.URL[strings.LastIndex(host.URL, ":"):]
		for _, name := range []string{"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "2130706433"} {
			failed := new(registration.DocumentError)
			if err := service.Document(eventtest.Context(t), "https://"+name+port+path, "203.0.113.9"); !errors.As(err, &failed) || !strings.Contains(failed.Reason, "could not be fetched") {
				t.Errorf("%s: %v", name, err)
			}
		}
		if asked(path) != 0 {
			t.Error("the host inside was asked")
		}
	})
}

func TestOnlyDocumentsThatAnAdministratorAllowsAreAskedFor(t *testing.T) {
	rules := anybody
	rules.Documents, rules.Hosts = registration.Listed, []string{"127.0.0.1", "*.apps.example"}
	each(t, rules, func(t *testing.T, w world) {
		ctx := eventtest.Context(t)
		id := document(t, func(map[string]any, http.Header) {})
		servicetest.Must(t, w.Document(ctx, id, "203.0.113.9"))
		for _, other := range []string{"https://apps.example/x", "https://evilapps.example/x", "https://a.apps.example.evil.example/x", "https://127.0.0.1.evil.example/x"} {
			if err := w.Document(ctx, other, "203.0.113.9"); !errors.Is(err, domain.ErrNotFound) {
				t.Errorf("%s: %v", other, err)
			}
		}
		nobody := anybody
		nobody.Documents = registration.Nobody
		off := newService(w.Fixture, w.A, nobody)
		c := w.client(t, id)
		if err := off.Document(ctx, id, "203.0.113.9"); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("with nobody's documents: %v", err)
		}
		if err := off.Renewed(ctx, &c); !errors.Is(err, domain.ErrNotFound) {
			t.Errorf("with nobody's documents a client that authenticates: %v", err)
		}
	})
}

func TestFetchesAreBoundedOverAllReplicas(t *testing.T) {
	each(t, anybody, func(t *testing.T, w world) {
		replicas := []*registration.Service{w.Service, newService(w.Fixture, w.B, anybody)}
		id := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
		made := 0
		fetch := func(from string) (fetched int) {
			for range 20 {
				made++
				failed := new(registration.DocumentError)
				if err := replicas[made%2].Document(eventtest.Context(t), fmt.Sprint(id, "?", made), from); errors.As(err, &failed) {
					fetched++
				} else if !errors.Is(err, domain.ErrBusy) {
					t.Fatal(err)
				}
			}
			return fetched
		}
		for n, want := range []int{10, 10, 10, 0} { // 30 of one host
			if got := fetch(fmt.Sprint("203.0.113.", n)); got != want {
				t.Errorf("network %d: %d fetches, want %d", n, got, want)
			}
		}
		other := document(t, func(map[string]any, http.Header) {})
		if err := w.Document(eventtest.Context(t), other, "203.0.113.99"); !errors.Is(err, domain.ErrBusy) {
			t.Errorf("%v", err)
		}
		w.move(time.Minute)
		servicetest.Must(t, w.Document(eventtest.Context(t), other, "203.0.113.99"))
	})
}

func TestADocumentThatDoesNotArriveIsNotAskedForAgainAtOnce(t *testing.T) {
	each(t, anybody, func(t *testing.T, w world) {
		id := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
		other := document(t, func(map[string]any, http.Header) {})
		for _, want := range []string{"could not be fetched.", "a moment ago", "a moment ago"} {
			failed := new(registration.DocumentError)
			if err := w.Document(eventtest.Context(t), id, "203.0.113.9"); !errors.As(err, &failed) || !strings.Contains(failed.Reason, want) {
				t.Errorf("%v, want %q", err, want)
			}
		}
		before := asked(id)
		servicetest.Must(t, w.Document(eventtest.Context(t), other, "203.0.113.9")) // of the same host
		w.move(31 * time.Second)
		if err := w.Document(eventtest.Context(t), id, "203.0.113.9"); err == nil || asked(id) == before {
			t.Errorf("%v, asked %d times", err, asked(id))
		}
	})
}

func TestWhatIsTooMuchAtOnceIsRefusedAtOnce(t *testing.T) {
	each(t, anybody, func(t *testing.T, w world) {
		known, id := document(t, func(map[string]any, http.Header) {}), document(t, func(map[string]any, http.Header) {})
		servicetest.Must(t, w.Document(eventtest.Context(t), known, "203.0.113.9"))
		w.move(time.Hour)
		free := w.Exhaust()
		if err := w.Document(eventtest.Context(t), id, "203.0.113.9"); !errors.Is(err, domain.ErrBusy) || asked(id) > 0 {
			t.Errorf("%v", err)
		}
		servicetest.Must(t, w.Document(eventtest.Context(t), known, "203.0.113.9"))
		free()
		servicetest.Must(t, w.Document(eventtest.Context(t), id, "203.0.113.9"))
	})
}

func TestMadeUpAddressesKeepNobodyOutWhoIsRegistered(t *testing.T) {
	each(t, anybody, func(t *testing.T, w world) {
		id := document(t, func(map[string]any, http.Header) {})
		ctx := eventtest.Context(t)
		servicetest.Must(t, w.Document(ctx, id, "203.0.113.9"))
		w.move(time.Hour)
		for n := range 100 {
			if err := w.Document(ctx, fmt.Sprintf("%s?%d", id, n), "203.0.113.9"); errors.Is(err, domain.ErrBusy) {
				break
			}
		}
		before := asked(id)
		if err := w.Document(ctx, id, "203.0.113.9"); err != nil || asked(id) != before+1 {
			t.Errorf("%v, fetched %d times", err, asked(id)-before)
		}
	})
}

func TestAnotherAddressOfKeysIsNotPrivateBecauseTheLastOneMightBe(t *testing.T) {
	each(t, anybody, func(t *testing.T, w world) {
		var keys atomic.Value
		keys.Store("https://editor.example/jwks")
		id := document(t, func(d map[string]any, _ http.Header) {
			d["token_endpoint_auth_method"], d["jwks_uri"], d["client_name"] = "private_key_jwt", keys.Load(), fmt.Sprint(asked(host.URL))
		})
		ctx := eventtest.Context(t)
		servicetest.Must(t, w.Document(ctx, id, "203.0.113.9"))
		_, err := w.A.Registry.UpdateClient(ctx, id, func(c *domain.Client) error {
			c.JWKSURIPrivate = true
			return nil
		})
		servicetest.Must(t, err)
		for _, c := range []struct {
			uri  string
			want bool
		}{{"https://editor.example/jwks", true}, {"https://10.0.0.1/", false}} {
			keys.Store(c.uri)
			w.move(time.Hour)
			servicetest.Must(t, w.Document(ctx, id, "203.0.113.9"))
			if got := w.client(t, id); got.JWKSURI != c.uri || got.JWKSURIPrivate != c.want {
				t.Errorf("%s: %+v", c.uri, got)
			}
		}
	})
}

func TestADocumentSaysWhereItsClientHearsOfSignOuts(t *testing.T) {
	each(t, anybody, func(t *testing.T, w world) {
		var gone atomic.Bool
		id := document(t, func(d map[string]any, _ http.Header) {
			d["redirect_uris"] = []string{"https://editor.example/cb"}
			if !gone.Load() {
				d["backchannel_logout_uri"], d["frontchannel_logout_uri"] = "https://editor.example/back", "https://editor.example/front"
				d["frontchannel_logout_session_required"] = true
			}
		})
		ctx := eventtest.Context(t)
		servicetest.Must(t, w.Document(ctx, id, "203.0.113.9"))
		if c := w.client(t, id); c.BackchannelLogoutURI != "https://editor.example/back" || c.FrontchannelLogoutURI != "https://editor.example/front" || !c.FrontchannelLogoutSID {
			t.Errorf("%+v", c)
		}
		gone.Store(true)
		w.move(time.Hour)
		servicetest.Must(t, w.Document(ctx, id, "203.0.113.9"))
		if c := w.client(t, id); c.BackchannelLogoutURI != "" || c.FrontchannelLogoutURI != "" || c.FrontchannelLogoutSID {
			t.Errorf("%+v", c)
		}
	})
}

func TestADocumentThatIsGoneDoesNotEndWhatIsRegistered(t *testing.T) {
	each(t, anybody, func(t *testing.T, w world) {
		var down atomic.Bool
		id := document(t, func(d map[string]any, _ http.Header) {
			if down.Load() {
				d["client_id"] = "https://gone.example/"
			}
		})
		ctx := eventtest.Context(t)
		servicetest.Must(t, w.Document(ctx, id, "203.0.113.9"))
		c := w.client(t, id)
		down.Store(true)
		w.move(time.Hour)
		failed := new(registration.DocumentError)
		if err := w.Document(ctx, id, "203.0.113.9"); !errors.As(err, &failed) {
			t.Errorf("authorizes on a document that is not there: %v", err)
		}
		servicetest.Must(t, w.Renewed(ctx, &c))
		// One that an administrator disabled is not asked for, and does not come back.
		servicetest.Must(t, w.A.Registry.DisableClient(ctx, id, ""))
		w.A.Refresh(t)
		before := asked(id)
		servicetest.Must(t, w.Document(ctx, id, "203.0.113.9"))
		if c := w.client(t, id); c.DisabledAt.IsZero() || asked(id) != before {
			t.Error("a disabled client's document was fetched")
		}
	})
}

func TestAReplicaWhoseClockIsWrongDeletesNoClients(t *testing.T) {
	each(t, anybody, func(t *testing.T, w world) {
		ctx, id := eventtest.Context(t), document(t, func(map[string]any, http.Header) {})
		servicetest.Must(t, w.Document(ctx, id, "203.0.113.9"))
		ahead := func() time.Time { return w.Clock().Add(90 * 24 * time.Hour) }
		w.Config.Now, w.Config.Clock = ahead, clock.New(clocktest.Database(w.Clock), ahead)
		if err := w.Expire(ctx); !errors.Is(err, domain.ErrClocksDiffer) {
			t.Error(err)
		}
		w.client(t, id)
	})
}

func TestClientsThatNobodyUsesGo(t *testing.T) {
	each(t, anybody, func(t *testing.T, w world) {
		ctx := eventtest.Context(t)
		used, unused := document(t, func(map[string]any, http.Header) {}), document(t, func(map[string]any, http.Header) {})
		for _, id := range []string{used, unused} {
			servicetest.Must(t, w.Document(ctx, id, "203.0.113.9"))
		}
		c := w.client(t, used)
		w.Used(ctx, &c)
		wantLeft := func(want ...string) {
			t.Helper()
			servicetest.Must(t, w.Expire(ctx))
			left, err := w.A.Registry.ListClients(ctx, domain.ClientFilter{Origin: domain.OriginMetadata}, domain.Page{Limit: 9})
			servicetest.Must(t, err)
			if len(left) != len(want) || len(want) == 1 && left[0].ClientID != want[0] {
				t.Errorf("left %v, want %v", left, want)
			}
		}
		wantLeft(used, unused)
		w.move(24*time.Hour + time.Second)
		wantLeft(used)
		w.Used(ctx, &c)
		w.move(47 * time.Hour)
		wantLeft(used)
		w.move(time.Hour + time.Second)
		wantLeft()
	})
}
