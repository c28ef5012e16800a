package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// CheckPrivate refuses a file that others may read or write, as ssh does for private keys, and what is no regular file. It refuses a
// dangling link too: who made it would choose where the file is made. fs.ErrNotExist if there is no such file.
func CheckPrivate(what, path string) error {
	_, _, err := privateFile(what, path)
	return err
}

// privateFile is CheckPrivate, and says whose the file is. That is not known on an operating system without such permissions.
func privateFile(what, path string) (owner int, known bool, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(path); err == nil {
			return 0, false, fmt.Errorf("the %s %s is a link to a file that does not exist: mend the link, or remove it", what, path)
		}
	}
	if err != nil {
		return 0, false, fmt.Errorf("look at the %s: %w", what, err)
	}
	switch mode := info.Mode(); {
	case mode.IsDir():
		return 0, false, fmt.Errorf("the %s %s is a folder: name a file in it", what, path)
	case !mode.IsRegular(): // whose permissions others rely on, as of /dev/null
		return 0, false, fmt.Errorf("the %s %s is no regular file: name one, or a file that is not there yet", what, path)
	}
	if owner, known = ownerOf(info); known {
		err = checkAccess(what, path, info.Mode().Perm(), owner, os.Geteuid())
	}
	return owner, known, err
}

// checkDatabaseFile is CheckPrivate for a file of a SQLite database, which must be written to. Root may have made it for another user.
func checkDatabaseFile(path string) error {
	owner, known, err := privateFile("database", path)
	if err != nil || !known {
		return err
	}
	return checkOwner(path, owner, os.Geteuid())
}

const root = 0 // the user

func checkOwner(path string, owner, user int) error {
	if owner == user || user == root {
		return nil
	}
	return fmt.Errorf("the database %s belongs to user %d, and Signet runs as user %d: run chown %[3]d %[1]s as root", path, owner, user)
}

// checkAccess judges a file's permissions and its owner for a process of the given user. Files of root may be readable by a group:
// so secrets are mounted in containers, for a process that is not root.
func checkAccess(what, path string, mode fs.FileMode, owner, user int) error {
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
