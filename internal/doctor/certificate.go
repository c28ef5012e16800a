package doctor

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/acme"
	"github.com/signet-auth/signet/internal/outbound"
	"github.com/signet-auth/signet/internal/server"
)

// certificate looks at the files of a server that speaks HTTPS itself.
func (e *examination) certificate() {
	const check = "certificate file"
	issuer, err := url.Parse(e.config.Issuer)
	if err != nil {
		e.add(Problem, "issuer", "", "%v", err)
		return
	}
	if issuer.Scheme == "http" && !outbound.IsLoopback(issuer.Hostname()) {
		e.add(Problem, "issuer", "make the issuer https, by tls or a proxy", "%s is not encrypted: passwords and tokens can be read on the way", issuer)
	}
	file := e.config.TLS.CertFile
	if file == "" {
		return
	}
	if err := server.CheckPrivate("private key", e.config.TLS.KeyFile); err != nil {
		e.add(Problem, "certificate key", "make it readable for the server's user alone", "%v", err)
	}
	pair, err := tls.LoadX509KeyPair(file, e.config.TLS.KeyFile)
	switch {
	case err != nil:
		e.add(Problem, check, "get a certificate and its key, PEM, from your CA", "%v", err)
	case pair.Leaf.VerifyHostname(issuer.Hostname()) != nil:
		e.add(Problem, check, "get one for this host", "%s is for %s, not for %s", file, strings.Join(pair.Leaf.DNSNames, ", "), issuer.Hostname())
	default:
		e.expiry(check, pair.Leaf)
		if len(pair.Certificate) == 1 && pair.Leaf.Issuer.String() != pair.Leaf.Subject.String() {
			e.add(Warning, check, "append the CA's intermediate certificate to the file", "%s holds the certificate alone: many clients need the one that signed it, too", file)
		}
	}
}

func (e *examination) expiry(check string, certificate *x509.Certificate) {
	left := certificate.NotAfter.Sub(e.Now())
	until := certificate.NotAfter.UTC().Format(time.RFC3339)
	switch {
	case left <= 0:
		e.add(Problem, check, "renew it", "it expired on %s", until)
	case e.Now().Before(certificate.NotBefore):
		e.add(Problem, check, "look at this machine's clock", "it is not valid before %s", certificate.NotBefore.UTC().Format(time.RFC3339))
	case left < acme.ExpiryWarning(certificate):
		e.add(Warning, check, "renew it, and see why that did not happen by itself", "it expires on %s, in %d days", until, int(left.Hours()/24))
	default:
		e.add(Good, check, "", "it is valid until %s", until)
	}
}
