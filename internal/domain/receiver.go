package domain

import "time"

// Delivery says how security events reach a receiver.
type Delivery string

// The ways of delivery.
const (
	DeliveryPoll Delivery = "poll" // RFC 8936
	DeliveryPush Delivery = "push" // RFC 8935
)

// The security events that Signet sends (CAEP 1.0 §3.1, §3.2).
const (
	EventSessionRevoked    = "session-revoked"
	EventTokenClaimsChange = "token-claims-change"
)

// SecurityEvents are all of them.
var SecurityEvents = []string{EventSessionRevoked, EventTokenClaimsChange}

// Receiver is a client that gets security events about the audiences that it serves.
type Receiver struct {
	ID            int64
	ClientID      int64
	Client        string // client_id
	Method        Delivery
	Endpoint      string // the URL for pushes
	SealedToken   []byte // the bearer token for the endpoint, sealed; empty: none
	AllowPrivate  bool   // the endpoint may be at a private address
	Events        []string
	Progress      Progress
	LeasedUntil   time.Time // a replica holds the lease until then; zero: none
	Attempts      int       // pushes that failed since the last that did not
	NextAttemptAt time.Time
	LastError     string // why the last push failed
	CreatedAt     time.Time
	PausedAt      time.Time // zero: not paused
}

// Progress is how far a receiver has acknowledged the events of the audit log.
type Progress struct {
	Acked  int64    // every event up to this seq is acknowledged
	Beyond []string // acknowledged events with a later seq
}
