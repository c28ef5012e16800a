package server

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/acme"
	"github.com/signet-auth/signet/internal/config"
)

// issue writes a certificate and its key into a folder, and returns it.
func issue(t *testing.T, dir string, serial int64, host string, from, until time.Time) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: host}, DNSNames: []string{host},
		NotBefore: from, NotAfter: until, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func withCertificate(dir string) config.Config {
	return config.Config{
		Listen: "127.0.0.1:0", Issuer: "https://id.example",
		TLS: config.TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"), RedirectFrom: "127.0.0.1:0"},
	}
}

func TestHTTPSIsServedAndItsCertificateReplaced(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	first := issue(t, dir, 1, "id.example", now.Add(-time.Hour), now.Add(time.Hour))
	log := slog.New(slog.DiscardHandler)
	shown, err := readCertificate(withCertificate(dir), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := openListeners(withCertificate(dir), shown, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.Proto) //nolint:errcheck // the connection is closed
	}), nil, nil, log)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, len(listeners.all))
	for _, l := range listeners.all {
		go func() { ended <- l.serve(ctx, slog.New(slog.DiscardHandler)) }()
	}
	t.Cleanup(func() {
		stop()
		for range listeners.all {
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	})
	ask := func(trusted *x509.Certificate) (*http.Response, error) {
		roots := x509.NewCertPool()
		roots.AddCert(trusted)
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "id.example"}, ForceAttemptHTTP2: true}
		defer transport.CloseIdleConnections()
		response, err := (&http.Client{Transport: transport}).Get("https://" + listeners.all[0].at.Addr().String())
		if err == nil {
			response.Body.Close()
		}
		return response, err
	}
	response, err := ask(first)
	if err != nil || response.Proto != "HTTP/2.0" {
		t.Fatal("not HTTP/2 by the certificate:", response, err)
	}

	second := issue(t, dir, 2, "id.example", now.Add(-time.Hour), now.Add(time.Hour))
	if changed, err := shown.refresh(); !changed || err != nil {
		t.Fatal("a new certificate was not read:", changed, err)
	}
	if _, err := ask(second); err != nil {
		t.Error("the new certificate is not shown:", err)
	}
	issue(t, dir, 3, "other.example", now.Add(-time.Hour), now.Add(time.Hour))
	if changed, err := shown.refresh(); changed || err == nil || !strings.Contains(err.Error(), "id.example") {
		t.Error("a certificate of another host was taken:", changed, err)
	}
	if _, err := ask(second); err != nil {
		t.Error("a useless certificate replaced the one before:", err)
	}

	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	plain := "http://" + listeners.all[1].at.Addr().String()
	for _, test := range []struct {
		method, path, authorization string
		status                      int
		location                    string
	}{
		{http.MethodGet, "/admin/?a=b", "", http.StatusPermanentRedirect, "https://id.example/admin/?a=b"},
		{http.MethodGet, "//evil.example/x", "", http.StatusPermanentRedirect, "https://id.example//evil.example/x"},
		{http.MethodGet, "/oauth2/userinfo", "Bearer secret", http.StatusForbidden, ""},
		{http.MethodGet, "/oauth2/token", "", http.StatusForbidden, ""},
		{http.MethodGet, "/setup?token=secret", "", http.StatusForbidden, ""},
		{http.MethodGet, "/password?a=b&token=secret", "", http.StatusForbidden, ""},
		{http.MethodGet, "/forward-auth/callback?%63ode=secret", "", http.StatusForbidden, ""},
		{http.MethodGet, "/oauth2/logout?id_token_hint=secret", "", http.StatusForbidden, ""},
		{http.MethodHead, "/oauth2/authorize?client_id=a&client_secret=secret", "", http.StatusForbidden, ""},
		{http.MethodGet, "/oauth2/authorize?response_type=code&client_id=a", "", http.StatusPermanentRedirect, "https://id.example/oauth2/authorize?response_type=code&client_id=a"},
		{"get", "/admin/", "", http.StatusForbidden, ""},
		{http.MethodPost, "/oauth2/token", "", http.StatusForbidden, ""},
		{http.MethodPost, "/login", "", http.StatusForbidden, ""},
	} {
		r, err := http.NewRequestWithContext(t.Context(), test.method, plain+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if test.authorization != "" {
			r.Header.Set("Authorization", test.authorization)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != test.status || response.Header.Get("Location") != test.location {
			t.Error(test.method, test.path, response.Status, response.Header.Get("Location"))
		}
	}
}

func TestCertificatesThatCannotServeAreRefusedWithTheReason(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		name   string
		spoil  func(dir string)
		reason string
	}{
		{"expired", func(dir string) { issue(t, dir, 1, "id.example", now.Add(-2*time.Hour), now.Add(-time.Hour)) }, "expired"},
		{"of tomorrow", func(dir string) { issue(t, dir, 1, "id.example", now.Add(time.Hour), now.Add(2*time.Hour)) }, "not valid before"},
		{"of another host", func(dir string) { issue(t, dir, 1, "other.example", now.Add(-time.Hour), now.Add(time.Hour)) }, "id.example"},
		{"of another key", func(dir string) {
			other := t.TempDir()
			issue(t, other, 2, "id.example", now.Add(-time.Hour), now.Add(time.Hour))
			if err := os.Rename(filepath.Join(other, "key.pem"), filepath.Join(dir, "key.pem")); err != nil {
				t.Fatal(err)
			}
		}, "not a certificate and its key"},
		{"without a key", func(dir string) { os.Remove(filepath.Join(dir, "key.pem")) }, "key.pem"},
		{"whose key others may read", func(dir string) { os.Chmod(filepath.Join(dir, "key.pem"), 0o644) }, "chmod 600"},
		{"that is none", func(dir string) { os.WriteFile(filepath.Join(dir, "cert.pem"), []byte("x"), 0o600) }, "not a certificate"},
		{"that is huge", func(dir string) { os.Truncate(filepath.Join(dir, "cert.pem"), maxPEM+1) }, "at most"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			issue(t, dir, 1, "id.example", now.Add(-time.Hour), now.Add(time.Hour))
			test.spoil(dir)
			_, err := readCertificate(withCertificate(dir), time.Now)
			if err == nil || !strings.Contains(err.Error(), test.reason) {
				t.Error(err)
			}
		})
	}
}

