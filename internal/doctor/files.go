package doctor

import (
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/server"
	"github.com/signet-auth/signet/internal/store"
)

const (
	scarceBytes = 1 << 30   // of free disk
	noBytes     = 100 << 20 // with which it cannot go on
)

// files looks at who may read what is secret.
func (e *examination) files() {
	e.masterKey()
	if e.config.File == "" {
		return
	}
	info, err := os.Stat(e.config.File)
	switch {
	case err != nil:
		e.add(Problem, "settings file", "name the file that is there", "%v", err)
	case info.Mode().Perm()&0o004 != 0 && e.passwordInFile():
		e.add(Problem, "settings file", "chmod 640, with the server's group, or put the database's URL into SIGNET_DATABASE_URL, and change the password",
			"%s holds the password of the database, and others may read it (mode %#o)", e.config.File, info.Mode().Perm())
	default:
		e.add(Good, "settings file", "", "%s", e.config.File)
	}
}

func (e *examination) passwordInFile() bool {
	u, err := url.Parse(string(e.config.Database))
	if err != nil || e.config.Origins["database"] != config.FromFile {
		return false
	}
	_, has := u.User.Password()
	return has || u.Query().Has("password")
}

func (e *examination) masterKey() {
	const check = "master key"
	if e.config.MasterKey != "" {
		e.add(Good, check, "", "from the environment, which child processes and crash reports get, too: a file is seen by fewer")
		return
	}
	if command := e.config.MasterKeyCommand; len(command) > 0 {
		e.add(Good, check, "", "from the command %s", command[0])
		return
	}
	file := e.config.MasterKeyFile
	err := server.CheckPrivate("master key", file)
	if err == nil {
		err = readable(file)
	}
	path, onSQLite := e.config.Database.SQLite()
	switch {
	case errors.Is(err, fs.ErrNotExist) && e.config.MakeMasterKey && store.FindSQLite(path) == nil: // open finds out whether it has one
		e.add(Skipped, check, "", "%s is not there, beside the database", file)
	case errors.Is(err, fs.ErrNotExist) && e.config.MakeMasterKey:
		e.add(Skipped, check, "", "%s is made when the server first starts", file)
	case errors.Is(err, fs.ErrNotExist):
		e.add(Problem, check, "put back the file that the database was made with", "%v", err)
	case err != nil:
		e.add(Problem, check, "make it a file of the server's user, readable for nobody else", "%v", err)
	case onSQLite && filepath.Dir(path) == filepath.Dir(file):
		e.add(Good, check, "", "%s, beside the database: keep a copy elsewhere, and not with the backups of the database, which it opens", file)
	default:
		e.add(Good, check, "", "%s: keep a copy elsewhere, and not with the backups of the database, which it opens", file)
	}
}

// readable is the error of a file that this user may not read.
func readable(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	return f.Close()
}

// disk looks at the file system of a SQLite database. That of PostgreSQL is its server's.
func (e *examination) disk() {
	path, onSQLite := e.config.Database.SQLite()
	if !onSQLite {
		return
	}
	dir := filepath.Dir(path)
	free, remote, err := fileSystem(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.add(Skipped, "disk", "", "%s is not there yet", dir)
	case errors.Is(err, errors.ErrUnsupported):
	case err != nil:
		e.add(Warning, "disk", "see whether the server's user may read the folder", "%v", err)
	case remote:
		e.add(Problem, "disk", "move the database to a local disk, or use PostgreSQL", "%s is on a network file system, whose locks SQLite cannot rely on", dir)
	case free < noBytes:
		e.add(Problem, "disk", "free some: without it nothing can be issued or revoked", "%d MB are free at %s", free>>20, dir)
	case free < scarceBytes:
		e.add(Warning, "disk", "free some, or let the database grow elsewhere", "%d MB are free at %s", free>>20, dir)
	default:
		e.add(Good, "disk", "", "%d GB are free at %s", free>>30, dir)
	}
}
