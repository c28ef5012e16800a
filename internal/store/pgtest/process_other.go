//go:build unix && !linux

package pgtest

import "syscall"

func memory() string { return "" }

// attributes has a process run as the owner.
func attributes(owner *syscall.Credential) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Credential: owner, Setpgid: true}
}
