// Package acme gets the certificates of HTTPS from a certificate authority (RFC 8555), and renews them. Replicas on one database share them.
package acme

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

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
	External  *External      // nil: the authority asks for no account elsewhere
	Names     []string       // host names or addresses; the first is shown to clients that name none
	HTTPS     string         // host:port, where TLS-ALPN-01 arrives (RFC 8737)
	HTTP      string         // host:port, where HTTP-01 arrives (RFC 8555 §8.3); empty: nowhere
	Log       *slog.Logger
	Now       func() time.Time

	renewCheck time.Duration // between looks at whether to renew; zero: certmagic's
	retry      time.Duration // after the first failure; zero: firstRetry
}

// External is an account that the operator has with the authority already, to which the one of ACME is bound (RFC 8555 §7.3.4).
type External struct {
	KeyID string
	Key   []byte // for HMAC
}

// Certificates of an installation's names, each for one of them.
type Certificates struct {
	cfg     Config
	storage *storage
	magic   *certmagic.Config
	cache   *certmagic.Cache
	issuer  *certmagic.ACMEIssuer

	validated []string // the names, as the authority has them in handshakes that validate

	begun bool                 // Maintain has run
	shown map[string]time.Time // when the certificate of a name expires, as logged last
}

// New makes Certificates. It neither reads the database nor calls the authority. Stop them in the end.
func New(cfg Config) (*Certificates, error) {
	directory, err := url.Parse(cfg.Directory)
	if err != nil || directory.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the https address of an ACME directory", cfg.Directory)
	}
	c := &Certificates{cfg: cfg, storage: newStorage(cfg.Store, cfg.Sealer, cfg.Now), shown: map[string]time.Time{}}
	c.cfg.retry = cmp.Or(cfg.retry, firstRetry)
	for _, name := range cfg.Names {
		c.validated = append(c.validated, validatedName(name))
	}
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
		HTTPProxy:         newGuard(directory, cfg.Roots, c.storage.lost).allow,
		Logger:            log,
	})
	if cfg.External != nil {
		c.issuer.ExternalAccount = &acme.EAB{KeyID: cfg.External.KeyID, MACKey: base64.RawURLEncoding.EncodeToString(cfg.External.Key)}
	}
	c.magic.Issuers = []certmagic.Issuer{c.issuer}
	ready.Store(c.magic)
	return c, nil
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

// logExpiry logs until when the certificate of a name is valid when it is new.
func (c *Certificates) logExpiry(ctx context.Context, name string) {
	leaf, ok := c.current(name)
	if !ok || leaf.NotAfter.Equal(c.shown[name]) {
		return
	}
	c.shown[name] = leaf.NotAfter
	c.cfg.Log.InfoContext(ctx, "the certificate is in use", "name", name, "expires", leaf.NotAfter, "issuer", leaf.Issuer.String())
}

// ExpiryWarning is how long before its end a certificate is overdue for renewal: two weeks, or a sixth of its time if that is less. Whoever
// renews by himself does so when a third is left.
func ExpiryWarning(leaf *x509.Certificate) time.Duration {
	return min(14*24*time.Hour, leaf.NotAfter.Sub(leaf.NotBefore)/6)
}

// Shown are the certificates that are shown, by name; a name that has none is missing.
func (c *Certificates) Shown() map[string]*x509.Certificate {
	shown := map[string]*x509.Certificate{}
	for _, name := range c.cfg.Names {
		if leaf, ok := c.current(name); ok {
			shown[name] = leaf
		}
	}
	return shown
}

// TLS is the configuration of a listener: what Go has by default, which is TLS 1.2 and 1.3, with HTTP/2.
func (c *Certificates) TLS() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1", acmez.ACMETLS1Protocol},
		GetCertificate: c.show,
	}
}
