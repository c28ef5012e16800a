package domain

import (
	"fmt"
	"strings"
)

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

// DeletedWith is what is deleted with another object, or a role or client that loses what it has of an API which is deleted.
type DeletedWith struct {
	Of        string      // the name of what is deleted
	Kind      ManagedKind // or another word for what is no object of its own
	ManagedBy string      // the set of files that it comes from, empty: none
	Name      string      // of a role or client; others have none, and are only counted
	Count     int64
}

// PermissionLoss is a role or client that loses permissions because their API has them no more.
type PermissionLoss struct {
	Kind        ManagedKind `json:"kind"`
	Name        string      `json:"name"`
	ManagedBy   string      `json:"managed_by,omitempty"` // the set of files that it comes from
	Permissions []string    `json:"permissions"`
}

// String says who loses what.
func (l PermissionLoss) String() string {
	return fmt.Sprintf("%s loses %s", OfSet(l.Kind, l.Name, l.ManagedBy), strings.Join(l.Permissions, ", "))
}

// OfSet names an object with the set of files that it comes from.
func OfSet(kind ManagedKind, name, set string) string {
	if set == "" {
		return fmt.Sprintf("%s %s of no set", kind, name)
	}
	return fmt.Sprintf("%s %s of the set %s", kind, name, set)
}

const maxLosses = 200 // permissions of roles and clients

// FirstLosses are as many as are worth to be kept, and the number of the others.
func FirstLosses(losses []PermissionLoss) (first []PermissionLoss, more int) {
	permissions := 0
	for i, l := range losses {
		if permissions += len(l.Permissions); i > 0 && permissions > maxLosses {
			return losses[:i], len(losses) - i
		}
	}
	return losses, 0
}
