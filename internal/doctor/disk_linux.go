package doctor

import (
	"os"
	"slices"
	"syscall"
)

// remoteTypes are the types of network file systems (statfs(2)): NFS, SMB, CIFS, SMB2, 9P, Ceph.
var remoteTypes = []uint32{0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x01021997, 0x00c36400}

// fileSystem returns the bytes that are free to this user where a folder is, and whether that is on another machine.
func fileSystem(dir string) (free int64, remote bool, err error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(dir, &stat); err != nil {
		return 0, false, &os.PathError{Op: "look at the disk of", Path: dir, Err: err}
	}
	return int64(stat.Bavail) * stat.Bsize, slices.Contains(remoteTypes, uint32(stat.Type)), nil
}
