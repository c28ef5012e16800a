package store

import (
	shared "sync/atomic"
	"time"
)

// fault is a text in words, nil: none.
type fault struct{ shared.Pointer[string] }

// Fault says, in words that anybody may read, what keeps the database from storing anything, such as a full disk: what a statement last
// failed with, until this replica shows itself again (PutReplica), which it does every few seconds. Empty: nothing.
func (db *DB) Fault() string {
	if fault := db.fault.Load(); fault != nil {
		return *fault
	}
	return ""
}

func (db *DB) noteFault(err error) {
	if fault := db.dialect.fault(err); fault != "" {
		db.fault.Store(&fault)
	}
}

// Faults in words.
const (
	faultNoRoom   = "there is no room left on its disk"
	faultReadOnly = "it is read-only"
	faultDisk     = "its disk fails"
	faultDamaged  = "it is damaged"
)

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
