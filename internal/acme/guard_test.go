package acme

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/test/pebble"
)

// front serves a directory over TLS, at an address that it returns, and has some roots trust it.
func front(t *testing.T, trusted *x509.CertPool, directory http.HandlerFunc) *url.URL {
	t.Helper()
	server := httptest.NewTLSServer(directory)
	t.Cleanup(server.Close)
	trusted.AddCert(server.Certificate())
	at, err := url.Parse(server.URL + "/dir")
	check(t, err)
	return at
}

func TestRequestsGoToTheHostsThatTheDirectoryNamesAlone(t *testing.T) {
	var asked atomic.Int64
	var broken, lost atomic.Bool
	trusted := x509.NewCertPool()
	at := front(t, trusted, func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		if broken.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, `{"newNonce": "https://nonce.CA.example/n", "newOrder": "https://order.ca.example:8443/o", "revokeCert": "http://clear.ca.example/r", "random": 1,
			"meta": {"website": "https://www.ca.example", "termsOfService": "https://terms.ca.example"}}`)
	})
	g := newGuard(at, trusted, lost.Load)
	send := func(target string) error {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
		check(t, err)
		proxy, err := g.allow(r)
		if proxy != nil {
			t.Error("by a proxy:", target)
		}
		return err
	}
	broken.Store(true)
	if err := send("https://nonce.ca.example/"); err == nil || !strings.Contains(err.Error(), "503") {
		t.Error("without a directory:", err)
	}
	if err := send(at.String()); err != nil || asked.Load() != 1 {
		t.Error("its own host:", err)
	}
	broken.Store(false)
	for target, allowed := range map[string]bool{
		at.String(): true, "https://nonce.ca.example/": true, "https://NONCE.ca.example:443/x": true, "https://order.ca.example:8443/": true,
		"https://order.ca.example/": false, "http://order.ca.example:8443/": false, "http://clear.ca.example/r": false, "https://clear.ca.example/": false,
		"https://www.ca.example/": false, "https://terms.ca.example/": false, "https://ca.example/": false, "https://169.254.169.254/": false,
		"https://nonce.ca.example.evil.example/": false, "https://nonce.ca.example@evil.example/": false,
		strings.Replace(at.String(), "https:", "http:", 1): false,
	} {
		if err := send(target); (err == nil) != allowed {
			t.Error(target, err)
		}
	}
	if n := asked.Load(); n != 2 {
		t.Error("the directory was read again for each request:", n)
	}
	lost.Store(true)
	if err := send(at.String()); !errors.Is(err, errLockLost) {
		t.Error("while a lock is lost:", err)
	}
}

func TestTheDirectoryItselfLeadsNowhereElse(t *testing.T) {
	var reached atomic.Bool
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	defer other.Close()
	trusted := x509.NewCertPool()
	at := front(t, trusted, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other.URL, http.StatusFound) })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, other.URL, nil)
	check(t, err)
	if _, err := newGuard(at, trusted, func() bool { return false }).allow(r); err == nil || reached.Load() {
		t.Error("it was followed:", err, reached.Load())
	}
}

func TestAnAuthorityOnSeveralHostsBindsAnAccount(t *testing.T) {
	t.Parallel()
	cfg := configFor(t, newDB(t), keys.NewMaster())
	account := External{KeyID: "kid-1", Key: []byte("0123456789abcdef0123456789abcdef")}
	p := pebble.New(t, pebble.Options{HTTP: cfg.HTTP, Accounts: map[string][]byte{account.KeyID: account.Key}}).Start()
	cfg.Roots = roots(t, p.RootFile)
	trusting := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots(t, p.RootFile)}, DisableKeepAlives: true}}
	cfg.Directory = front(t, cfg.Roots, func(w http.ResponseWriter, r *http.Request) {
		answer, err := trusting.Get(p.Directory) // which names pebble's own host
		if err != nil || r.URL.Path != "/dir" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer answer.Body.Close()
		w.Header().Set("Content-Type", "application/json")
		io.Copy(w, answer.Body) //nolint:errcheck // the caller sees
	}).String()
	for says, wrong := range map[string]*External{
		"externalAccountRequired": nil, "unauthorized": {KeyID: account.KeyID, Key: []byte("another key, of which it is told")},
	} {
		refused := cfg
		refused.External, refused.HTTPS, refused.HTTP = wrong, address(t), ""
		s := serve(t, refused)
		check(t, s.Maintain(s.ctx))
		if log := s.log.String(); len(s.Shown()) > 0 || !strings.Contains(log, says) || strings.Contains(log, "another key") {
			t.Error("without the account:", log)
		}
	}
	cfg.External = &account
	s := serve(t, cfg)
	s.await("a certificate", func() bool { check(t, s.Maintain(s.ctx)); return len(s.Shown()) == 1 })
	if s.shown(p.Root(), name) == nil {
		t.Error("it is not shown")
	}
}
