package domain

import "time"

// Invitation is an initial access token (RFC 7591 §1.2): who has it may register clients.
type Invitation struct {
	ID        int64
	Hash      string // of the token, never the token
	Note      string // what it is for, in an administrator's words
	MaxUses   int
	Uses      int // clients that were registered with it
	CreatedAt time.Time
	ExpiresAt time.Time
}
