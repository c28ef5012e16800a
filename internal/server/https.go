package server

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"sync/atomic"
	"time"

	"github.com/signet-auth/signet/internal/acme"
	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/readiness"
)

const maxPEM = 1 << 20 // bytes of a file

// certificates are what the server shows in HTTPS.
type certificates interface {
	// config is that of a listener.
	config() *tls.Config
	// jobs keep them current.
	jobs(log *slog.Logger) []job
	// challenges answers what an authority asks by plain HTTP, and passes on all else.
	challenges(next http.Handler) http.Handler
	// shown are the certificates by name; a name that has none yet is missing.
	shown() map[string]*x509.Certificate
	// check fails, with a readiness.Reason, while the issuer's host has none that is valid.
	check() error
	// stop ends what runs for them.
	stop(ctx context.Context)
}

// openCertificates prepares what the configuration names. nil if a proxy speaks HTTPS. notice is for whoever starts the server.
func (s *Services) openCertificates(ctx context.Context, cfg config.Config, log *slog.Logger) (c certificates, notice string, err error) {
	switch {
	case cfg.TLS.ACME.AgreeTerms:
		c, err = s.openACME(ctx, cfg, log)
	case cfg.TLS.Dev:
		if cfg.TLS, notice, err = developmentFiles(cfg, s.now()); err == nil {
			c, err = readCertificate(cfg, s.now)
		}
	case cfg.TLS.CertFile != "":
		c, err = readCertificate(cfg, s.now)
	}
	if err != nil {
		return nil, "", err
	}
	return c, notice, nil
}

// warnOfExpiry logs, twice a day, that a certificate was not renewed in time.
func warnOfExpiry(shown func() map[string]*x509.Certificate, now func() time.Time, log *slog.Logger) job {
	warned := map[string]time.Time{} // by name
	return job{"warn of certificates that expire", time.Minute, func(ctx context.Context) error {
		for name, leaf := range shown() {
			if at := now(); leaf.NotAfter.Sub(at) < acme.ExpiryWarning(leaf) && at.Sub(warned[name]) >= 12*time.Hour {
				warned[name] = at
				log.WarnContext(ctx, "the certificate expires soon: renew it, and see why that did not happen by itself", "name", name, "expires", leaf.NotAfter)
			}
		}
		return nil
	}, nil}
}

// certificate is one that is in files, read again when they change.
type certificate struct {
	config.TLS
	host    string // of the issuer
	now     func() time.Time
	current atomic.Pointer[tls.Certificate]
	read    [2][]byte // the files as they were last read
}

// readCertificate reads the certificate of the configuration. The error says what is wrong with it.
func readCertificate(cfg config.Config, now func() time.Time) (*certificate, error) {
	issuer, err := url.Parse(cfg.Issuer)
	if err != nil {
		return nil, err
	}
	c := &certificate{TLS: cfg.TLS, host: issuer.Hostname(), now: now}
	_, err = c.refresh()
	return c, err
}

// refresh reads the files, and reports whether they hold another certificate than before. One that cannot be used does not replace that.
func (c *certificate) refresh() (changed bool, err error) {
	if err := CheckPrivate("private key", c.KeyFile); err != nil {
		return false, err
	}
	var files [2][]byte
	for i, path := range []string{c.CertFile, c.KeyFile} {
		if files[i], err = readBounded(path); err != nil {
			return false, fmt.Errorf("read the certificate: %w", err)
		}
	}
	if bytes.Equal(files[0], c.read[0]) && bytes.Equal(files[1], c.read[1]) {
		return false, nil
	}
	pair, err := tls.X509KeyPair(files[0], files[1])
	if err != nil {
		return false, fmt.Errorf("%s and %s are not a certificate and its key: %w", c.CertFile, c.KeyFile, err)
	}
	now := c.now()
	switch leaf := pair.Leaf; {
	case now.After(leaf.NotAfter):
		return false, fmt.Errorf("the certificate in %s expired on %s: renew it", c.CertFile, leaf.NotAfter.Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		return false, fmt.Errorf("the certificate in %s is not valid before %s: look at this machine's clock", c.CertFile, leaf.NotBefore.Format(time.RFC3339))
	case leaf.VerifyHostname(c.host) != nil:
		return false, fmt.Errorf("the certificate in %s is not for %s, the host of the issuer: %w", c.CertFile, c.host, leaf.VerifyHostname(c.host))
	}
	c.read = files
	c.current.Store(&pair)
	return true, nil
}

func readBounded(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > maxPEM:
		return nil, fmt.Errorf("%s is no file of at most %d bytes", path, maxPEM)
	}
	return os.ReadFile(path)
}

// check fails once what is shown has expired.
func (c *certificate) check() error {
	if c.now().After(c.current.Load().Leaf.NotAfter) {
		return readiness.Reason("the certificate has expired")
	}
	return nil
}

func (c *certificate) challenges(next http.Handler) http.Handler { return next }

func (c *certificate) shown() map[string]*x509.Certificate {
	return map[string]*x509.Certificate{c.host: c.current.Load().Leaf}
}

func (*certificate) stop(context.Context) {}

func (c *certificate) jobs(log *slog.Logger) []job {
	return []job{{"read the certificate again", time.Minute, func(ctx context.Context) error {
		changed, err := c.refresh()
		leaf := c.current.Load().Leaf
		if changed {
			log.InfoContext(ctx, "the certificate was replaced", "expires", leaf.NotAfter)
		}
		if err != nil {
			return fmt.Errorf("the certificate from before is shown, which expires on %s: %w", leaf.NotAfter.Format(time.RFC3339), err)
		}
		return nil
	}, nil}}
}

// config of a listener: what Go has by default, which is TLS 1.2 and 1.3, with HTTP/2.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}
