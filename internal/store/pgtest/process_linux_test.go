package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestClustersOfTestsThatWereKilledAreRemoved(t *testing.T) {
	folder := t.TempDir()
	ended := exec.CommandContext(t.Context(), "true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		age  time.Duration
		pid  int // 0: there is none
		kept bool
	}{
		{clusterPrefix + "stopped", 2 * time.Hour, 0, false},
		{clusterPrefix + "killed", 2 * time.Hour, ended.Process.Pid, false},
		{clusterPrefix + "runs", 2 * time.Hour, os.Getpid(), true},
		{clusterPrefix + "begins", time.Minute, 0, true},
		{"another", 2 * time.Hour, 0, true},
	} {
		dir := filepath.Join(folder, c.name)
		if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
			t.Fatal(err)
		}
		if c.pid != 0 {
			if err := os.WriteFile(filepath.Join(dir, "data", "postmaster.pid"), fmt.Appendf(nil, "%d\n%s\n", c.pid, dir), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		made := time.Now().Add(-c.age)
		if err := os.Chtimes(dir, made, made); err != nil {
			t.Fatal(err)
		}
		removeAbandoned(folder)
		if _, err := os.Stat(dir); (err == nil) != c.kept {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
