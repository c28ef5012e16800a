package cli

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// newTerminal is a pseudo-terminal of a size, and how to read what was written to it.
func newTerminal(t *testing.T, columns, lines uint16) (terminal *os.File, written func() string) {
	t.Helper()
	master := must(os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0))(t)
	must(0, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))(t)
	number := must(unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN))(t)
	terminal = must(os.OpenFile(fmt.Sprint("/dev/pts/", number), os.O_RDWR|unix.O_NOCTTY, 0))(t)
	must(0, unix.IoctlSetWinsize(int(terminal.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Col: columns, Row: lines}))(t)
	out := new(output)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buffer := make([]byte, 4096)
		for {
			n, err := master.Read(buffer)
			if _, _ = out.Write(buffer[:n]); err != nil {
				return // EIO: the terminal is closed
			}
		}
	}()
	t.Cleanup(func() {
		terminal.Close()
		<-ended
		master.Close()
	})
	return terminal, func() string { return strings.ReplaceAll(out.String(), "\r\n", "\n") }
}

func TestTablesFitTheTerminal(t *testing.T) {
	t.Setenv("COLUMNS", "")
	dir := t.TempDir()
	run(t, "group", "create", "日本語", "--description", strings.Repeat("x", 200), "--data-dir", dir)
	run(t, "group", "create", strings.Repeat("m", 200), "--data-dir", dir)
	list := func(columns uint16) string {
		t.Helper()
		terminal, written := newTerminal(t, columns, 24)
		var failed output
		if code := Main(t.Context(), []string{"group", "list", "--data-dir", dir}, nil, terminal, &failed); code != exitDone {
			t.Fatal(code, failed.String())
		}
		eventually(t, func() bool { return strings.Count(written(), "\n") == 3 })
		return written()
	}
	for line := range strings.Lines(list(60)) {
		if displayWidth(strings.TrimSuffix(line, "\n")) > 60 || !strings.Contains(line, "…") && !strings.HasPrefix(line, "NAME") {
			t.Errorf("in a terminal of 60 cells: %q", line)
		}
	}
	t.Setenv("COLUMNS", "40")
	for line := range strings.Lines(list(60)) {
		if displayWidth(strings.TrimSuffix(line, "\n")) > 40 {
			t.Errorf("where COLUMNS is 40: %q", line)
		}
	}
	if out := run(t, "group", "list", "--data-dir", dir); strings.Contains(out, "…") || !strings.Contains(out, strings.Repeat("m", 200)) {
		t.Errorf("shortened in a pipe:\n%s", out)
	}
}

func TestAWatchedAnswerIsDrawnInItsPlace(t *testing.T) {
	dir := t.TempDir()
	run(t, "key", "rotate", "--alg", "ES256", "--data-dir", dir)
	terminal, written := newTerminal(t, 100, 10)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	var failed output
	go func() {
		ended <- Main(ctx, []string{"key", "list", "--watch", "--interval", "1s", "--data-dir", dir}, nil, terminal, &failed)
	}()
	frames := func() int { return strings.Count(written(), toTop) }
	eventually(t, func() bool { return frames() >= 1 })
	run(t, "key", "rotate", "--alg", "RS256", "--data-dir", dir)
	eventually(t, func() bool { return strings.Contains(written()[strings.LastIndex(written(), toTop):], "RS256") })
	stop()
	if code := <-ended; code != exitDone || failed.String() != "" {
		t.Errorf("exit code %d: %s", code, failed.String())
	}
	eventually(t, func() bool { return strings.Contains(written(), ownScreen) })
	all := written()
	if first, last := strings.Index(all, otherScreen), strings.Index(all, ownScreen); first != 0 || last < 0 || strings.Count(all, otherScreen) != 1 {
		t.Errorf("the other screen begins at %d and ends at %d", first, last)
	}
	eventually(t, func() bool { return strings.Contains(written()[strings.Index(written(), ownScreen):], "RS256") })
}
