// Package durable writes and names files so that a crash leaves the old state or the new one, whole; but see Move.
package durable

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// WriteFile replaces a file, or makes it; what root writes is the folder's owner's, see OwnIfPermitted. What a process that is killed
// meanwhile leaves has the file's name, a dot and more, and is readable by its owner alone.
func WriteFile(path string, text []byte, mode fs.FileMode) error {
	unnamed, err := writeBeside(path, text, mode)
	if err != nil {
		return err
	}
	if err := os.Rename(unnamed, path); err != nil {
		return errors.Join(err, os.Remove(unnamed))
	}
	return SyncFolder(filepath.Dir(path))
}

// CreateFile makes a file that only its owner may read, where nothing has its name: otherwise fs.ErrExist. As WriteFile and Move.
func CreateFile(path string, text []byte) error {
	unnamed, err := writeBeside(path, text, 0o600)
	if err != nil {
		return err
	}
	defer os.Remove(unnamed) // nothing after the move
	return Move(unnamed, path)
}

// writeBeside writes a file that has yet to get its name.
func writeBeside(path string, text []byte, mode fs.FileMode) (unnamed string, err error) {
	file, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = file.Write(text)
	if err == nil {
		err = OwnIfPermitted(file)
	}
	if err == nil && mode != 0o600 {
		err = file.Chmod(mode)
	}
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}
	return file.Name(), nil
}

// Move gives a file that is durable another name in the same folder, which nothing has: otherwise fs.ErrExist. On a file system without
// links others see an empty file of that name for a moment, and a crash may leave it beside the old one.
func Move(from, to string) error {
	err := os.Link(from, to) // which, unlike a rename, replaces nothing
	switch {
	case errors.Is(err, fs.ErrExist):
		return err
	case err == nil:
		err = os.Remove(from)
	default: // a file system without links, such as exFAT
		err = moveWithoutLink(from, to)
	}
	if err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(to))
}

// moveWithoutLink takes the name by an empty file, and replaces that.
func moveWithoutLink(from, to string) error {
	taken, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if err = taken.Close(); err == nil {
		err = os.Rename(from, to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(to))
	}
	return nil
}

// Keep gives a file a second name in the same folder, which nothing has: otherwise fs.ErrExist. Where it can have but one, it is copied.
func Keep(path, as string) error {
	err := os.Link(path, as)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		err = copyFile(path, as)
	}
	if err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(as))
}

func copyFile(path, to string) error {
	from, err := os.Open(path)
	if err != nil {
		return err
	}
	defer from.Close()
	made, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(made, from)
	if err = errors.Join(err, made.Sync(), made.Close()); err != nil {
		return errors.Join(fmt.Errorf("copy %s: %w", path, err), os.Remove(to))
	}
	return nil
}

// OwnIfPermitted is Own, but leaves a file root's where root may not give it away, as in a container without CAP_CHOWN or on NFS with
// root_squash, or where the owner is none of a container's users (EINVAL).
func OwnIfPermitted(file *os.File) error {
	err := Own(file)
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}

// SyncFolder makes changes of names in a folder durable, where the operating system and the file system have that.
func SyncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	return nil
}
