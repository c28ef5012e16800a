package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/store"
)

// Backup is a file that was made, or put in the place of a database.
type Backup struct {
	File    string
	Size    int64  // bytes
	Version uint   // of the schema
	Before  string // the database that was there is kept here; empty: there was none
}

// ErrNotByFile says that a command is for SQLite.
var ErrNotByFile = errors.New("this is for SQLite: a PostgreSQL database is dumped and restored with its own pg_dump and pg_restore, " +
	"as docs/operations/backup.md says")

// BackUp copies the SQLite database to a file that is not there yet, beside running servers. The master key is not in it.
func BackUp(ctx context.Context, cfg config.Config, file string) (Backup, error) {
	path, ok := cfg.Database.SQLite()
	if !ok {
		return Backup{}, ErrNotByFile
	}
	if err := store.FindSQLite(path); err != nil {
		return Backup{}, err
	}
	if file, err := filepath.Abs(file); err != nil || filepath.Dir(file) == file {
		return Backup{}, errors.Join(err, fmt.Errorf("%s is a folder: name a file", file))
	}
	db, err := OpenDatabase(ctx, cfg)
	if err != nil {
		return Backup{}, err
	}
	defer db.Close()
	made, err := db.Backup(ctx, file, time.Now())
	switch {
	case errors.Is(err, fs.ErrExist):
		return Backup{}, fmt.Errorf("%s is there already, and a backup replaces nothing: name another file", file)
	case err != nil:
		return Backup{}, fmt.Errorf("back up the database: %w", err)
	}
	return Backup{File: file, Size: made.Size, Version: made.Version}, nil
}

// Restore puts a copy of a backup in the place of the SQLite database, which must not be there unless force is set, and must not be in use.
// The configured master key must be one of the backup's.
func Restore(ctx context.Context, cfg config.Config, file string, force bool) (Backup, error) {
	path, ok := cfg.Database.SQLite()
	if !ok {
		return Backup{}, ErrNotByFile
	}
	if store.FindSQLite(path) == nil && !force {
		return Backup{}, fmt.Errorf("there is a database %s: --force puts the backup in its place, and keeps it under another name", path)
	}
	master, err := readMaster(ctx, cfg)
	switch {
	case err != nil:
		return Backup{}, err
	case master == nil:
		return Backup{}, fmt.Errorf("the master key file %s is missing: put the one there that the backup was made with", cfg.MasterKeyFile)
	}
	made, err := store.CopyBackup(ctx, file, path, time.Now())
	if err != nil {
		return Backup{}, fmt.Errorf("read the backup %s: %w", file, err)
	}
	before, err := putInPlace(ctx, made, master)
	if err != nil {
		return Backup{}, errors.Join(fmt.Errorf("restore %s: %w", file, err), made.Discard())
	}
	return Backup{File: file, Size: made.Size, Version: made.Version, Before: before}, nil
}

func putInPlace(ctx context.Context, made *store.Copy, master *keys.Master) (before string, err error) {
	if _, err := keys.Unlock(ctx, made, master); err != nil {
		return "", err
	}
	latest, err := store.LatestVersion("sqlite")
	if err != nil {
		return "", err
	}
	if made.Version > latest {
		return "", fmt.Errorf("its schema is version %d, this signet knows none after %d: run a newer signet", made.Version, latest)
	}
	return made.Replace(ctx, time.Now())
}

// acceptLimit is how long to accept a restored database may take: all users get another version.
const acceptLimit = 10 * time.Minute

// AcceptRestored moves all that is counted past what may have been given out since the backup, and lets servers issue again.
func (s *Services) AcceptRestored(ctx context.Context) (accepted store.Accepted, err error) {
	err = s.DB.TxWithin(ctx, acceptLimit, func(ctx context.Context) error {
		return s.recorder.Update(ctx, func(ctx context.Context) (event.Event, error) {
			if accepted, err = s.DB.AcceptRestored(ctx, s.now()); err != nil {
				return nil, err
			}
			e := event.DatabaseRestored{After: accepted.LastEvent, StatusLists: accepted.Lists}
			if !accepted.RestoredAt.IsZero() {
				e.RestoredAt = accepted.RestoredAt.Format(time.RFC3339)
			}
			return e, nil
		})
	})
	return accepted, err
}
