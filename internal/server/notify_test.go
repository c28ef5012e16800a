package server

import (
	"net"
	"path/filepath"
	"testing"
	"time"
)

func TestSystemdHearsThatTheServerStarted(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := notify("READY=1"); err != nil {
		t.Errorf("without systemd: %v", err)
	}
	socket := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	t.Setenv("NOTIFY_SOCKET", socket)
	if err := notify("READY=1"); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	heard := make([]byte, 100)
	if n, err := conn.Read(heard); err != nil || string(heard[:n]) != "READY=1" {
		t.Errorf("systemd hears %q, %v", heard[:n], err)
	}
	t.Setenv("NOTIFY_SOCKET", socket+"-gone")
	if err := notify("READY=1"); err == nil {
		t.Error("a socket that is gone is no error")
	}
}
