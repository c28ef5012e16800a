package domain

import "time"

// KeyedRequest is a request that its sender gave a key, so that it is carried out once however often it is sent.
type KeyedRequest struct {
	ID           []byte // of the key and whom it belongs to
	Request      []byte // tells the requests apart that one key is sent with
	Claim        []byte // of whoever carries it out
	ClaimedUntil time.Time
	Answer       []byte // sealed; empty: it is being carried out
	ExpiresAt    time.Time
}
