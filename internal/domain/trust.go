package domain

import "time"

// Trust lets JWTs of another issuer authenticate a client, as those of workloads.
type Trust struct {
	ID        int64
	Issuer    string
	Subject   string            // a pattern for "sub"; see registry
	Audience  string            // the only "aud"; empty: the issuer of this server
	Claims    map[string]string // other claims that must have just these values
	JWKS      string            // the issuer's public keys; empty: JWKSURI
	JWKSURI   string            // where it publishes them; empty: where its metadata says
	Private   bool              // that may be at a private address
	Reusable  bool              // a JWT may be presented until it expires, not just once
	CreatedAt time.Time
}
