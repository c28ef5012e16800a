//go:build unix

package durable

import (
	"os"
	"path/filepath"
	"syscall"
)

// Own gives a file that root has made to the owner of its folder: whoever runs as that user could not open it.
func Own(file *os.File) error {
	folder, err := os.Stat(filepath.Dir(file.Name()))
	if err != nil || os.Geteuid() != 0 {
		return err
	}
	if stat, ok := folder.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 {
		return file.Chown(int(stat.Uid), int(stat.Gid))
	}
	return nil
}
