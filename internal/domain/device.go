package domain

import "time"

// DeviceRequest is what a device asks a user for (RFC 8628), as stored: its codes as keyed hashes, never by value.
type DeviceRequest struct {
	ID         int64
	DeviceCode []byte
	UserCode   []byte
	ClientID   int64
	Client     string // its client_id
	APIs       []GrantAPI
	Nonce      string // for the ID token; empty: none
	IP         string // where the device asked from
	UserAgent  string
	Interval   time.Duration // that it has to wait between two polls; grows when it does not
	PolledAt   time.Time     // zero: not yet
	CreatedAt  time.Time
	ExpiresAt  time.Time
	AnsweredAt time.Time // zero: the user has not answered
	AnsweredBy int64     // the user
	GrantID    int64     // what the user allowed; zero with an answer: it was no
	UsedAt     time.Time // when the device got its tokens
}
