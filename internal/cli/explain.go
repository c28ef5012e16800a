package cli

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"

	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// explain adds to an error how to resolve it, where that depends on the command line.
func explain(err error) error {
	switch {
	case errors.Is(err, domain.ErrLocked):
		return fmt.Errorf("the database is busy, others write to it all the time: try again (%w)", err)
	case store.Advice(err) != "":
		return fmt.Errorf("%w: %s", err, store.Advice(err))
	case errors.Is(err, domain.ErrUnavailable):
		return fmt.Errorf("%w: see that it runs, and that --database or SIGNET_DATABASE_URL names it", err)
	case errors.As(err, new(*tls.CertificateVerificationError)):
		return fmt.Errorf("%w: see that the address is right; of an authority of your own, name the certificate in SSL_CERT_FILE", err)
	case errors.As(err, new(tls.RecordHeaderError)):
		return fmt.Errorf("%w: no TLS is spoken there, see that the address is right", err)
	case errors.As(err, new(*net.DNSError)):
		return fmt.Errorf("%w: see that the address is right", err)
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return fmt.Errorf("%w: see that the server runs, and that the address is right", err)
	}
	problem, ok := errors.AsType[*adminclient.Problem](err)
	switch {
	case ok && problem.Status == http.StatusUnauthorized && os.Getenv("SIGNET_TOKEN") != "":
		return fmt.Errorf("%w Give SIGNET_TOKEN another one: they expire", err)
	case ok && problem.Status == http.StatusUnauthorized:
		return fmt.Errorf("%w Sign in again: signet login", err)
	case ok && problem.Status == http.StatusForbidden:
		return fmt.Errorf("%w It comes with a role that gives it at %s: an administrator assigns one", err, domain.AdminAudience)
	case ok && problem.Status == http.StatusTooManyRequests:
		return fmt.Errorf("%w: try again later", err)
	}
	return err
}
