package domain

import "time"

// Event is an entry of the audit log, chained to the one before it by hash.
type Event struct {
	Seq      int64
	At       time.Time
	Actor    string // who did it: "user:alice", "client:reporting", "os:root", "system"
	Action   string // what was done: "client.create", "token.revoke", …
	Target   string // to what: "client:reporting", "token:…"
	Details  string // JSON object, no secrets
	PrevHash []byte
	Hash     []byte // SHA-256 over PrevHash and the fields above
}

// ChangeKind is the kind of object in a change row, and in the cache.
type ChangeKind string

// The kinds of object whose change is announced by a revision, and what Change.Key holds for each.
const (
	ChangeClient       ChangeKind = "client"        // client_id; the client, its secrets or APIs
	ChangeClientAccess ChangeKind = "client-access" // client_id; its assignments
	ChangeAPI          ChangeKind = "api"           // audience; the API or its permissions
	ChangeUser         ChangeKind = "user"          // database id; the user
	ChangeUserAccess   ChangeKind = "user-access"   // database id; its groups or assignments
	ChangeGroupAccess  ChangeKind = "group-access"  // database id; its assignments
	ChangeRole         ChangeKind = "role"          // database id; the role or its permissions
	ChangeKeys         ChangeKind = "keys"          // empty; any signing key
	ChangeRevocations  ChangeKind = "revocations"   // empty; any revocation begun or finished
)

// Change says that an object changed in the given revision.
type Change struct {
	Revision int64
	Kind     ChangeKind
	Key      string
}
