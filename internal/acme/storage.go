package acme

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/signet-auth/signet/internal/domain"
)

// Store is what the replicas share.
type Store interface {
	// PutACMEValue stores a value, in place of the one before. ErrConflict if a lock is lost: nothing was stored.
	PutACMEValue(ctx context.Context, v domain.ACMEValue, locks ...domain.ACMELock) error
	// ACMEValue returns the value with a key. ErrNotFound if there is none.
	ACMEValue(ctx context.Context, key string) (domain.ACMEValue, error)
	// ACMEKeys lists the keys that are a path, or below it, in order.
	ACMEKeys(ctx context.Context, path string) ([]string, error)
	// DeleteACMEValues deletes the values whose keys are a path, or below it. ErrConflict as for PutACMEValue.
	DeleteACMEValues(ctx context.Context, path string, locks ...domain.ACMELock) error
	// AcquireACMELock acquires a lock that nobody holds, or whose time is over, for the time of a lease, by the database's clock.
	AcquireACMELock(ctx context.Context, lock domain.ACMELock, lease time.Duration) (acquired bool, err error)
	// ExtendACMELock lets a lock be held for the time of a lease from now on. ErrConflict if its owner does not hold it, or its time is over.
	ExtendACMELock(ctx context.Context, lock domain.ACMELock, lease time.Duration) error
	// ReleaseACMELock releases a lock, if its owner holds it.
	ReleaseACMELock(ctx context.Context, lock domain.ACMELock) error
}

// Sealer encrypts what is stored.
type Sealer interface {
	// Seal encrypts under a name, which Open needs too.
	Seal(name string, plain []byte) []byte
	// Open decrypts what Seal made.
	Open(name string, sealed []byte) ([]byte, error)
}

// storage is certmagic's, in the database.
type storage struct {
	store  Store
	sealer Sealer
	now    func() time.Time
	pause  time.Duration // between attempts to acquire a lock

	mu     sync.Mutex
	held   map[string]*heldLock      // by name
	reads  map[string]*challengeRead // that have not begun yet, by key
	readAt map[string]time.Time      // when challenges were last read, by key: there is one for each name of the installation
}

var _ certmagic.Storage = (*storage)(nil)

func newStorage(store Store, sealer Sealer, now func() time.Time) *storage {
	return &storage{store: store, sealer: sealer, now: now, pause: 500 * time.Millisecond, held: map[string]*heldLock{},
		reads: map[string]*challengeRead{}, readAt: map[string]time.Time{}}
}

// sealName is authenticated with a value, so that values cannot be swapped.
func sealName(key string) string { return "acme/" + key }

// String keeps the keys out of logs.
func (*storage) String() string { return "the database" }

// Store implements certmagic.Storage.
func (s *storage) Store(ctx context.Context, key string, value []byte) error {
	v := domain.ACMEValue{Key: key, Sealed: s.sealer.Seal(sealName(key), value), ModifiedAt: s.now()}
	if err := s.store.PutACMEValue(ctx, v, s.locks()...); err != nil {
		return fmt.Errorf("store %s: %w", key, err)
	}
	return nil
}

// Load implements certmagic.Storage.
func (s *storage) Load(ctx context.Context, key string) ([]byte, error) {
	if strings.Contains(key, "/challenge_tokens/") { // certmagic's name for them
		return s.loadChallenge(ctx, key)
	}
	return s.load(ctx, key)
}

func (s *storage) load(ctx context.Context, key string) ([]byte, error) {
	v, err := s.store.ACMEValue(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", key, missing(err))
	}
	plain, err := s.sealer.Open(sealName(key), v.Sealed)
	if err != nil {
		return nil, fmt.Errorf("load %s: %w", key, err)
	}
	return plain, nil
}

// missing is fs.ErrNotExist for domain.ErrNotFound, as certmagic expects.
func missing(err error) error {
	if errors.Is(err, domain.ErrNotFound) {
		return fs.ErrNotExist
	}
	return err
}

// Delete implements certmagic.Storage.
func (s *storage) Delete(ctx context.Context, key string) error {
	if err := s.store.DeleteACMEValues(ctx, key, s.locks()...); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

// Exists implements certmagic.Storage.
func (s *storage) Exists(ctx context.Context, key string) bool {
	keys, err := s.store.ACMEKeys(ctx, key)
	return err == nil && len(keys) > 0
}

// List implements certmagic.Storage.
func (s *storage) List(ctx context.Context, path string, recursive bool) ([]string, error) {
	keys, err := s.store.ACMEKeys(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", path, err)
	}
	var listed []string
	for _, key := range keys {
		rest, below := strings.CutPrefix(key, path+"/")
		if !below {
			continue
		}
		if first, _, deeper := strings.Cut(rest, "/"); deeper && !recursive {
			key = path + "/" + first
		}
		if len(listed) == 0 || listed[len(listed)-1] != key {
			listed = append(listed, key)
		}
	}
	if len(listed) == 0 {
		return nil, fmt.Errorf("list %s: %w", path, fs.ErrNotExist)
	}
	return listed, nil
}

// Stat implements certmagic.Storage.
func (s *storage) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	v, err := s.store.ACMEValue(ctx, key)
	switch {
	case err == nil:
		return certmagic.KeyInfo{Key: key, Modified: v.ModifiedAt, Size: int64(len(v.Sealed)), IsTerminal: true}, nil
	case errors.Is(err, domain.ErrNotFound) && s.Exists(ctx, key):
		return certmagic.KeyInfo{Key: key}, nil
	}
	return certmagic.KeyInfo{}, fmt.Errorf("look at %s: %w", key, missing(err))
}
