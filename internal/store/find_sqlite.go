package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

var (
	// ErrNoDatabase says that there is no SQLite database yet.
	ErrNoDatabase = errors.New("there is no database")
	// ErrLost says that a SQLite database that servers used is not there any more.
	ErrLost = errors.New("the database is lost")
)

// FindSQLite looks for a database at a path, and makes nothing. ErrNoDatabase if there is none yet, ErrLost if there was one.
func FindSQLite(path string) error {
	e, err := newSQLite(path, Options{})
	if err != nil {
		return err
	}
	return e.find()
}

// find tells a new database from a lost one by the incarnation, which the first server writes.
func (e *embedded) find() error {
	info, err := os.Stat(e.path)
	switch {
	case err == nil && info.Size() > 0:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if _, err := os.Stat(e.incarnationFile()); err == nil {
		return fmt.Errorf("%w: servers have used %s, which is missing or empty: put it back, or restore a backup with signet restore FILE, "+
			"or remove %s to begin with a new database", ErrLost, e.path, e.incarnationFile())
	}
	return fmt.Errorf("%w %s", ErrNoDatabase, e.path)
}
