package domain

import (
	"fmt"
	"time"
)

// Event is an entry of the audit log, chained to the one before it by hash.
type Event struct {
	Seq      int64
	At       time.Time
	Actor    string // who did it: "user:alice", "client:reporting", "os:root", "system"; empty: erased
	Action   string // what was done: "client.create", "token.revoke", …
	Target   string // to what: "client:reporting", "token:…"
	Details  string // JSON object, no secrets
	Salt     []byte
	Digest   []byte // over Salt, Actor, Target, Details and RequestID
	ErasedBy int64  // the seq of the event that says that these five were erased, save Digest; zero: they were not
	PrevHash []byte
	Hash     []byte // over PrevHash, Seq, At, Action and Digest

	RequestID string // of the request in which it was done; empty: none, or erased

	Signals []SecurityEvent // what services hear of it; about nobody: nothing
}

// Place is where the event is in lists in the order of time: the time in microseconds and the seq.
func (e Event) Place() string { return fmt.Sprintf("%d.%d", e.At.UnixMicro(), e.Seq) }

// EventFilter chooses events; what is empty chooses all.
type EventFilter struct {
	Actor, Action, Target string
	Since                 time.Time // those of then or later
	Before                time.Time // those of earlier than then
}

// Checkpoint is what the audit log was at a time.
type Checkpoint struct {
	Seq  int64 // of the last event
	Hash []byte
	At   time.Time
	MAC  []byte
}

// ChangeKind is the kind of object in a change row, and in the cache.
type ChangeKind string

// The kinds of object whose change is announced by a revision, and what Change.Key holds for each.
const (
	ChangeClient       ChangeKind = "client"        // client_id; the client, its secrets or APIs
	ChangeClientAccess ChangeKind = "client-access" // client_id; its assignments
	ChangeAPI          ChangeKind = "api"           // audience; the API or its permissions
	ChangePolicy       ChangeKind = "policy"        // audience; the API's policy
	ChangeResource     ChangeKind = "resource"      // ResourceKey, or the API's database id alone; a registered resource, or whether there are any
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
