package domain

import "time"

// Logout is an ended session, or all of a user's, that a client has yet to hear of (OpenID Connect Back-Channel Logout 1.0).
type Logout struct {
	ID           int64
	ClientID     string      // client_id
	Alg          string      // by which its ID tokens are signed
	URI          string      // where it hears of it, empty: nowhere any more
	AllowPrivate bool        // that may be at a private address
	Subject      string      // the user's sub
	SubjectType  SubjectType // by which the client knows the user
	Sector       string      // of the client
	SID          string      // empty: all sessions of the user
	Attempts     int
	CreatedAt    time.Time
}
