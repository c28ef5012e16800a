package domain

import "time"

// MasterKey is a master key of the installation, as it is stored.
type MasterKey struct {
	Check        []byte // that only this key gives
	SealedSecret []byte // the secret of the installation, sealed with it
	CreatedAt    time.Time
}
