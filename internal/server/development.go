package server

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/signet-auth/signet/internal/acme"
	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/durable"
)

const (
	authorityLifetime   = 10 * 365 * 24 * time.Hour
	developmentLifetime = 90 * 24 * time.Hour
)

// pair is a certificate and its key.
type pair struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// developmentFiles makes, in the data directory, an authority of this installation's own and a certificate by it for the issuer, unless they
// are there. The authority's own certificate says that it is for this machine alone, so that whoever trusts it risks no more than that.
func developmentFiles(cfg config.Config, now time.Time) (files config.TLS, notice string, err error) {
	dir, err := filepath.Abs(filepath.Join(cfg.DataDir, "dev-tls"))
	if err != nil {
		return files, "", err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return files, "", fmt.Errorf("make the folder of the certificate: %w", err)
	}
	files = cfg.TLS
	files.CertFile, files.KeyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	root := filepath.Join(dir, "ca.pem")
	authority, err := developmentAuthority(root, filepath.Join(dir, "ca-key.pem"), now)
	if err != nil {
		return files, "", err
	}
	issuer, err := url.Parse(cfg.Issuer)
	if err != nil {
		return files, "", err
	}
	if current, err := readPair(files.CertFile, files.KeyFile); err == nil && current.certificate.CheckSignatureFrom(authority.certificate) == nil &&
		current.certificate.VerifyHostname(issuer.Hostname()) == nil && now.After(current.certificate.NotBefore) &&
		current.certificate.NotAfter.Sub(now) > acme.ExpiryWarning(current.certificate) {
		return files, trustNotice(root, cfg.Issuer), nil
	}
	template := x509.Certificate{
		Subject:  pkix.Name{CommonName: "Signet, for development"},
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(developmentLifetime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, BasicConstraintsValid: true,
	}
	if ip := net.ParseIP(issuer.Hostname()); ip != nil {
		template.IPAddresses = append(template.IPAddresses, ip)
	} else {
		template.DNSNames = append(template.DNSNames, issuer.Hostname())
	}
	if _, err := writePair(files.CertFile, files.KeyFile, template, authority); err != nil {
		return files, "", fmt.Errorf("make the certificate for development: %w", err)
	}
	return files, trustNotice(root, cfg.Issuer), nil
}

func trustNotice(root, issuer string) string {
	return fmt.Sprintf("HTTPS is by an authority of this installation's own, for development. Let others trust %s:\n"+
		"  curl --cacert %[1]s %[2]s/readyz\n"+
		"  sudo cp %[1]s /usr/local/share/ca-certificates/signet-dev.crt && sudo update-ca-certificates    # Debian\n"+
		"  sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain %[1]s    # macOS\n"+
		"  NODE_EXTRA_CA_CERTS=%[1]s, SSL_CERT_FILE=%[1]s    # Node; Go, Python and others\n", root, issuer)
}

// developmentAuthority reads the authority, or makes it.
func developmentAuthority(certFile, keyFile string, now time.Time) (pair, error) {
	authority, err := readPair(certFile, keyFile)
	switch {
	case err == nil && now.Before(authority.certificate.NotAfter):
		return authority, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return pair{}, fmt.Errorf("read the authority for development, which is made anew if its folder is removed: %w", err)
	}
	_, loopback, _ := net.ParseCIDR("127.0.0.0/8")
	_, loopback6, _ := net.ParseCIDR("::1/128")
	authority, err = writePair(certFile, keyFile, x509.Certificate{
		Subject:   pkix.Name{CommonName: "Signet's authority for development", SerialNumber: rand.Text()},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(authorityLifetime),
		KeyUsage: x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		PermittedDNSDomainsCritical: true, PermittedDNSDomains: []string{"localhost"}, PermittedIPRanges: []*net.IPNet{loopback, loopback6},
	}, pair{})
	if err != nil {
		return pair{}, fmt.Errorf("make the authority for development: %w", err)
	}
	return authority, nil
}

// readPair reads a certificate and its key, which nobody else may read. fs.ErrNotExist if there is none.
func readPair(certFile, keyFile string) (pair, error) {
	if err := CheckPrivate("private key", keyFile); err != nil {
		return pair{}, err
	}
	blocks := [2]*pem.Block{}
	for i, path := range []string{certFile, keyFile} {
		text, err := readBounded(path)
		if err != nil {
			return pair{}, err
		}
		if blocks[i], _ = pem.Decode(text); blocks[i] == nil {
			return pair{}, fmt.Errorf("%s is not PEM", path)
		}
	}
	certificate, err := x509.ParseCertificate(blocks[0].Bytes)
	if err != nil {
		return pair{}, fmt.Errorf("%s: %w", certFile, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(blocks[1].Bytes)
	if err != nil {
		return pair{}, fmt.Errorf("%s: %w", keyFile, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || !key.PublicKey.Equal(certificate.PublicKey) {
		return pair{}, fmt.Errorf("%s is not the key of %s", keyFile, certFile)
	}
	return pair{certificate, key}, nil
}

// writePair makes a certificate by an authority, or by itself, with a key of its own.
func writePair(certFile, keyFile string, template x509.Certificate, by pair) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, err
	}
	if template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)); err != nil {
		return pair{}, err
	}
	if by.key == nil {
		by = pair{&template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, by.certificate, key.Public(), by.key)
	if err != nil {
		return pair{}, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return pair{}, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return pair{}, err
	}
	// The key goes first and comes last: without one, both are made anew.
	if err := os.Remove(keyFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return pair{}, err
	}
	return pair{certificate, key}, errors.Join(
		durable.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644),
		durable.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
}
