// Package pebble runs Let's Encrypt's ACME server for tests, which test/interop/go.mod names as a tool.
package pebble

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/signet-auth/signet/test/freeaddress"
)

// Options say how it validates and issues.
type Options struct {
	HTTP, HTTPS string            // host:port, where HTTP-01 and TLS-ALPN-01 go in place of ports 80 and 443; empty: where nobody listens
	Validity    time.Duration     // of certificates; zero: 90 days
	Accounts    map[string][]byte // keys for HMAC by their ids: it binds accounts to them alone (RFC 8555 §7.3.4); empty: to none
}

// Server is one that runs. To it each name is this machine's.
type Server struct {
	Directory string // its URL
	RootFile  string // PEM, which its own certificate rests on

	tb         testing.TB
	dir        string
	management string
	dns        net.Listener
	cmd        *exec.Cmd

	mu  sync.Mutex
	log bytes.Buffer
}

// New prepares a server, which Start starts. It stops with the test.
func New(tb testing.TB, o Options) *Server {
	tb.Helper()
	s := &Server{tb: tb, dir: tb.TempDir()}
	listen := s.address()
	s.management = s.address()
	s.Directory, s.RootFile = "https://"+listen+"/dir", filepath.Join(s.dir, "cert.pem")
	s.makeCertificate()
	s.serveNames()
	var config struct {
		Pebble map[string]any `json:"pebble"`
	}
	config.Pebble = map[string]any{
		"listenAddress": listen, "managementListenAddress": s.management, "certificate": s.RootFile, "privateKey": filepath.Join(s.dir, "key.pem"),
		"httpPort": s.port(o.HTTP), "tlsPort": s.port(o.HTTPS), "keyAlgorithm": "ecdsa",
		"profiles": map[string]any{"default": map[string]any{"description": "default", "validityPeriod": int(o.Validity / time.Second)}},
	}
	if len(o.Accounts) > 0 {
		keys := map[string]string{}
		for id, key := range o.Accounts {
			keys[id] = base64.RawURLEncoding.EncodeToString(key)
		}
		config.Pebble["externalAccountBindingRequired"], config.Pebble["externalAccountMACKeys"] = true, keys
	}
	text, err := json.Marshal(config)
	s.check(err)
	s.check(os.WriteFile(filepath.Join(s.dir, "config.json"), text, 0o600))
	return s
}

// Start starts the server and waits until it answers.
func (s *Server) Start() *Server {
	s.tb.Helper()
	_, here, _, _ := runtime.Caller(0)
	program, err := exec.Command("go", "tool", "-C", filepath.Join(filepath.Dir(here), "..", "interop"), "-n", "pebble").Output()
	if err != nil {
		s.tb.Fatalf("build pebble: %v", err)
	}
	s.cmd = exec.Command(strings.TrimSpace(string(program)), "-config", filepath.Join(s.dir, "config.json"), "-dnsserver", s.dns.Addr().String()) //nolint:gosec // it was just built
	s.cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0", "PEBBLE_AUTHZREUSE=0")
	s.cmd.Stdout, s.cmd.Stderr = s, s
	s.check(s.cmd.Start())
	s.tb.Cleanup(func() {
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
		if s.tb.Failed() {
			s.tb.Logf("what pebble wrote:\n%s", s.text())
		}
	})
	client := s.client()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		response, err := client.Get(s.Directory)
		if err == nil {
			response.Body.Close()
			return s
		}
		if time.Now().After(deadline) {
			s.tb.Fatalf("pebble does not answer: %v\n%s", err, s.text())
		}
	}
}

// Issued is how many certificates it has issued.
func (s *Server) Issued() int { return strings.Count(s.text(), "Issued certificate serial ") }

// Root is the root of what it issues.
func (s *Server) Root() *x509.CertPool {
	s.tb.Helper()
	response, err := s.client().Get("https://" + s.management + "/roots/0")
	s.check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	s.check(err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		s.tb.Fatalf("%s is no root: %s", response.Status, text)
	}
	return pool
}

func (s *Server) client() *http.Client {
	text, err := os.ReadFile(s.RootFile)
	s.check(err)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}}
}

// Write implements io.Writer, for the log.
func (s *Server) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.Write(text)
}

func (s *Server) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

func (s *Server) check(err error) {
	s.tb.Helper()
	if err != nil {
		s.tb.Fatal(err)
	}
}

func (s *Server) address() string {
	s.tb.Helper()
	address, err := freeaddress.Next()
	s.check(err)
	return address
}

func (s *Server) port(address string) int {
	s.tb.Helper()
	if address == "" {
		address = s.address()
	}
	at, err := net.ResolveTCPAddr("tcp", address)
	s.check(err)
	return at.Port
}

// makeCertificate makes the one that its directory is served with.
func (s *Server) makeCertificate() {
	s.tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.check(err)
	template := x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	s.check(err)
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	s.check(err)
	s.check(os.WriteFile(s.RootFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	s.check(os.WriteFile(filepath.Join(s.dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}), 0o600))
}

// serveNames answers questions of the DNS by TCP: each name has the address 127.0.0.1.
func (s *Server) serveNames() {
	s.tb.Helper()
	var err error
	s.dns, err = net.Listen("tcp", "127.0.0.1:0")
	s.check(err)
	s.tb.Cleanup(func() { s.dns.Close() })
	go func() {
		for {
			conn, err := s.dns.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_ = answer(conn)
			}()
		}
	}()
}

// answer answers one question, which as the answer has its length before it (RFC 1035 §4.2.2).
func answer(conn net.Conn) error {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return err
	}
	question := make([]byte, int(length[0])<<8|int(length[1]))
	if _, err := io.ReadFull(conn, question); err != nil {
		return err
	}
	var m dnsmessage.Message
	if err := m.Unpack(question); err != nil {
		return err
	}
	m.Response, m.Additionals = true, nil
	for _, q := range m.Questions {
		if q.Type == dnsmessage.TypeA {
			m.Answers = append(m.Answers, dnsmessage.Resource{
				Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class}, Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			})
		}
	}
	text, err := m.Pack()
	if err != nil {
		return err
	}
	_, err = conn.Write(append([]byte{byte(len(text) >> 8), byte(len(text))}, text...))
	return err
}
