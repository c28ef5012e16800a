package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// CheckPrivate refuses a file that others may read or write, as ssh refuses such a private key, what is no file, and a link to a file
// that is not there, as whatever is made through it lies where somebody else chose. The error is fs.ErrNotExist if there is no such file.
func CheckPrivate(what, path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return fmt.Errorf("the %s %s is a link to a file that does not exist: mend the link, or remove it", what, path)
		}
	}
	if err != nil {
		return fmt.Errorf("look at the %s: %w", what, err)
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return fmt.Errorf("the %s %s is a folder: name a file in it", what, path)
	case !mode.IsRegular(): // whose permissions others rely on, as of /dev/null
		return fmt.Errorf("the %s %s is no regular file: name one, or a file that is not there yet", what, path)
	}
	owner, known := ownerOf(info)
	if !known {
		return nil // an operating system without such permissions
	}
	return checkAccess(what, path, info.Mode().Perm(), owner, os.Geteuid())
}

// checkAccess judges a file's permissions and its owner for a process of the given user. Files of root may be readable by a group:
// so secrets are mounted in containers, for a process that is not root.
func checkAccess(what, path string, mode fs.FileMode, owner, user int) error {
	const root = 0
	forbidden := fs.FileMode(0o077)
	if owner == root && user != root {
		forbidden = 0o037
	}
	switch {
	case owner != user && owner != root && user != root:
		return fmt.Errorf("the %s %s belongs to user %d, neither to root nor to the one that Signet runs as, %d", what, path, owner, user)
	case mode&forbidden != 0:
		return fmt.Errorf("the %s %s may be read or written by others (mode %#o): run chmod 600 %[2]s, and think of who may have read it", what, path, mode)
	}
	return nil
}
