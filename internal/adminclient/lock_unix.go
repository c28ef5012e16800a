//go:build unix

package adminclient

import (
	"errors"
	"os"
	"syscall"
	"time"
)

const lockPatience = time.Minute // longer than a refresh takes

// lockFile waits until no other process has the file locked.
func lockFile(file *os.File) error {
	for end := time.Now().Add(lockPatience); ; time.Sleep(20 * time.Millisecond) {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) || time.Now().After(end) {
			return err
		}
	}
}
