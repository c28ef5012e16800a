package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/test/pebble"
)

// secure is a server that speaks HTTPS, at the name id.example.
type secure struct {
	*server
	plain string // host:port of plain HTTP
}

// serveSecurely starts a server that gets its certificate from a directory.
func (i *installation) serveSecurely(plain string, directory *pebble.Server) secure {
	i.t.Helper()
	before := i.env
	i.env = append(slices.Clip(before), "SIGNET_TLS_REDIRECT_FROM="+plain, "SIGNET_TLS_ACME_AGREE_TERMS=true",
		"SIGNET_TLS_ACME_DIRECTORY="+directory.Directory, "SIGNET_TLS_ACME_ROOT_FILE="+directory.RootFile)
	defer func() { i.env = before }()
	return secure{i.start(), plain}
}

// ready is what /readyz says by plain HTTP.
func (s secure) ready() string {
	response, err := http.Get("http://" + s.plain + "/readyz")
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// await waits until /readyz and the log have said something, as long as a server may take to start.
func (s secure) await(ready, logged string) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); !strings.Contains(s.ready(), ready) || !strings.Contains(s.log.String(), logged); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("not within a minute: %q and in the log %q, but %s", ready, logged, s.ready())
		}
	}
}

// shown is the certificate that clients see.
func (s secure) shown(trusted *x509.CertPool) *x509.Certificate {
	s.t.Helper()
	conn, err := tls.Dial("tcp", strings.TrimPrefix(s.url, "http://"), &tls.Config{RootCAs: trusted, ServerName: "id.example"})
	check(s.t, err)
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0]
}

func TestReplicasShareACertificateThatTheyGetByACME(t *testing.T) {
	t.Parallel()
	i := newInstallation(t, pgtest.Database(t))
	i.issuer = "https://id.example"
	first, second := freeAddress(i), freeAddress(i)
	down := i.serveSecurely(second, pebble.New(t, pebble.Options{}))
	down.await("certificate: there is no certificate yet", "no certificate could be obtained")
	down.stop()

	authority := pebble.New(t, pebble.Options{HTTP: first}).Start()
	replicas := []secure{i.serveSecurely(first, authority), i.serveSecurely(second, authority)}
	trusted := authority.Root()
	for _, replica := range replicas {
		replica.await("ok\n", "the certificate is in use")
		if !replica.shown(trusted).Equal(replicas[0].shown(trusted)) {
			t.Error("the replicas show different certificates")
		}
	}
	replicas[1].kill()
	again := i.serveSecurely(second, authority)
	again.await("ok\n", "the certificate is in use")
	if !again.shown(trusted).Equal(replicas[0].shown(trusted)) || authority.Issued() != 1 {
		t.Error("certificates issued:", authority.Issued())
	}
}
