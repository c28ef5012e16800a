package domain

import "time"

// Statistic is how often something happened at a replica in a minute.
type Statistic struct {
	At      time.Time // the beginning of the minute
	Replica string
	Kind    string // "issued.client_credentials"
	Count   int64
}

// StatisticSum is how often something happened at all replicas in a step of time.
type StatisticSum struct {
	At    time.Time // the beginning of the step
	Kind  string
	Count int64
}

// Replica is a server as it last showed itself.
type Replica struct {
	ID        string // random, of the process
	Version   string
	StartedAt time.Time
	SeenAt    time.Time // by its own clock
	Revision  int64     // up to which it has applied changes,
	AsOf      time.Time // as of then
	JWKS      string    // the entity tag of the key set that it publishes
}

// Verifier is somebody who fetches the key set.
type Verifier struct {
	ID          string    // a keyed hash of the address and the user agent
	Agent       string    // the user agent, as it says
	JWKS        string    // the entity tag of the key set that it was last given
	ConfirmedAt time.Time // when it last showed that it holds that one (If-None-Match); zero: never
	FirstSeenAt time.Time
	SeenAt      time.Time
}
