package pgtest

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/signet-auth/signet/test/freeaddress"
)

const (
	superuser     = "signet"
	clusterPrefix = "signet-postgres-" // of its folder
)

// Cluster is a PostgreSQL server on a port of 127.0.0.1, with its data in a temporary folder.
type Cluster struct {
	binaries binaries
	dir      string
	port     int
	password string
	settings []string            // arguments of the server
	log      string              // the folder of its write-ahead log; empty: in its own
	owner    *syscall.Credential // nil: whoever runs the test
	server   *exec.Cmd           // nil: stopped
	exited   chan struct{}
}

type binaries struct{ initdb, postgres string }

// findBinaries looks in PATH, then where Debian puts the newest.
func findBinaries() (binaries, error) {
	initdb, err1 := exec.LookPath("initdb")
	postgres, err2 := exec.LookPath("postgres")
	if err1 == nil && err2 == nil {
		return binaries{initdb, postgres}, nil
	}
	for _, version := range []string{"17", "16", "15"} {
		dir := filepath.Join("/usr/lib/postgresql", version, "bin")
		if _, err := os.Stat(filepath.Join(dir, "postgres")); err == nil {
			return binaries{filepath.Join(dir, "initdb"), filepath.Join(dir, "postgres")}, nil
		}
	}
	return binaries{}, errors.New("initdb and postgres are not installed; get them by `apt-get install postgresql` or `brew install postgresql@17`")
}

// startForTests is start of a cluster whose data nobody needs after a crash of the machine: processes are killed, machines are not. To wait
// for the disk is most of what making a database takes.
func startForTests(log string, settings ...string) (*Cluster, error) {
	return start(memory(), log, append([]string{"-c", "fsync=off"}, settings...)...)
}

// start makes a new cluster in a folder, empty: the one for temporary files, and starts it, with arguments of the server's. Its write-ahead
// log is in the folder log, unless that is empty.
func start(folder, log string, settings ...string) (*Cluster, error) {
	found, err := findBinaries()
	if err != nil {
		return nil, err
	}
	c := &Cluster{binaries: found, password: rand.Text(), settings: settings, log: log}
	if c.dir, err = os.MkdirTemp(folder, clusterPrefix); err != nil {
		return nil, err
	}
	if err := errors.Join(c.init(), c.start()); err != nil {
		c.remove()
		return nil, fmt.Errorf("start a private PostgreSQL: %w", err)
	}
	return c, nil
}

