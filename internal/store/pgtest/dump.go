package pgtest

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"
)

// Dump returns a dump of a database in pg_dump's own format, made by a program of PostgreSQL's as users run it.
func Dump(tb testing.TB, url string) []byte {
	tb.Helper()
	return client(tb, nil, "pg_dump", "--format=custom", "--schema=signet", "--dbname="+url)
}

// Restore restores a dump into a database, all of it or nothing.
func Restore(tb testing.TB, url string, dump []byte) {
	tb.Helper()
	client(tb, dump, "pg_restore", "--no-owner", "--single-transaction", "--dbname="+url)
}

// client runs a program that is installed with the server.
func client(tb testing.TB, stdin []byte, name string, args ...string) []byte {
	tb.Helper()
	found, err := findBinaries()
	if err != nil {
		tb.Fatal(err)
	}
	server, err := filepath.EvalSymlinks(found.postgres)
	if err != nil {
		tb.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd := exec.CommandContext(tb.Context(), filepath.Join(filepath.Dir(server), name), args...) //nolint:gosec // a test's own
	cmd.Stdin, cmd.Stderr = bytes.NewReader(stdin), &stderr
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("%s: %v\n%s", name, err, &stderr)
	}
	return out
}
