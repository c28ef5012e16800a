package doctor

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/clock/clocktest"
	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/server"
)

func examine(t *testing.T, cfg config.Config, do func(e *examination)) map[string]Finding {
	t.Helper()
	e := &examination{config: cfg, Options: Options{Now: time.Now}}
	do(e)
	found := map[string]Finding{}
	for _, f := range e.findings {
		if f.State != Good && f.Advice == "" && f.State != Skipped {
			t.Errorf("%+v has no advice", f)
		}
		found[f.Check] = f
	}
	return found
}

func TestPostgresIsJudgedByItsSettings(t *testing.T) {
	good := map[string]string{
		"server_version": "17.2", "server_version_num": "170002", "fsync": "on", "synchronous_commit": "on", "full_page_writes": "on",
		"autovacuum": "on", "max_connections": "100", "superuser_reserved_connections": "3", "reserved_connections": "0", "ssl_in_use": "true", "server_address": "10.0.0.7",
		"connections": "4",
	}
	cfg := config.Default()
	cfg.Database = "postgres://signet@db.example/signet?sslmode=verify-full"
	for check, f := range examine(t, cfg, func(e *examination) { e.postgres(good) }) {
		if f.State != Good {
			t.Errorf("of good settings it says %s: %+v", check, f)
		}
	}
	for _, bad := range []struct {
		name, value, check string
		state              State
	}{
		{"fsync", "off", "postgres fsync", Problem}, {"synchronous_commit", "off", "postgres synchronous_commit", Problem},
		{"full_page_writes", "off", "postgres full_page_writes", Problem}, {"autovacuum", "off", "postgres autovacuum", Problem},
		{"server_version_num", "140009", "postgres", Problem},
		{"server_version_num", "180000", "postgres", Warning}, {"max_connections", "20", "postgres connections", Warning},
		{"max_connections", "19", "postgres connections", Problem}, {"max_connections", "10", "postgres connections", Problem}, {"ssl_in_use", "false", "postgres TLS", Problem},
	} {
		condition := maps.Clone(good)
		condition[bad.name] = bad.value
		if f := examine(t, cfg, func(e *examination) { e.postgres(condition) })[bad.check]; f.State != bad.state {
			t.Errorf("of %s = %s it says %+v", bad.name, bad.value, f)
		}
	}
	cfg.Database = "postgres://signet@db.example/signet?sslmode=require"
	if f := examine(t, cfg, func(e *examination) { e.postgres(good) })["postgres TLS"]; f.State != Warning {
		t.Errorf("of a server that is not verified it says %+v", f)
	}
}

func TestTheTimeOfAnAnswerIsNoDifferenceOfTheClocks(t *testing.T) {
	for _, c := range []struct {
		ahead, took time.Duration
		want        State
	}{
		{0, 0, Good}, {0, 3 * time.Second, Good}, {0, 2 * time.Minute, Good}, {3 * time.Second, 0, Warning}, {3 * time.Second, time.Minute, Warning},
		{2 * time.Minute, time.Second, Problem}, {-3 * time.Second, 0, Warning}, {-2 * time.Minute, time.Second, Problem},
	} {
		now := time.Now()
		e := &examination{Options: Options{Now: func() time.Time { return now }}}
		e.clock(t.Context(), clock.New(clocktest.Database(func() time.Time {
			there := now.Add(-c.ahead)
			now = now.Add(c.took)
			return there
		}), e.Now))
		if f := e.findings[0]; f.State != c.want {
			t.Errorf("%v ahead, after %v: %+v, want %v", c.ahead, c.took, f, c.want)
		}
	}
}

