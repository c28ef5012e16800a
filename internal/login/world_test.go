package login_test

import (
	"context"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/device"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/interaction"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/login"
	"github.com/signet-auth/signet/internal/page"
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/session"
	"github.com/signet-auth/signet/internal/signin"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const (
	password = "correct horse battery"

	addressHeader = "X-Test-Address" // where the request seems to come from
	orders        = "https://orders.example"
)

// world is a server with the sign-in pages over a real database, with a user, an API, a client, and a clock that the
// test moves.
type world struct {
	t         *testing.T
	db        *store.DB
	now       time.Time
	sessions  *session.Sessions
	directory *directory.Directory
	passwords *signin.Passwords
	registry  *registry.Registry
	pages     *page.Pages
	sealer    *interaction.Sealer
	server    *httptest.Server
	alice     domain.User
	notes     domain.Client
	meanwhile func(ctx context.Context) error // what happens between a password that is right and its session, if anything
	codes     servicetest.Codes
	patience  time.Duration // of the server with a request, 0: none of its own
}

// slowPasswords lets something happen after a password was found right.
type slowPasswords struct {
	*signin.Passwords
	world *world
}

func (p slowPasswords) Verify(ctx context.Context, a domain.Authentication, attempt signin.Attempt) (interaction.Step, error) {
	step, err := p.Passwords.Verify(ctx, a, attempt)
	if err == nil && p.world.meanwhile != nil {
		err = p.world.meanwhile(ctx)
	}
	return step, err
}

// openSessions counts, by the audit log, the sessions that were started and not ended by themselves.
func (w *world) openSessions() int {
	w.t.Helper()
	events, err := w.db.ListEvents(eventtest.Context(w.t), 0, 1000)
	w.check(err)
	open := 0
	for _, event := range events {
		switch event.Action {
		case "session.start":
			open++
		case "session.end":
			open--
		}
	}
	return open
}

func each(t *testing.T, test func(w *world)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(newWorld(t, db)) })
}

func newWorld(t *testing.T, db *store.DB) *world {
	t.Helper()
	w := &world{t: t, db: db, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	discard := slog.New(slog.DiscardHandler)
	r := servicetest.NewReplica(t, db, keys.NewMaster(), clock)
	w.directory, w.passwords, w.registry, w.sessions = r.Directory, r.Passwords, r.Registry, r.Sessions
	var err error
	w.pages, err = page.New(page.Config{
		Issuer: "http://127.0.0.1", HashKey: make([]byte, 32), BlockKey: make([]byte, 32),
		Sessions: w.sessions, Directory: w.directory, Now: clock, Log: discard,
	})
	w.check(err)
	w.sealer, err = interaction.NewSealer(make([]byte, 32), clock)
	w.check(err)
	signIn, err := signin.New(signin.Config{
		Methods: []signin.Method{slowPasswords{w.passwords, w}, &w.codes}, Transactions: db, Directory: w.directory, Sessions: w.sessions,
		Events: r.Recorder, Now: clock,
	})
	w.check(err)
	pages := login.New(login.Config{
		Pages: w.pages, Sealer: w.sealer, SignIn: signIn, Passwords: w.passwords, Links: r.Links, Sessions: w.sessions, Directory: w.directory,
		Registry: w.registry, Callers: authn.NewSessions(r.Directory, r.Cache), Now: clock, Log: discard,
		Devices: device.New(device.Config{Store: db, Grants: db, Events: r.Recorder, Key: make([]byte, 32), Now: clock}),
	})
	mux := http.NewServeMux()
	pages.Mount(mux)
	w.server = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.patience > 0 {
			ctx, cancel := context.WithTimeout(r.Context(), w.patience)
			defer cancel()
			r = r.WithContext(ctx)
		}
		if address := r.Header.Get(addressHeader); address != "" {
			r.RemoteAddr = address
		}
		mux.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.server.Close)
	return w
}

