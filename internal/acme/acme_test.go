package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/test/freeaddress"
	"github.com/signet-auth/signet/test/pebble"
)

const name = "id.example"

// server shows certificates, as the package server does.
type server struct {
	*Certificates
	t   *testing.T
	cfg Config
	log *logText
	ctx context.Context
}

type logText struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func address(t *testing.T) string {
	t.Helper()
	at, err := freeaddress.Next()
	check(t, err)
	return at
}

func newDB(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "signet.db"), store.Options{OpTimeout: 10 * time.Second})
	check(t, err)
	t.Cleanup(db.Close)
	check(t, db.Migrate(t.Context()))
	return db
}

func roots(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(file)
	check(t, err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

// configFor is for certificates by HTTP-01 and TLS-ALPN-01.
func configFor(t *testing.T, db *store.DB, master *keys.Master) Config {
	return Config{
		Store: db, Sealer: master, Email: "ops@id.example", Names: []string{name}, HTTPS: address(t), HTTP: address(t), Now: time.Now, retry: time.Millisecond,
	}
}

// serve listens and runs what the jobs of a server do.
func serve(t *testing.T, cfg Config) *server {
	t.Helper()
	s := &server{t: t, log: &logText{}}
	cfg.Log = slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s.cfg = cfg
	var err error
	s.Certificates, err = New(cfg)
	check(t, err)
	check(t, s.Load(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	s.ctx = ctx
	var running sync.WaitGroup
	listen := func(at string, config *tls.Config, handler http.Handler) {
		l, err := net.Listen("tcp", at)
		check(t, err)
		if config != nil {
			l = tls.NewListener(l, config)
		}
		h := &http.Server{Handler: handler, ErrorLog: slog.NewLogLogger(cfg.Log.Handler(), slog.LevelDebug)}
		running.Go(func() { _ = h.Serve(l) })
		t.Cleanup(func() { h.Close() })
	}
	listen(cfg.HTTPS, s.TLS(), http.NotFoundHandler())
	if cfg.HTTP != "" {
		listen(cfg.HTTP, nil, s.Challenges(http.NotFoundHandler()))
	}
	t.Cleanup(func() {
		cancel()
		s.Stop(context.WithoutCancel(ctx))
		if t.Failed() {
			t.Log(s.log)
		}
	})
	return s
}

// shown is the certificate that a client gets that asks for a name. nil if the handshake fails.
func (s *server) shown(trusted *x509.CertPool, serverName string) *x509.Certificate {
	conn, err := tls.Dial("tcp", s.cfg.HTTPS, &tls.Config{RootCAs: trusted, ServerName: serverName})
	if err != nil {
		return nil
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

// expiries are those of the certificates that are shown.
func (s *server) expiries() map[string]time.Time {
	expiries := map[string]time.Time{}
	for name, leaf := range s.Shown() {
		expiries[name] = leaf.NotAfter
	}
	return expiries
}

func (s *server) await(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("not within a minute: %s\n%s", what, s.log)
		}
	}
}

func TestCertificatesAreObtainedByEachChallengeAndKept(t *testing.T) {
	for _, challenge := range []string{"http-01", "tls-alpn-01"} {
		t.Run(challenge, func(t *testing.T) {
			t.Parallel()
			db, master := newDB(t), keys.NewMaster()
			cfg := configFor(t, db, master)
			authority := pebble.Options{HTTPS: cfg.HTTPS}
			if challenge == "http-01" {
				authority = pebble.Options{HTTP: cfg.HTTP}
			} else {
				cfg.HTTP = ""
			}
			p := pebble.New(t, authority).Start()
			cfg.Directory, cfg.Roots = p.Directory, roots(t, p.RootFile)
			s := serve(t, cfg)
			if c := s.shown(nil, name); c != nil {
				t.Fatal("there is a certificate before any was obtained:", c.Subject)
			}
			s.await("a certificate", func() bool { check(t, s.Maintain(s.ctx)); return len(s.expiries()) == 1 })
			first := s.shown(p.Root(), name)
			if first == nil || !first.NotAfter.Equal(s.expiries()[name]) {
				t.Fatal("it is not shown, or expires at another time:", first, s.expiries())
			}
			for _, other := range []string{"", "other.example", "127.0.0.1"} {
				conn, err := tls.Dial("tcp", cfg.HTTPS, &tls.Config{InsecureSkipVerify: true, ServerName: other})
				if err != nil {
					t.Errorf("nothing is shown to who asks for %q: %v", other, err)
					continue
				}
				conn.Close()
			}
			again := cfg
			again.HTTPS, again.HTTP = address(t), ""
			if restarted := serve(t, again); !restarted.shown(p.Root(), name).Equal(first) {
				t.Error("who starts again does not show the certificate that is there")
			}
			if n := p.Issued(); n != 1 {
				t.Error("certificates issued:", n)
			}
			stored, err := db.ACMEKeys(t.Context(), "certificates")
			check(t, err)
			for _, key := range stored {
				v, err := db.ACMEValue(t.Context(), key)
				check(t, err)
				if strings.Contains(string(v.Sealed), "-----BEGIN") || strings.Contains(string(v.Sealed), name) {
					t.Error("stored in clear:", key)
				}
			}
			if len(stored) != 3 {
				t.Error("stored:", stored)
			}
			if log := s.log.String(); strings.Contains(log, "PRIVATE KEY") || !strings.Contains(log, "the certificate is in use") {
				t.Error("the log:", log)
			}
		})
	}
}

func TestAnAddressHasACertificateToo(t *testing.T) {
	t.Parallel()
	for _, challenge := range []string{"http-01", "tls-alpn-01"} {
		cfg := configFor(t, newDB(t), keys.NewMaster())
		cfg.Names = []string{"127.0.0.1"}
		authority := pebble.Options{HTTP: cfg.HTTP}
		if challenge == "tls-alpn-01" {
			authority, cfg.HTTP = pebble.Options{HTTPS: cfg.HTTPS}, ""
		}
		p := pebble.New(t, authority).Start()
		cfg.Directory, cfg.Roots = p.Directory, roots(t, p.RootFile)
		s := serve(t, cfg)
		check(t, s.Maintain(s.ctx))
		if s.shown(p.Root(), "127.0.0.1") == nil {
			t.Error("no certificate by", challenge, s.log)
		}
	}
}

func TestReplicasObtainOneCertificate(t *testing.T) {
	t.Parallel()
	cfg := configFor(t, newDB(t), keys.NewMaster())
	p := pebble.New(t, pebble.Options{HTTP: cfg.HTTP}).Start()
	cfg.Directory, cfg.Roots = p.Directory, roots(t, p.RootFile)
	replicas := []*server{serve(t, cfg)} // to which the authority comes, whoever asked for a certificate
	for range 3 {
		other := cfg
		other.HTTPS, other.HTTP = address(t), address(t)
		replicas = append(replicas, serve(t, other))
	}
	var running sync.WaitGroup
	for _, r := range replicas {
		running.Go(func() {
			if err := r.Maintain(r.ctx); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	for _, r := range replicas {
		if r.shown(p.Root(), name) == nil {
			t.Error("a replica has no certificate")
		}
	}
	if n := p.Issued(); n != 1 {
		t.Error("certificates issued:", n)
	}
}

func TestACertificateIsRenewedBeforeItExpires(t *testing.T) {
	t.Parallel()
	cfg := configFor(t, newDB(t), keys.NewMaster())
	p := pebble.New(t, pebble.Options{HTTP: cfg.HTTP, HTTPS: cfg.HTTPS, Validity: 10 * time.Second}).Start()
	cfg.Directory, cfg.Roots, cfg.renewCheck = p.Directory, roots(t, p.RootFile), 200*time.Millisecond
	s := serve(t, cfg)
	s.await("a certificate", func() bool { check(t, s.Maintain(s.ctx)); return len(s.expiries()) == 1 })
	first := s.expiries()[name]
	trusted := p.Root()
	s.await("its renewal", func() bool { return s.expiries()[name].After(first) })
	s.await("it in a handshake", func() bool { c := s.shown(trusted, name); return c != nil && c.NotAfter.After(first) })
	check(t, s.Maintain(s.ctx))
	if n := strings.Count(s.log.String(), "the certificate is in use"); n < 2 || n > p.Issued() { // one more on a busy machine
		t.Error("logged as in use:", n)
	}
	if !strings.Contains(s.log.String(), "renewal=true") {
		t.Error("the renewal is not logged")
	}
}

func TestACertificateThatExpiredWhileNoServerRanIsRenewedAtOnce(t *testing.T) {
	t.Parallel()
	cfg := configFor(t, newDB(t), keys.NewMaster())
	const name = "expired.example" // certmagic renews one certificate of a name at a time in a process, in which there are other tests
	p := pebble.New(t, pebble.Options{HTTP: cfg.HTTP, Validity: 3 * time.Second}).Start()
	cfg.Directory, cfg.Roots, cfg.Names = p.Directory, roots(t, p.RootFile), []string{name}
	first := serve(t, cfg)
	check(t, first.Maintain(first.ctx))
	expires := first.expiries()[name]
	first.await("its end", func() bool { return time.Now().After(expires) })
	again := cfg
	again.HTTPS, again.HTTP = address(t), address(t)
	s := serve(t, again)
	check(t, s.Maintain(s.ctx))
	s.await("another", func() bool { return s.expiries()[name].After(expires) })
}

func TestFailuresAreLoggedPacedAndOverSome(t *testing.T) {
	t.Parallel()
	db, master := newDB(t), keys.NewMaster()
	cfg := configFor(t, db, master)
	p := pebble.New(t, pebble.Options{HTTP: cfg.HTTP, HTTPS: cfg.HTTPS})
	cfg.Directory, cfg.Roots, cfg.retry = p.Directory, roots(t, p.RootFile), time.Hour
	failed := func(s *server) int { return strings.Count(s.log.String(), "no certificate could be obtained") }
	s := serve(t, cfg)
	for range 3 {
		check(t, s.Maintain(s.ctx))
	}
	if n := failed(s); n != 1 || len(s.expiries()) > 0 || !strings.Contains(s.log.String(), "connection refused") {
		t.Fatal("attempts logged while the authority is down:", n, s.log)
	}
	p.Start()
	other := cfg
	other.HTTPS, other.HTTP = address(t), address(t)
	o := serve(t, other)
	check(t, o.Maintain(o.ctx))
	if len(o.expiries()) > 0 || p.Issued() > 0 {
		t.Error("another replica does not wait after a failure")
	}

	distrusting := other
	distrusting.retry, distrusting.Roots, distrusting.HTTPS, distrusting.HTTP = time.Nanosecond, x509.NewCertPool(), address(t), address(t)
	d := serve(t, distrusting)
	check(t, d.Maintain(d.ctx))
	if n := failed(d); n != 1 || len(d.expiries()) > 0 || !strings.Contains(d.log.String(), "certificate signed by unknown authority") {
		t.Error("an authority of another root is trusted, or the log does not say so:", n, d.log)
	}

	s.Certificates.cfg.retry = time.Nanosecond
	check(t, s.Maintain(s.ctx))
	if s.shown(p.Root(), name) == nil {
		t.Error("there is no certificate when the authority is there again")
	}
	check(t, o.Maintain(o.ctx))
	if len(o.expiries()) != 1 || p.Issued() != 1 {
		t.Error("the other replica does not share the certificate:", o.expiries(), p.Issued())
	}
}

// TestAStoredCertificateThatIsOfNoUseIsReplaced: a process may end between storing the key and the certificate.
func TestAStoredCertificateThatIsOfNoUseIsReplaced(t *testing.T) {
	t.Parallel()
	db, master := newDB(t), keys.NewMaster()
	cfg := configFor(t, db, master)
	p := pebble.New(t, pebble.Options{HTTP: cfg.HTTP, HTTPS: cfg.HTTPS}).Start()
	cfg.Directory, cfg.Roots = p.Directory, roots(t, p.RootFile)
	s := serve(t, cfg)
	check(t, s.Maintain(s.ctx))
	key := certmagic.StorageKeys.SitePrivateKey(s.issuer.IssuerKey(), name)
	another, err := certmagic.StandardKeyGenerator{KeyType: certmagic.P256}.GenerateKey()
	check(t, err)
	text, err := certmagic.PEMEncodePrivateKey(another)
	check(t, err)
	check(t, s.storage.Store(t.Context(), key, text))
	restarted := cfg
	restarted.HTTPS, restarted.HTTP = address(t), address(t)
	r := serve(t, restarted)
	if len(r.expiries()) > 0 {
		t.Fatal("a certificate is shown without its key")
	}
	check(t, r.Maintain(r.ctx)) // the first replica answers the challenge
	if r.shown(p.Root(), name) == nil || p.Issued() != 2 {
		t.Error("no other certificate was obtained:", p.Issued())
	}
}

func TestChallengesOfOthersAskNoDatabase(t *testing.T) {
	db := newDB(t)
	cfg := configFor(t, db, keys.NewMaster())
	cfg.Directory = "https://ca.example/dir"
	s := serve(t, cfg)
	db.Close() // asking it would be logged
	for _, host := range []string{"evil.example", strings.Repeat("a", 300) + ".example", "[::1]:80", ""} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://%s/.well-known/acme-challenge/x", cfg.HTTP), nil)
		check(t, err)
		r.Host = host
		response, err := http.DefaultClient.Do(r)
		check(t, err)
		response.Body.Close()
		if host != "" && response.StatusCode != http.StatusNotFound {
			t.Error(host, response.Status)
		}
	}
	for _, other := range []string{"evil.example", "1.0.0.127.in-addr.arpa", strings.Repeat("a.", 100) + "ip6.arpa"} {
		if conn, err := tls.Dial("tcp", cfg.HTTPS, &tls.Config{ServerName: other, NextProtos: []string{"acme-tls/1"}}); err == nil {
			conn.Close()
			t.Error("a challenge of another name is answered:", other)
		}
	}
	if strings.Contains(s.log.String(), "looking up info") || strings.Contains(s.log.String(), "tls-alpn challenge") {
		t.Error(s.log)
	}
}
