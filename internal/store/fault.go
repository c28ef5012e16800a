package store

import (
	"errors"
	"sync"
	"time"
)

// fault is what keeps a database from storing anything.
type fault struct {
	sync.Mutex
	cause Cause // empty: nothing
}

// Fault says what keeps the database from storing anything, such as a full disk: the last failure, until PutReplica succeeds, which is
// called every few seconds. Empty: nothing.
func (db *DB) Fault() Cause {
	db.fault.Lock()
	defer db.fault.Unlock()
	return db.fault.cause
}

func (db *DB) setFault(cause Cause) {
	db.fault.Lock()
	defer db.fault.Unlock()
	opened, readOnly := db.writer != nil, cause == ReadOnly
	if opened && readOnly != (db.fault.cause == ReadOnly) {
		db.dialect.keepConnections(db, !readOnly)
	}
	db.fault.cause = cause
}

// Cause is why a database cannot be used, in words that may be shown to anyone. Errors with domain.ErrUnavailable have it where it is known.
type Cause string

// Error implements error.
func (c Cause) Error() string { return string(c) }

// The causes.
const (
	NoRoom     Cause = "there is no room left on its disk"
	ReadOnly   Cause = "it is read-only"
	DiskFails  Cause = "its disk fails"
	Damaged    Cause = "it is damaged"
	Unopened   Cause = "its file cannot be opened"
	NotLetIn   Cause = "it does not let this user in"
	NoSuchName Cause = "there is no database of that name"
)

// advice is what to do about each.
var advice = map[Cause]string{
	NoRoom:     "free some space there",
	ReadOnly:   "let the user that Signet runs as write to the file of SQLite, to those beside it and to their folder; of PostgreSQL, name the primary",
	DiskFails:  "look at what the operating system says of the disk",
	Damaged:    "restore a backup; of SQLite, with signet restore FILE --force",
	Unopened:   "let the user that Signet runs as read and write it, those beside it and their folder",
	NotLetIn:   "see that the user and the password in its URL are right, and that pg_hba.conf lets them in from here",
	NoSuchName: "see that the name in its URL is right, or create it",
}

// Advice is what to do about an error of a database; empty: its cause is not known.
func Advice(err error) string {
	cause, _ := errors.AsType[Cause](err)
	return advice[cause]
}

// Space is how many bytes are free where a SQLite database is. known is false on PostgreSQL, and where the operating system does not say.
func (db *DB) Space() (free uint64, known bool, err error) {
	folder := db.dialect.folder()
	if folder == "" {
		return 0, false, nil
	}
	return freeSpace(folder)
}

// Pool is a pool of connections.
type Pool struct {
	Name  string // what it is for: "all", or "reads" and "writes"
	InUse int
	Idle  int
	Limit int
	Waits int64         // for a connection, since the start
	Wait  time.Duration // in all of these
}

// Pools are those of connections to the database.
func (db *DB) Pools() []Pool { return db.dialect.pools(db) }
