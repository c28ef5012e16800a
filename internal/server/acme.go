package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/acme"
	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/readiness"
)

// obtained are certificates that are obtained by ACME.
type obtained struct {
	*acme.Certificates
	host string // of the issuer
	now  func() time.Time
}

// openACME loads the certificates that there are. Those that are missing are obtained while the server runs.
func (s *Services) openACME(ctx context.Context, cfg config.Config, log *slog.Logger) (certificates, error) {
	roots, err := readRoots(cfg.TLS.ACME.RootFile)
	if err != nil {
		return nil, err
	}
	external, err := readExternal(cfg.TLS.ACME)
	if err != nil {
		return nil, err
	}
	issuer, err := url.Parse(cfg.Issuer)
	if err != nil {
		return nil, err
	}
	c, err := acme.New(acme.Config{
		Store: s.DB, Sealer: s.secret, Directory: cfg.TLS.ACME.Directory, Roots: roots, Email: cfg.TLS.ACME.Email, External: external, Names: cfg.TLS.ACME.Domains,
		HTTPS: cfg.Listen, HTTP: cfg.TLS.RedirectFrom, Log: log, Now: s.now,
	})
	if err != nil {
		return nil, err
	}
	if err := c.Load(ctx); err != nil {
		log.WarnContext(ctx, "the certificates are not loaded yet", "error", err)
	}
	return obtained{c, issuer.Hostname(), s.now}, nil
}

// readRoots reads the roots of an authority of the operator's own. nil, the system's, if there is no file of them.
func readRoots(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil
	}
	text, err := readBounded(path)
	if err != nil {
		return nil, fmt.Errorf("read the root of the authority: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("read the root of the authority: %s has no certificate in PEM", path)
	}
	return roots, nil
}

// readExternal reads the account to which that of ACME is bound. nil if there is none.
func readExternal(cfg config.ACME) (*acme.External, error) {
	if cfg.EABKeyFile == "" {
		return nil, nil
	}
	if err := CheckPrivate("MAC key", cfg.EABKeyFile); err != nil {
		return nil, err
	}
	text, err := readBounded(cfg.EABKeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the MAC key: %w", err)
	}
	key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(string(text)), "="))
	if err != nil || len(key) == 0 {
		return nil, fmt.Errorf("%s is not a MAC key as authorities give it, in base64url", cfg.EABKeyFile) // the error of decoding could quote it
	}
	return &acme.External{KeyID: cfg.EABKeyID, Key: key}, nil
}

// shownCertificates are those with which the server speaks HTTPS itself, by name. A name that has none yet is missing.
func (s *Services) shownCertificates() map[string]*x509.Certificate {
	if s.certificates == nil {
		return nil
	}
	return s.certificates.shown()
}

func (o obtained) config() *tls.Config { return o.TLS() }

func (o obtained) challenges(next http.Handler) http.Handler { return o.Challenges(next) }

func (o obtained) shown() map[string]*x509.Certificate { return o.Shown() }

// check looks at the issuer's host alone: that another has no certificate must not take this one's clients away.
func (o obtained) check() error {
	switch leaf, ok := o.Shown()[o.host]; {
	case !ok:
		return readiness.Reason("there is no certificate yet; the server's log says why")
	case o.now().After(leaf.NotAfter):
		return readiness.Reason("the certificate has expired; the server's log says why it was not renewed")
	}
	return nil
}

func (o obtained) stop(ctx context.Context) { o.Stop(ctx) }

func (o obtained) jobs(*slog.Logger) []job {
	return []job{{"obtain certificates", time.Minute, o.Maintain, nil}}
}
