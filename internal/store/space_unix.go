//go:build linux || darwin

package store

import "golang.org/x/sys/unix"

func freeSpace(folder string) (free uint64, known bool, err error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(folder, &stat); err != nil {
		return 0, false, err
	}
	return stat.Bavail * uint64(stat.Bsize), true, nil
}
