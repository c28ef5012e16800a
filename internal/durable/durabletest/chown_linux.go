// Package durabletest makes for tests a system that gives no file to another owner.
package durabletest

import (
	"os"
	"runtime"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// WithoutChown calls a function on a thread on which changing the owner of an open file fails, and returns its error. It skips the test
// where that is not root's.
func WithoutChown(t *testing.T, failure unix.Errno, do func() error) error {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("run it as root")
		}
		t.Skip("NOT TESTED: only root gives files away")
	}
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the number of the system call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FCHOWN, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(failure)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	ended := make(chan error)
	go func() {
		runtime.LockOSThread() // nothing else may run with the filter
		err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		if err == nil {
			err = unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0) //nolint:gosec // as prctl(2) has it
		}
		if err == nil {
			err = do()
		}
		ended <- err
		select {} // if the thread ended, so would the processes that it has started, such as PostgreSQL: see pgtest
	}()
	return <-ended
}