func TestCertificatesAreJudged(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cfg := config.Default()
	cfg.TLS = config.TLS{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	cfg.Issuer = "https://id.example"
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(path, kind string, der []byte, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(cfg.TLS.KeyFile, "PRIVATE KEY", private, 0o600)
	for name, c := range map[string]struct {
		host     string
		from, to time.Duration
		state    State
		says     string
	}{
		"good":         {"id.example", -time.Hour, 90 * 24 * time.Hour, Good, "valid until"},
		"soon over":    {"id.example", -77 * 24 * time.Hour, 13 * 24 * time.Hour, Warning, "in 13 days"},
		"of a day":     {"id.example", -12 * time.Hour, 12 * time.Hour, Good, "valid until"},
		"over":         {"id.example", -time.Hour, -time.Minute, Problem, "expired"},
		"not yet":      {"id.example", time.Hour, 90 * 24 * time.Hour, Problem, "not valid before"},
		"another host": {"www.example", -time.Hour, 90 * 24 * time.Hour, Problem, "is for www.example"},
	} {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: c.host}, DNSNames: []string{c.host},
			NotBefore: time.Now().Add(c.from), NotAfter: time.Now().Add(c.to + time.Minute/2),
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		write(cfg.TLS.CertFile, "CERTIFICATE", der, 0o644)
		if f := examine(t, cfg, (*examination).certificate)["certificate file"]; f.State != c.state || !strings.Contains(f.About, c.says) {
			t.Errorf("%s: %+v", name, f)
		}
	}
	if err := os.Chmod(cfg.TLS.KeyFile, 0o644); err != nil { //nolint:gosec // that is to be found
		t.Fatal(err)
	}
	found := examine(t, cfg, (*examination).certificate)
	if f := found["certificate key"]; f.State != Problem {
		t.Errorf("of a key that others may read it says %+v", f)
	}
	cfg.Issuer, cfg.TLS = "http://id.example", config.TLS{}
	if f := examine(t, cfg, (*examination).certificate)["issuer"]; f.State != Problem {
		t.Errorf("of an issuer without encryption it says %+v", f)
	}
}

func TestACertificateThatNobodyTrustsHasAnAdviceOfItsOwn(t *testing.T) {
	issuer := httptest.NewUnstartedServer(http.NotFoundHandler())
	issuer.Config.ErrorLog = log.New(io.Discard, "", 0)
	issuer.StartTLS()
	defer issuer.Close()
	cfg := config.Default()
	cfg.Issuer = issuer.URL
	if f := examine(t, cfg, func(e *examination) { e.issuer(t.Context(), nil) })["issuer"]; f.State != Problem || !strings.Contains(f.Advice, "SSL_CERT_FILE") {
		t.Errorf("it says %+v", f)
	}
	issuer.Close()
	cfg.TLS.ACME.AgreeTerms = true
	if f := examine(t, cfg, func(e *examination) { e.issuer(t.Context(), nil) })["issuer"]; !strings.Contains(f.Advice, "its log says why none could be obtained") {
		t.Errorf("of one that gets its certificate by itself it says %+v", f)
	}
}

func TestAMasterKeyThatIsNotPrivateOrNotThereIsFound(t *testing.T) {
	cfg := config.Default()
	cfg.MasterKeyFile = filepath.Join(t.TempDir(), "master.key")
	if f := examine(t, cfg, (*examination).files)["master key"]; f.State != Problem {
		t.Errorf("of a key that is missing it says %+v", f)
	}
	if err := os.WriteFile(cfg.MasterKeyFile, []byte("x"), 0o640); err != nil { //nolint:gosec // that is to be found
		t.Fatal(err)
	}
	if f := examine(t, cfg, (*examination).files)["master key"]; f.State != Problem {
		t.Errorf("of a key that others may read it says %+v", f)
	}
	if err := os.Chmod(cfg.MasterKeyFile, 0o600); err != nil {
		t.Fatal(err)
	}
	if f := examine(t, cfg, (*examination).files)["master key"]; f.State != Good {
		t.Errorf("of a private key it says %+v", f)
	}
}

func TestAMasterKeyThatDoesNotOpenTheDatabaseIsFound(t *testing.T) {
	dir := t.TempDir()
	cfg, err := config.Load(config.Sources{Flags: map[string]string{"data_dir": dir}})
	if err != nil {
		t.Fatal(err)
	}
	made, err := server.Open(t.Context(), cfg, server.ModeManage)
	if err != nil {
		t.Fatal(err)
	}
	made.Close()
	start := func(e *examination) { e.open(t.Context()) }
	if err := os.WriteFile(cfg.MasterKeyFile, []byte("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="), 0o600); err != nil {
		t.Fatal(err)
	}
	if f := examine(t, cfg, start)["start"]; f.State != Problem || !strings.Contains(f.About, "give the key that it was made with") {
		t.Errorf("of another key it says %+v", f)
	}
	if err := os.Remove(cfg.MasterKeyFile); err != nil {
		t.Fatal(err)
	}
	if f := examine(t, cfg, start)["start"]; f.State != Problem || !strings.Contains(f.About, "put that file back") {
		t.Errorf("of a key that is gone it says %+v", f)
	}
	if f := examine(t, cfg, (*examination).files)["master key"]; strings.Contains(f.About, "is made") {
		t.Errorf("of a key that is gone beside its database it says %+v", f)
	}
	if _, err := os.Stat(cfg.MasterKeyFile); err == nil {
		t.Error("it made a key")
	}
}
