package event

// DatabaseRestored says: a database that was restored from a backup was accepted. What happened after the event After and before this
// one, if anything, is not known, and their numbers are not given again.
type DatabaseRestored struct {
	After       int64  `json:"after"`
	RestoredAt  string `json:"restored_at,omitempty"` // when it was found to be restored (RFC 3339); empty: somebody said so
	StatusLists int    `json:"status_lists"`          // that got no more tokens
}

// Kind implements Event.
func (DatabaseRestored) Kind() string { return "database.restore" }

// Object implements Event.
func (DatabaseRestored) Object() string { return "database" }
