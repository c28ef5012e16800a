package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/config"
)

func developmentConfig(dir, issuer string) config.Config {
	return config.Config{DataDir: dir, Issuer: issuer, Listen: "127.0.0.1:0", TLS: config.TLS{Dev: true, RedirectFrom: "127.0.0.1:0"}}
}

func readPool(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	text, err := os.ReadFile(file)
	check(t, err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatal(file, "has no certificate")
	}
	return pool
}

func TestACertificateForDevelopmentIsMadeOnceAndForThisMachineAlone(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, "dev-tls", name))
		check(t, err)
		return string(text)
	}
	files, notice, err := developmentFiles(developmentConfig(dir, "https://localhost:8080"), now)
	check(t, err)
	ca := filepath.Join(dir, "dev-tls", "ca.pem")
	if !strings.Contains(notice, "curl --cacert "+ca) || files.RedirectFrom == "" {
		t.Error(notice, files)
	}
	for name, want := range map[string]os.FileMode{"ca-key.pem": 0o600, "key.pem": 0o600, "ca.pem": 0o644} {
		if info, err := os.Stat(filepath.Join(dir, "dev-tls", name)); err != nil || info.Mode().Perm() != want {
			t.Error(name, info.Mode(), err)
		}
	}
	root, leaf := read("ca.pem"), read("cert.pem")
	for _, test := range []struct {
		issuer   string
		at       time.Time
		sameLeaf bool
	}{
		{"https://localhost:8080", now, true},
		{"https://127.0.0.1:9", now, true},
		{"https://[::1]:9", now, true},
		{"https://signet.localhost", now, false},
		{"https://signet.localhost", now.Add(developmentLifetime - 14*24*time.Hour - time.Minute), true},
		{"https://signet.localhost", now.Add(developmentLifetime - 14*24*time.Hour + time.Minute), false},
	} {
		before := read("cert.pem")
		_, _, err := developmentFiles(developmentConfig(dir, test.issuer), test.at)
		check(t, err)
		if same := read("cert.pem") == before; same != test.sameLeaf || read("ca.pem") != root {
			t.Error(test.issuer, test.at, "the certificate is the same:", same, "the authority:", read("ca.pem") == root)
		}
	}
	if leaf == read("cert.pem") {
		t.Error("the certificate is still the first")
	}

	// Whoever has the authority's key can be nobody else.
	authority, err := readPair(ca, filepath.Join(dir, "dev-tls", "ca-key.pem"))
	check(t, err)
	for host, want := range map[string]bool{"a.localhost": true, "bank.example": false, "10.0.0.1": false} {
		template := x509.Certificate{NotBefore: now.Add(-time.Minute), NotAfter: now.Add(time.Hour), DNSNames: []string{host}}
		if ip := net.ParseIP(host); ip != nil {
			template.DNSNames, template.IPAddresses = nil, []net.IP{ip}
		}
		forged, err := writePair(filepath.Join(t.TempDir(), "c"), filepath.Join(t.TempDir(), "k"), template, authority)
		check(t, err)
		if _, err := forged.certificate.Verify(x509.VerifyOptions{Roots: readPool(t, ca), DNSName: host}); (err == nil) != want {
			t.Error(host, err)
		}
	}

	check(t, os.WriteFile(filepath.Join(dir, "dev-tls", "ca-key.pem"), []byte("x"), 0o600))
	if _, _, err := developmentFiles(developmentConfig(dir, "https://localhost:8080"), now); err == nil || !strings.Contains(err.Error(), "ca-key.pem") {
		t.Error("a broken key of the authority:", err)
	}
}

func TestHTTPSHasTLS12AtLeastAndHTTP2AndReadinessIsAnsweredWithoutIt(t *testing.T) {
	cfg := developmentConfig(t.TempDir(), "https://localhost")
	s := &Services{now: time.Now}
	shown, _, err := s.openCertificates(t.Context(), cfg, slog.New(slog.DiscardHandler))
	check(t, err)
	handler := secured(cfg.Issuer, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) })) //nolint:errcheck // a test
	listeners, err := openListeners(cfg, shown, handler, nil, nil, slog.New(slog.DiscardHandler))
	check(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, len(listeners.all))
	for _, l := range listeners.all {
		go func() { ended <- l.serve(ctx, slog.New(slog.DiscardHandler)) }()
	}
	t.Cleanup(func() {
		stop()
		for range listeners.all {
			check(t, <-ended)
		}
	})
	roots := readPool(t, filepath.Join(cfg.DataDir, "dev-tls", "ca.pem"))
	for version, allowed := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		conn, err := tls.Dial("tcp", listeners.all[0].at.Addr().String(), &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: version, MaxVersion: version})
		if err == nil {
			conn.Close()
		}
		if (err == nil) != allowed {
			t.Error(tls.VersionName(version), err)
		}
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Get("https://" + listeners.all[0].at.Addr().String() + "/")
	check(t, err)
	response.Body.Close()
	if response.ProtoMajor != 2 || response.Header.Get("Strict-Transport-Security") != "" {
		t.Error(response.Proto, response.Header)
	}
	for _, path := range []string{"/readyz", "/healthz"} {
		response, err := http.Get("http://" + listeners.all[1].at.Addr().String() + path)
		check(t, err)
		defer response.Body.Close()
		if text, err := io.ReadAll(response.Body); err != nil || string(text) != path {
			t.Error(path, response.Status, string(text), err)
		}
	}
}
