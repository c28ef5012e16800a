// Package acme gets the certificates of HTTPS from a certificate authority (RFC 8555), and renews them. Replicas on one database share them.
package acme

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	attemptTimeout  = 3 * time.Minute // of one attempt, the wait for another replica's included
	validateTimeout = time.Minute     // of the authority's validation, within an attempt
	firstRetry      = time.Minute
	lastRetry       = 15 * time.Minute // with which Let's Encrypt's limit of failed validations is kept
)

// Config is what Certificates need.
type Config struct {
	Store     Store
	Sealer    Sealer
	Directory string         // URL of the authority's directory
	Roots     *x509.CertPool // which its own certificate rests on; nil: the system's
	Email     string         // of the account; may be empty
	Names     []string       // host names or addresses; the first is shown to clients that name none
	HTTPS     string         // host:port, where TLS-ALPN-01 arrives (RFC 8737)
	HTTP      string         // host:port, where HTTP-01 arrives (RFC 8555 §8.3); empty: nowhere
	Log       *slog.Logger
	Now       func() time.Time

	renewCheck time.Duration // between looks at whether to renew; zero: certmagic's
	retry      time.Duration // after the first failure; zero: firstRetry
}

// Certificates of an installation's names, each for one of them.
type Certificates struct {
	cfg     Config
	storage *storage
	magic   *certmagic.Config
	cache   *certmagic.Cache
	issuer  *certmagic.ACMEIssuer

	begun  bool                 // Maintain has run
	shown  map[string]time.Time // when the certificate of a name expires, as logged last
	warned map[string]time.Time // when that it expires was logged last
}

// New makes Certificates. It neither reads the database nor calls the authority. Stop them in the end.
func New(cfg Config) (*Certificates, error) {
	directory, err := url.Parse(cfg.Directory)
	if err != nil || directory.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the https address of an ACME directory", cfg.Directory)
	}
	c := &Certificates{cfg: cfg, storage: newStorage(cfg.Store, cfg.Sealer, cfg.Now), shown: map[string]time.Time{}, warned: map[string]time.Time{}}
	c.cfg.retry = cmp.Or(cfg.retry, firstRetry)
	log := newLogger(cfg.Log)
	var ready atomic.Pointer[certmagic.Config] // the cache asks from a goroutine of its own
	c.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert:   func(certmagic.Certificate) (*certmagic.Config, error) { return ready.Load(), nil },
		RenewCheckInterval: cfg.renewCheck,
		Logger:             log,
	})
	c.magic = certmagic.New(c.cache, certmagic.Config{
		Storage: c.storage, DisableStorageCheck: true,
		DefaultServerName: cfg.Names[0], FallbackServerName: cfg.Names[0],
		OCSP:    certmagic.OCSPConfig{DisableStapling: true}, // it would call whomever a certificate names
		OnEvent: c.happened, ShouldEmitFunc: func(event string) bool { return event != "tls_get_certificate" },
		Logger: log,
	})
	c.issuer = certmagic.NewACMEIssuer(c.magic, certmagic.ACMEIssuer{
		CA: cfg.Directory, TestCA: cfg.Directory, TrustedRoots: cfg.Roots, Email: cfg.Email, Agreed: true,
		DisableHTTPChallenge: cfg.HTTP == "",
		ListenHost:           specificHost(cfg.HTTPS, cfg.HTTP), AltHTTPPort: port(cfg.HTTP), AltTLSALPNPort: port(cfg.HTTPS),
		CertObtainTimeout: validateTimeout,
		HTTPProxy:         only(directory),
		Logger:            log,
	})
	c.magic.Issuers = []certmagic.Issuer{c.issuer}
	ready.Store(c.magic)
	return c, nil
}

// only lets requests go to one host, without a proxy: to the authority that the operator chose, wherever it is, and to nobody to whom its
// answers lead.
func only(directory *url.URL) func(*http.Request) (*url.URL, error) {
	host := func(u *url.URL) string { return strings.ToLower(u.Hostname()) + ":" + cmp.Or(u.Port(), "443") }
	return func(r *http.Request) (*url.URL, error) {
		if r.URL.Scheme != "https" || host(r.URL) != host(directory) {
			return nil, fmt.Errorf("the authority leads to %s, which is not on the host of its directory, %s", r.URL.Redacted(), directory.Host)
		}
		return nil, nil
	}
}

// specificHost is the host of the first address that is not on all hosts: certmagic asks there whether somebody listens already.
func specificHost(addresses ...string) string {
	for _, address := range addresses {
		host, _, _ := net.SplitHostPort(address)
		if ip := net.ParseIP(host); host != "" && (ip == nil || !ip.IsUnspecified()) {
			return host
		}
	}
	return ""
}

func port(address string) int {
	_, text, _ := net.SplitHostPort(address)
	n, _ := strconv.Atoi(text)
	return n
}

// Stop ends what New began, and releases the locks of this process. What still waits for the authority is left behind after a second.
func (c *Certificates) Stop(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	stopped := make(chan struct{})
	go func() {
		c.cache.Stop()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
	}
	for _, lock := range c.storage.locks() {
		_ = c.storage.Unlock(context.WithoutCancel(ctx), lock.Name) // what fails ends with its lease
	}
}

// Load loads the certificates that there are. That there are none is no error.
func (c *Certificates) Load(ctx context.Context) error {
	var failed error
	for _, name := range c.cfg.Names {
		if _, err := c.magic.CacheManagedCertificate(ctx, name); domain.IsTemporary(err) {
			failed = err
		}
	}
	return failed
}

