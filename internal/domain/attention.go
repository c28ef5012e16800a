package domain

import "time"

// ExpiringSecret is a secret of a client that has none that lasts longer.
type ExpiringSecret struct {
	Client    string // client_id
	Hint      string
	ExpiresAt time.Time
}

// UnusedClient is one that has got no token for long.
type UnusedClient struct {
	Client string    // client_id
	Since  time.Time // when it was last used, or else registered
}

// Backlog is what a receiver has not acknowledged.
type Backlog struct {
	ReceiverID int64
	Client     string    // client_id
	Events     int       // rows of the outbox, up to a bound
	Seq        int64     // of the oldest one; 0: none
	Since      time.Time // of the oldest one
}