func TestARedirectToHTTPSStaysOnTheIssuersHost(t *testing.T) {
	for _, target := range []string{"x:.evil.example/", "x:@evil.example/", "*"} {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET " + target + " HTTP/1.1\r\nHost: id.example\r\n\r\n")))
		if err != nil {
			t.Fatal(err)
		}
		answer := httptest.NewRecorder()
		redirect("https://id.example", http.NotFoundHandler()).ServeHTTP(answer, r)
		if to := answer.Header().Get("Location"); answer.Code != http.StatusBadRequest || to != "" {
			t.Errorf("%s: %d, to %q", target, answer.Code, to)
		}
	}
}

func TestACertificateIsOverdueByItsOwnLifetimeAndWarnedOfTwiceADay(t *testing.T) {
	first := time.Now()
	shown := map[string]*x509.Certificate{
		"day.example":  {NotBefore: first, NotAfter: first.Add(24 * time.Hour)},
		"year.example": {NotBefore: first.Add(-350 * 24 * time.Hour), NotAfter: first.Add(14*24*time.Hour + 21*time.Hour)},
	}
	var text strings.Builder
	now := first
	job := warnOfExpiry(func() map[string]*x509.Certificate { return shown }, func() time.Time { return now }, slog.New(slog.NewTextHandler(&text, nil)))
	for _, test := range []struct {
		after time.Duration
		warns string
	}{{0, ""}, {19 * time.Hour, ""}, {20*time.Hour + time.Minute, "day"}, {22 * time.Hour, "year"}, {32 * time.Hour, ""}, {33 * time.Hour, "day"}, {35 * time.Hour, "year"}} {
		now = first.Add(test.after)
		text.Reset()
		check(t, job.do(t.Context()))
		for name := range shown {
			if warned := strings.Contains(text.String(), "expires soon") && strings.Contains(text.String(), name); warned != (name == test.warns+".example") {
				t.Errorf("after %v of %s: %s", test.after, name, text.String())
			}
		}
	}
}

func TestABrokenFileReplacesNoCertificate(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	issue(t, dir, 1, "id.example", now, now.Add(24*time.Hour))
	c, err := readCertificate(withCertificate(dir), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	shown := c.current.Load().Leaf
	if err := os.WriteFile(filepath.Join(dir, "key.pem"), []byte("half of a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	err = c.jobs(slog.New(slog.DiscardHandler))[0].do(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the certificate from before is shown") || strings.Contains(err.Error(), "half of") {
		t.Error(err)
	}
	if !c.current.Load().Leaf.Equal(shown) {
		t.Error("another is shown")
	}
}

func TestAMACKeyIsReadAsAuthoritiesGiveIt(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mac.key")
	read := func(text string, mode os.FileMode) (*acme.External, error) {
		t.Helper()
		if err := errors.Join(os.WriteFile(file, []byte(text), 0o600), os.Chmod(file, mode)); err != nil {
			t.Fatal(err)
		}
		return readExternal(config.ACME{EABKeyID: "kid", EABKeyFile: file})
	}
	for _, text := range []string{"-_8", "-_8=\n", " -_8 "} {
		if e, err := read(text, 0o600); err != nil || e.KeyID != "kid" || string(e.Key) != "\xfb\xff" {
			t.Errorf("%q: %+v, %v", text, e, err)
		}
	}
	for text, reason := range map[string]string{"": "base64url", "+/8=": "base64url", "se cret": "base64url", strings.Repeat("a", maxPEM+1): "at most"} {
		if _, err := read(text, 0o600); err == nil || !strings.Contains(err.Error(), reason) || strings.Contains(err.Error(), "se cret") {
			t.Errorf("%.10q: %v", text, err)
		}
	}
	if _, err := read("-_8", 0o644); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Error("others may read it:", err)
	}
	if e, err := readExternal(config.ACME{}); e != nil || err != nil {
		t.Error(e, err)
	}
}
