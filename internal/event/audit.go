package event

import "strconv"

// AuditErased says: what the audit log said of a user was erased; Digest is a SHA-256 in hex over the seqs of the events, each in
// eight bytes, and First and Last are the least and the greatest of these.
type AuditErased struct {
	Digest string `json:"digest"`
	Events int    `json:"events"`
	First  int64  `json:"first"`
	Last   int64  `json:"last"`
}

// Kind implements Event.
func (AuditErased) Kind() string { return "audit.erase" }

// Object implements Event.
func (AuditErased) Object() string { return "audit:user" }

// AuditPurged says: the events of the audit log up to a seq were deleted after the time that they are kept.
type AuditPurged struct {
	Through int64 `json:"-"`
}

// Kind implements Event.
func (AuditPurged) Kind() string { return "audit.purge" }

// Object implements Event.
func (e AuditPurged) Object() string { return "audit:" + strconv.FormatInt(e.Through, 10) }