// Maintain gets the certificates that are missing, and logs which are shown. It is to be called each minute.
func (c *Certificates) Maintain(ctx context.Context) error {
	var failed []error
	if !c.begun { // later certmagic does it by itself
		c.begun = true
		failed = append(failed, c.cache.RenewManagedCertificates(ctx))
	}
	for _, name := range c.cfg.Names {
		if _, ok := c.current(name); !ok {
			failed = append(failed, c.get(ctx, name))
		}
		c.logExpiry(ctx, name)
	}
	return errors.Join(failed...)
}

// get gets the certificate of a name: from the database, or else from the authority. A failure of that is not an error here: it was logged.
func (c *Certificates) get(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTimeout)
	defer cancel()
	cert, err := c.magic.CacheManagedCertificate(ctx, name)
	switch {
	case err == nil:
		if cert.NeedsRenewal(c.magic) {
			return c.cache.RenewManagedCertificates(ctx)
		}
		return nil
	case domain.IsTemporary(err):
		return fmt.Errorf("load the certificate of %s: %w", name, err)
	case !errors.Is(err, fs.ErrNotExist):
		c.cfg.Log.WarnContext(ctx, "the stored certificate cannot be used: another is obtained", "name", name, "error", err)
		if err := c.discard(ctx, name); err != nil {
			return err
		}
	}
	attempting, end := context.WithCancel(ctx)
	defer end()
	err = c.magic.ObtainCertAsync(context.WithValue(attempting, endKey{}, end), name)
	switch {
	case attempting.Err() != nil && ctx.Err() == nil, errors.Is(err, domain.ErrTooSoon):
		return nil
	case err != nil:
		return fmt.Errorf("obtain the certificate of %s: %w", name, err)
	}
	if _, err = c.magic.CacheManagedCertificate(ctx, name); err != nil {
		return fmt.Errorf("load the certificate of %s: %w", name, err)
	}
	return nil
}

// discard deletes a stored certificate that cannot be used, such as one whose key is another's, as a process ended in the middle of storing
// both. That may look so for a moment while it is stored, so it is looked at again under the lock.
func (c *Certificates) discard(ctx context.Context, name string) error {
	lock := "issue_cert_" + name // certmagic's
	if err := c.storage.Lock(ctx, lock); err != nil {
		return err
	}
	defer func() { _ = c.storage.Unlock(context.WithoutCancel(ctx), lock) }()
	if _, err := c.magic.CacheManagedCertificate(ctx, name); err == nil || domain.IsTemporary(err) {
		return err
	}
	return c.storage.Delete(ctx, certmagic.StorageKeys.CertsSitePrefix(c.issuer.IssuerKey(), name))
}

// current is the certificate of a name that is shown.
func (c *Certificates) current(name string) (*x509.Certificate, bool) {
	var latest *x509.Certificate
	for _, cert := range c.cache.AllMatchingCertificates(name) {
		if latest == nil || cert.Leaf.NotAfter.After(latest.NotAfter) {
			latest = cert.Leaf
		}
	}
	return latest, latest != nil
}

// logExpiry logs until when the certificate of a name is valid when it is new, and twice a day when it was not renewed in time.
func (c *Certificates) logExpiry(ctx context.Context, name string) {
	leaf, ok := c.current(name)
	if !ok {
		return
	}
	if !leaf.NotAfter.Equal(c.shown[name]) {
		c.shown[name] = leaf.NotAfter
		c.cfg.Log.InfoContext(ctx, "the certificate is in use", "name", name, "expires", leaf.NotAfter, "issuer", leaf.Issuer.String())
	}
	now := c.cfg.Now()
	// It should have been renewed when a third of its time was left.
	if left := leaf.NotAfter.Sub(now); left < leaf.NotAfter.Sub(leaf.NotBefore)/6 && now.Sub(c.warned[name]) >= 12*time.Hour {
		c.warned[name] = now
		c.cfg.Log.WarnContext(ctx, "the certificate expires soon, and was not renewed", "name", name, "expires", leaf.NotAfter)
	}
}

// Expiries says when the certificate of each name expires; a name that has none is missing.
func (c *Certificates) Expiries() map[string]time.Time {
	expiries := map[string]time.Time{}
	for _, name := range c.cfg.Names {
		if leaf, ok := c.current(name); ok {
			expiries[name] = leaf.NotAfter
		}
	}
	return expiries
}

// TLS is the configuration of a listener: what Go has by default, which is TLS 1.2 and 1.3, with HTTP/2.
func (c *Certificates) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1", acmez.ACMETLS1Protocol},
		GetCertificate: c.show,
	}
}

func (c *Certificates) show(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	validates := slices.Equal(hello.SupportedProtos, []string{acmez.ACMETLS1Protocol})
	if validates && !c.has(hello.ServerName) { // before the database is asked
		return nil, errors.New("no certificate of that name is being obtained")
	}
	return c.magic.GetCertificate(hello)
}

// has reports whether a name is one of the installation's, or may be an address in the form that TLS has for it (RFC 8738 §6).
func (c *Certificates) has(name string) bool {
	name = strings.ToLower(strings.Trim(name, "[]"))
	return slices.Contains(c.cfg.Names, name) || strings.HasSuffix(name, ".arpa")
}

// Challenges answers the authority's requests (RFC 8555 §8.3), and passes on all others.
func (c *Certificates) Challenges(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/.well-known/acme-challenge/") {
			next.ServeHTTP(w, r)
			return
		}
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if !c.has(host) || !c.issuer.HandleHTTPChallenge(w, r) {
			http.NotFound(w, r)
		}
	})
}
