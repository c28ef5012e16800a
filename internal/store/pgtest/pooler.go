package pgtest

import (
	"bytes"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Pooler puts PgBouncer before a database, with a connection of its own for each transaction, and returns the URL through it. It ends with the
// test. Where PgBouncer is not installed the test is skipped, or fails if CI=true.
func Pooler(tb testing.TB, database string) string {
	tb.Helper()
	const binary = "/usr/sbin/pgbouncer" // where Debian puts it
	if _, err := os.Stat(binary); err != nil {
		if os.Getenv("CI") == "true" {
			tb.Fatal(err)
		}
		tb.Skipf("NOT TESTED behind PgBouncer: %v", err)
	}
	to, err := url.Parse(database)
	if err != nil {
		tb.Fatal(err)
	}
	host, port, err := net.SplitHostPort(to.Host)
	if err != nil {
		tb.Fatal(err)
	}
	password, _ := to.User.Password()
	at, err := freePort()
	if err != nil {
		tb.Fatal(err)
	}
	c := &Cluster{}
	if c.dir, err = os.MkdirTemp("", "signet-pgbouncer-"); err != nil { //nolint:usetesting // a folder that its user can enter
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = os.RemoveAll(c.dir) })
	if os.Geteuid() == 0 {
		if c.owner, err = unprivileged(); err != nil {
			tb.Fatal(err)
		}
		if err := os.Chown(c.dir, int(c.owner.Uid), int(c.owner.Gid)); err != nil {
			tb.Fatal(err)
		}
	}
	for name, content := range map[string]string{
		"users": fmt.Sprintf("%q %q\n", to.User.Username(), password),
		"pgbouncer.ini": fmt.Sprintf("[databases]\n* = host=%s port=%s\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = %d\nunix_socket_dir =\n"+
			"auth_type = scram-sha-256\nauth_file = %s\npool_mode = transaction\ndefault_pool_size = 8\nmax_client_conn = 300\n",
			host, port, at, filepath.Join(c.dir, "users")),
	} {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(content), 0o644); err != nil { //nolint:gosec // its user reads it
			tb.Fatal(err)
		}
	}
	cmd := c.command(binary, filepath.Join(c.dir, "pgbouncer.ini"))
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	to.Host = net.JoinHostPort("127.0.0.1", strconv.Itoa(at))
	through := to.String()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		conn, err := pgx.Connect(tb.Context(), through+"&default_query_exec_mode=simple_protocol")
		if err == nil {
			_ = conn.Close(tb.Context())
			return through
		}
		if time.Now().After(deadline) {
			tb.Fatalf("PgBouncer does not answer: %v\n%s", err, output.Bytes())
		}
	}
}
