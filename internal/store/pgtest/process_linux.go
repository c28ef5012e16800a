package pgtest

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// memory is a folder in memory, where to make and drop a database, which is hundreds of files, takes a sixth of the time. Empty: there is
// none with room for the clusters of several packages.
func memory() string {
	const folder, room = "/dev/shm", 4 << 30
	removeAbandoned(folder)
	var of syscall.Statfs_t
	if err := syscall.Statfs(folder, &of); err != nil || of.Bavail*uint64(of.Bsize) < room {
		return ""
	}
	return folder
}

// removeAbandoned deletes clusters that tests which were killed left in a folder: those made more than an hour ago whose server has ended.
func removeAbandoned(folder string) {
	clusters, _ := filepath.Glob(filepath.Join(folder, clusterPrefix+"*"))
	for _, dir := range clusters {
		if info, err := os.Lstat(dir); err == nil && time.Since(info.ModTime()) > time.Hour && !runs(dir) {
			_ = os.RemoveAll(dir)
		}
	}
}

// runs says whether a cluster's server does, by the file in which PostgreSQL has its process id.
func runs(dir string) bool {
	text, err := os.ReadFile(filepath.Join(dir, "data", "postmaster.pid")) //nolint:gosec // of a test's own
	if err != nil {
		return false
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	return err == nil && pid > 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}

// attributes has a process run as the owner, and shut down at once if this one is killed.
func attributes(owner *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: owner, Pdeathsig: syscall.SIGQUIT, Setpgid: true}
}
