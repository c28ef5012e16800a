package keys

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// MasterKeyList is what is sealed with master keys.
type MasterKeyList interface {
	// ListMasterKeys returns them, oldest first; none before the first migration.
	ListMasterKeys(ctx context.Context) ([]domain.MasterKey, error)
}

// MasterKeys keeps the master keys of an installation: its secret, sealed with each of them.
type MasterKeys interface {
	MasterKeyList
	// ClaimMasterKey adds the first one. ErrExists if there is one.
	ClaimMasterKey(ctx context.Context, key domain.MasterKey) error
	// AddMasterKey adds another one. ErrExists if it is there already.
	AddMasterKey(ctx context.Context, key domain.MasterKey) error
	// DeleteOtherMasterKeys deletes all but one. ErrNotFound if that is not there: then none is deleted.
	DeleteOtherMasterKeys(ctx context.Context, check []byte) error
}

var (
	// ErrWrongMaster says that the database was made with another master key.
	ErrWrongMaster = errors.New("this master key is not the one that the database was made with")
	// ErrUnclaimed says that the database has no master key yet.
	ErrUnclaimed = errors.New("the database has no master key yet")
)

// secretName is the name under which the installation's secret is sealed.
const secretName = "installation"

// MasterKeyID names a master key to people and discloses nothing of it.
func MasterKeyID(key domain.MasterKey) string {
	return hex.EncodeToString(key.Check[:min(8, len(key.Check))])
}

// Unlock opens the installation's secret. ErrUnclaimed if there is none yet, ErrWrongMaster if the master key is none of the database's.
func Unlock(ctx context.Context, store MasterKeyList, master *Master) (secret *Master, err error) {
	stored, err := store.ListMasterKeys(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("compare the master key: %w", err)
	case len(stored) == 0:
		return nil, ErrUnclaimed
	}
	check := master.Check()
	for _, key := range stored {
		if subtle.ConstantTimeCompare(key.Check, check) != 1 {
			continue
		}
		plain, err := master.Open(secretName, key.SealedSecret)
		if err != nil || len(plain) != masterKeySize {
			return nil, errors.New("the secret of the installation was changed in the database, and cannot be opened: restore a backup")
		}
		return &Master{key: plain}, nil
	}
	return nil, ErrWrongMaster
}

// Claim opens the installation's secret, and makes one if there is none yet: then the master key is the database's. ErrWrongMaster if
// that has another. Of processes that claim a database at once, one makes the secret.
func Claim(ctx context.Context, store MasterKeys, master *Master, now time.Time) (secret *Master, err error) {
	secret, err = Unlock(ctx, store, master)
	if !errors.Is(err, ErrUnclaimed) {
		return secret, err
	}
	err = store.ClaimMasterKey(ctx, master.lock(NewMaster(), now))
	if err != nil && !errors.Is(err, domain.ErrExists) {
		return nil, fmt.Errorf("claim the database: %w", err)
	}
	return Unlock(ctx, store, master)
}

// lock seals the installation's secret.
func (m *Master) lock(secret *Master, now time.Time) domain.MasterKey {
	return domain.MasterKey{Check: m.Check(), SealedSecret: m.Seal(secretName, secret.key), CreatedAt: now}
}

// AddMaster adds a master key to the database: it seals the installation secret with it, which itself stays the same. It returns what is
// stored. domain.ErrExists if the key is there already.
func AddMaster(ctx context.Context, store MasterKeys, secret, other *Master, now time.Time) (domain.MasterKey, error) {
	key := other.lock(secret, now)
	if err := store.AddMasterKey(ctx, key); err != nil {
		return domain.MasterKey{}, fmt.Errorf("add the master key %s: %w", MasterKeyID(key), err)
	}
	return key, nil
}

// RetireOtherMasters makes a master key the only one. ErrWrongMaster if it is none of the database's.
func RetireOtherMasters(ctx context.Context, store MasterKeys, kept *Master) error {
	err := store.DeleteOtherMasterKeys(ctx, kept.Check())
	if errors.Is(err, domain.ErrNotFound) {
		return ErrWrongMaster
	}
	if err != nil {
		return fmt.Errorf("retire the other master keys: %w", err)
	}
	return nil
}