// init makes the cluster's files. PostgreSQL refuses to run as root, so then they belong to another user.
func (c *Cluster) init() error {
	if os.Geteuid() == 0 {
		owner, err := unprivileged()
		if err != nil {
			return err
		}
		c.owner = owner
		if err := os.Chown(c.dir, int(owner.Uid), int(owner.Gid)); err != nil {
			return err
		}
	}
	secret := filepath.Join(c.dir, "password")
	if err := os.WriteFile(secret, []byte(c.password), 0o600); err != nil {
		return err
	}
	if c.owner != nil {
		if err := os.Chown(secret, int(c.owner.Uid), int(c.owner.Gid)); err != nil {
			return err
		}
	}
	args := []string{"-D", c.data(), "-U", superuser, "--auth=scram-sha-256", "--pwfile=" + secret,
		"--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"}
	if c.log != "" {
		args = append(args, "--waldir="+c.log, "--wal-segsize=1")
	}
	cmd := c.command(c.binaries.initdb, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

// unprivileged is the user that a server started by root runs as.
func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(err1, err2); err != nil {
			return nil, err
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("there is no user postgres or nobody to run as")
}

func (c *Cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *Cluster) url(database string) string {
	return fmt.Sprintf("postgres://%s:%s@127.0.0.1:%d/%s?sslmode=disable", superuser, c.password, c.port, database)
}

// command is a program that runs as the cluster's owner and ends with this process.
func (c *Cluster) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = c.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = attributes(c.owner)
	return cmd
}

// start starts the server and waits until it answers.
func (c *Cluster) start() error {
	if c.port == 0 {
		port, err := freePort()
		if err != nil {
			return err
		}
		c.port = port
	}
	var output bytes.Buffer
	c.server = c.command(c.binaries.postgres, append([]string{"-D", c.data(), "-p", strconv.Itoa(c.port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "max_connections=200"}, c.settings...)...)
	c.server.Stdout, c.server.Stderr = &output, &output
	if err := c.server.Start(); err != nil {
		c.server = nil
		return err
	}
	c.exited = make(chan struct{})
	go func() { _ = c.server.Wait(); close(c.exited) }()
	for deadline := time.Now().Add(time.Minute); ; {
		err := c.admin("SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-c.exited:
			c.server = nil
			return fmt.Errorf("postgres ended:\n%s", output.Bytes())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			c.stop(syscall.SIGQUIT)
			return fmt.Errorf("postgres does not answer: %w", err)
		}
	}
}

// freePort is one that no outgoing connection gets while the server starts, or is down for a while.
func freePort() (int, error) {
	address, err := freeaddress.Next()
	if err != nil {
		return 0, err
	}
	at, err := netip.ParseAddrPort(address)
	return int(at.Port()), err
}

// stop sends the server a signal that ends it, and waits.
func (c *Cluster) stop(signal os.Signal) {
	if c.server == nil {
		return
	}
	_ = c.server.Process.Signal(signal)
	select {
	case <-c.exited:
	case <-time.After(20 * time.Second):
		_ = c.server.Process.Kill()
		<-c.exited
	}
	c.server = nil
}

// remove ends the cluster and deletes its files.
func (c *Cluster) remove() {
	_ = c.signalAll(syscall.SIGCONT)
	c.stop(syscall.SIGQUIT)
	_ = os.RemoveAll(c.dir)
}

// SetReadOnly makes the cluster take no changes, as a replica after a failover, or take them again. Its connections end.
func (c *Cluster) SetReadOnly(tb testing.TB, on bool) {
	tb.Helper()
	for _, statement := range []string{
		fmt.Sprintf(`ALTER SYSTEM SET default_transaction_read_only = %t`, on),
		`SELECT pg_reload_conf()`,
		`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'`,
	} {
		if err := c.admin(statement); err != nil {
			tb.Fatal(err)
		}
	}
}

// Start starts the server again after Stop, on the same port.
func (c *Cluster) Start(tb testing.TB) {
	tb.Helper()
	if err := c.start(); err != nil {
		tb.Fatal(err)
	}
}

// Stop ends the server: it drops its connections and refuses new ones.
func (c *Cluster) Stop() { c.stop(syscall.SIGINT) }

// Crash ends the server without a shutdown, as a power cut would.
func (c *Cluster) Crash() { c.stop(syscall.SIGQUIT) }

// Pause freezes the server: connections stay open, new ones are accepted by the kernel, and nothing answers.
func (c *Cluster) Pause(tb testing.TB) {
	tb.Helper()
	if err := c.signalAll(syscall.SIGSTOP); err != nil {
		tb.Fatal(err)
	}
}

// Resume ends a Pause.
func (c *Cluster) Resume(tb testing.TB) {
	tb.Helper()
	if err := c.signalAll(syscall.SIGCONT); err != nil {
		tb.Fatal(err)
	}
}

// signalAll signals the server, and then its children, of which a stopped server makes no more.
func (c *Cluster) signalAll(signal syscall.Signal) error {
	if c.server == nil {
		return nil
	}
	parent := c.server.Process.Pid
	if err := syscall.Kill(parent, signal); err != nil {
		return fmt.Errorf("signal the server: %w", err)
	}
	pids, err := children(parent)
	if err != nil {
		return fmt.Errorf("signal the server's children: %w", err)
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("signal the server's children: %w", err)
		}
	}
	return nil
}

// children lists the processes that a process started, by what ps knows.
func children(parent int) ([]int, error) {
	out, err := exec.Command("ps", "-A", "-o", "pid=,ppid=").Output()
	if err != nil {
		return nil, err
	}
	var pids []int
	for line := range bytes.Lines(out) {
		var pid, ppid int
		if _, err := fmt.Sscan(string(line), &pid, &ppid); err == nil && ppid == parent {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}