// settle adds the user, the API and the client.
func (w *world) settle() {
	w.t.Helper()
	ctx := eventtest.Context(w.t)
	var err error
	w.alice, err = w.directory.CreateUser(ctx, domain.User{Username: "alice", Name: "Alice Baker", Email: "alice@example.com"}, w.passwords.New(password))
	w.check(err)
	_, err = w.registry.CreateAPI(ctx, domain.API{Audience: orders, Name: "Orders", SigningAlg: domain.ES256, Permissions: []domain.Permission{
		{Name: "orders:read", Description: "See your orders"}, {Name: "orders:write"},
	}})
	w.check(err)
	w.notes, _, err = w.registry.CreateClient(ctx, domain.Client{
		ClientID: "notes", Name: `Notes <script>alert("&")</script>`, GrantTypes: []string{domain.GrantAuthorizationCode},
		RedirectURIs: []string{"https://notes.example/cb"}, APIs: []domain.ClientAPI{{Audience: orders}}, IDTokenAlg: domain.RS256,
	})
	w.check(err)
}

func (w *world) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// flow is an authorization request of the client, sealed in no browser that there is.
func (w *world) flow() string {
	w.t.Helper()
	sealed, err := w.sealer.Seal(interaction.New(interaction.Request{
		ClientID: "notes", RedirectURI: "https://notes.example/cb", LoginHint: "alice", MaxAge: -1,
		APIs: []domain.GrantAPI{{Audience: orders, Scopes: []string{"openid", "offline_access", "orders:read", "orders:write"}}},
	}, "", w.now))
	w.check(err)
	return sealed
}

// browser keeps cookies and the page that it shows, and follows no redirect.
type browser struct {
	*world
	client *http.Client
	answer
}

// answer is what came back for a request.
type answer struct {
	status int
	header http.Header
	body   string
}

func (w *world) browser() *browser {
	w.t.Helper()
	jar, err := cookiejar.New(nil)
	w.check(err)
	return &browser{world: w, client: &http.Client{
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// get opens a page.
func (b *browser) get(path string) *browser {
	b.t.Helper()
	return b.do(http.MethodGet, path, nil)
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// post sends the form of the page that is open, with these fields filled in by name and value.
func (b *browser) post(path string, fields ...string) *browser {
	b.t.Helper()
	form := url.Values{}
	if token := csrfField.FindStringSubmatch(b.body); token != nil {
		form.Set("csrf", html.UnescapeString(token[1]))
	}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return b.do(http.MethodPost, path, form)
}

func (b *browser) do(method, path string, form url.Values) *browser {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.server.URL+path, strings.NewReader(form.Encode()))
	b.check(err)
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.server.URL)
	}
	response, err := b.client.Do(r)
	b.check(err)
	body, err := io.ReadAll(response.Body)
	b.check(err)
	b.check(response.Body.Close())
	b.answer = answer{response.StatusCode, response.Header, string(body)}
	return b
}

// signIn signs alice in.
func (b *browser) signIn() *browser {
	b.t.Helper()
	return b.get("/login").post("/login", "username", "alice", "password", password).wantRedirect("/account")
}

func (b *browser) wantRedirect(target string) *browser {
	b.t.Helper()
	if location := b.header.Get("Location"); b.status != http.StatusSeeOther || location != target {
		b.t.Fatalf("status %d to %q, want 303 to %q\n%s", b.status, location, target, b.body)
	}
	return b
}

// wantPage holds the answer to a status and to texts that it shows.
func (b *browser) wantPage(status int, texts ...string) *browser {
	b.t.Helper()
	if b.status != status {
		b.t.Fatalf("status %d, want %d\n%s", b.status, status, b.body)
	}
	for _, text := range texts {
		if !strings.Contains(b.body, text) {
			b.t.Errorf("the page does not say %q:\n%s", text, b.body)
		}
	}
	return b
}
