//go:build unix

package store

import (
	"os"
	"syscall"
)

// isLocked reports whether another process has a SQLite database open that it has read: as long as it does, it locks bytes that are never
// written (sqlite.org/fileformat2.html#lock_byte_page).
func isLocked(path string) (bool, error) {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return false, err
	}
	defer file.Close()
	const pending, length = 0x40000000, 512
	lock := syscall.Flock_t{Type: syscall.F_WRLCK, Start: pending, Len: length}
	if err := syscall.FcntlFlock(file.Fd(), syscall.F_GETLK, &lock); err != nil {
		return false, err
	}
	return lock.Type != syscall.F_UNLCK, nil
}
