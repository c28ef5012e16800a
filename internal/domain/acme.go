package domain

import "time"

// ACMEValue is what replicas share to get certificates by ACME (RFC 8555): accounts, certificates and their keys, challenges.
type ACMEValue struct {
	Key        string // a path, such as certificates/CA/id.example/id.example.key
	Sealed     []byte
	ModifiedAt time.Time
}

// ACMELock lets one process at a time do a thing by ACME, until it releases the lock or does not extend it in time.
type ACMELock struct {
	Name  string
	Owner []byte // tells apart who acquired it
}
