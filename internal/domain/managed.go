package domain

// ManagedKind is a kind of object that may come from files.
type ManagedKind string

// The kinds of object that may come from files, in the order in which they refer to each other: none to a later one.
const (
	ManagedAttribute  ManagedKind = "attribute"
	ManagedAPI        ManagedKind = "api"
	ManagedRole       ManagedKind = "role"
	ManagedGroup      ManagedKind = "group"
	ManagedClient     ManagedKind = "client"
	ManagedAssignment ManagedKind = "assignment"
	ManagedReceiver   ManagedKind = "receiver"
)

// ManagedKinds are all of them, in that order.
var ManagedKinds = []ManagedKind{
	ManagedAttribute, ManagedAPI, ManagedRole, ManagedGroup, ManagedClient, ManagedAssignment, ManagedReceiver,
}

// DeletedWith counts objects that are deleted with another one.
type DeletedWith struct {
	Of        string // its name
	Kind      ManagedKind
	ManagedBy string // the set of files that they come from, empty: none
	Count     int64
}
