package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestTheProxiesOfDeployPassRequestsOn runs nginx, HAProxy and Caddy by the files of deploy/proxies, each before a replica that runs and one that does not.
func TestTheProxiesOfDeployPassRequestsOn(t *testing.T) {
	t.Parallel()
	certificate := makeCertificate(t)
	for name, c := range map[string]struct {
		program string
		command func(dir string) []string
		wrap    string
	}{
		"nginx.conf": {"/usr/sbin/nginx", func(dir string) []string { return []string{"-e", "stderr", "-c", dir + "/nginx.conf"} },
			"daemon off;\npid DIR/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\nclient_body_temp_path DIR/a;\nproxy_temp_path DIR/b;\nfastcgi_temp_path DIR/c;\nuwsgi_temp_path DIR/d;\nscgi_temp_path DIR/e;\nFILE}\n"},
		"haproxy.cfg": {"/usr/sbin/haproxy", func(dir string) []string { return []string{"-db", "-f", dir + "/haproxy.cfg"} }, "FILE"},
		"Caddyfile": {"/usr/bin/caddy", func(dir string) []string {
			return []string{"run", "--adapter", "caddyfile", "--config", dir + "/Caddyfile"}
		},
			"{\nadmin off\nauto_https disable_redirects\nstorage file_system DIR/storage\n}\nFILE"},
	} {
		t.Run(name, func(t *testing.T) {
			needs(t, c.program)
			i := newInstallation(t, newSQLiteDatabase(t))
			port := freePort(i)
			i.issuer = "https://127.0.0.1:" + port
			i.env = append(i.env, "SIGNET_TRUSTED_PROXIES=127.0.0.1")
			s := i.start()
			text, err := os.ReadFile("../../deploy/proxies/" + name)
			check(t, err)
			dir := t.TempDir()
			gone, runs := freeAddress(i), strings.TrimPrefix(s.url, "http://")
			text = []byte(strings.NewReplacer("443 ssl", "127.0.0.1:"+port+" ssl", "bind :443", "bind 127.0.0.1:"+port, "/etc/ssl/signet/", certificate+"/",
				"\n:8080 {", "\nhttps://127.0.0.1:"+port+" {\ntls "+certificate+"/fullchain.pem "+certificate+"/privkey.pem",
				"127.0.0.1:8081", gone, "signet-1:8080", gone, "127.0.0.1:8082", runs, "signet-2:8080", runs).Replace(string(text)))
			text = []byte(strings.NewReplacer("DIR", dir, "FILE", string(text)).Replace(c.wrap))
			check(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
			s.awaitReady()
			proxy := exec.CommandContext(t.Context(), c.program, c.command(dir)...)
			proxy.Env = append(os.Environ(), "XDG_CONFIG_HOME="+dir) // where Caddy keeps what it runs
			(&shop{server: s}).runUntilEnd(t, name, proxy, port)

			authority, err := os.ReadFile(certificate + "/fullchain.pem")
			check(t, err)
			pool := x509.NewCertPool()
			pool.AppendCertsFromPEM(authority)
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}, Timeout: time.Minute}
			t.Cleanup(client.CloseIdleConnections)
			var last string
			awaitTrue(t, func() bool { // HAProxy has to find out first which replica is ready
				response, err := client.Get(i.issuer + "/.well-known/openid-configuration")
				if err != nil {
					last = err.Error()
					return false
				}
				defer response.Body.Close()
				last = response.Status + " " + response.Proto
				return response.StatusCode == http.StatusOK && response.ProtoMajor == 2
			}, &last)
			for range 10 { // as often as either replica is chosen
				request, err := http.NewRequest(http.MethodPost, i.issuer+"/oauth2/token", strings.NewReader("grant_type=client_credentials&client_id=nobody&client_secret=x"))
				check(t, err)
				request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				request.Header.Set("X-Request-Id", "chosen")
				response, err := client.Do(request)
				check(t, err)
				response.Body.Close()
				if response.StatusCode != http.StatusUnauthorized {
					t.Fatalf("a request is answered %s", response.Status)
				}
				if id := response.Header.Get("X-Request-Id"); id == "" || id == "chosen" {
					t.Fatalf("the id of a request is %q: the client chose it", id)
				}
			}
			found, code := i.doctor("SIGNET_ISSUER="+i.issuer, "SIGNET_LISTEN="+strings.TrimPrefix(s.url, "http://"), "SSL_CERT_FILE="+certificate+"/fullchain.pem")
			for _, check := range []string{"issuer", "key set", "proxy headers"} {
				if found[check].State != "ok" {
					t.Errorf("the doctor says of %s (exit code %d): %+v", check, code, found[check])
				}
			}
		})
	}
}

// awaitTrue waits until a condition holds; last says why it did not.
func awaitTrue(t *testing.T, holds func() bool, last *string) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !holds(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came to that: %s", *last)
		}
	}
}

// makeCertificate makes one for 127.0.0.1, as the proxies want it: fullchain.pem, privkey.pem, and both as signet.pem.
func makeCertificate(t *testing.T) (dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	check(t, err)
	dir = t.TempDir()
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	for name, text := range map[string]string{"fullchain.pem": string(chain), "privkey.pem": string(secret), "signet.pem": fmt.Sprintf("%s%s", chain, secret)} {
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}
