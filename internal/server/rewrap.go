package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/keys"
)

// MasterKey is a key that opens the secret of the installation.
type MasterKey struct {
	ID        string
	CreatedAt time.Time
	Current   bool // this process was given it
}

// MasterKeys are those of the installation, oldest first.
func (s *Services) MasterKeys(ctx context.Context) ([]MasterKey, error) {
	stored, err := s.DB.ListMasterKeys(ctx)
	if err != nil {
		return nil, fmt.Errorf("list the master keys: %w", err)
	}
	all := make([]MasterKey, len(stored))
	for i, key := range stored {
		all[i] = MasterKey{keys.MasterKeyID(key), key.CreatedAt, bytes.Equal(key.Check, s.masterKey.Check())}
	}
	return all, nil
}

// AddMasterKey makes another key, as its file has it, one that opens the secret of the installation, beside those that do.
// domain.ErrExists if it is one.
func (s *Services) AddMasterKey(ctx context.Context, text string) error {
	other, err := keys.ParseMaster(text)
	if err != nil {
		return err
	}
	id := keys.MasterKeyID(domain.MasterKey{Check: other.Check()})
	return s.recorder.Change(ctx, event.MasterKeyAdded{Key: id}, func(ctx context.Context) error {
		_, err := keys.AddMaster(ctx, s.DB, s.secret, other, s.now())
		if errors.Is(err, domain.ErrExists) { // so it is after a command that was interrupted, too
			err = fmt.Errorf("%w, and opens the database: give it to every server and command, then: signet key rewrap --finish", err)
		}
		return err
	})
}

// ErrNothingToRetire says that there is one master key alone.
var ErrNothingToRetire = errors.New("no other master key opens the database: the old one is retired already, or the new one has to be added first, with --new-key-file")

// RetireOtherMasterKeys makes the key that this process was given the only one.
func (s *Services) RetireOtherMasterKeys(ctx context.Context) error {
	return s.recorder.Update(ctx, func(ctx context.Context) (event.Event, error) {
		all, err := s.MasterKeys(ctx)
		if err != nil {
			return nil, err
		}
		var e event.MasterKeysRetired
		for _, key := range all {
			if key.Current {
				e.Kept = key.ID
			} else {
				e.Retired = append(e.Retired, key.ID)
			}
		}
		if len(e.Retired) == 0 {
			return nil, ErrNothingToRetire
		}
		return e, keys.RetireOtherMasters(ctx, s.DB, s.masterKey)
	})
}
