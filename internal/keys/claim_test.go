package keys_test

import (
	"bytes"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestTheMasterKeyChangesAndTheSecretStays(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ctx, before, after, other := eventtest.Context(t), keys.NewMaster(), keys.NewMaster(), keys.NewMaster()
		opens := func(m *keys.Master) []byte {
			t.Helper()
			secret, err := keys.Unlock(ctx, db, m)
			if err != nil {
				t.Fatal(err)
			}
			return secret.Derive("what is stored", 32)
		}
		if _, err := keys.Unlock(ctx, db, before); !errors.Is(err, keys.ErrUnclaimed) {
			t.Errorf("a database without a master key: %v", err)
		}
		secret, err := keys.Claim(ctx, db, before, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		want := secret.Derive("what is stored", 32)
		if bytes.Equal(want, before.Derive("what is stored", 32)) {
			t.Error("what is stored hangs on the master key itself")
		}
		if _, err := keys.AddMaster(ctx, db, secret, after, time.Now()); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.AddMaster(ctx, db, secret, after, time.Now()); !errors.Is(err, domain.ErrExists) {
			t.Errorf("the same again: %v", err)
		}
		if !bytes.Equal(opens(before), want) || !bytes.Equal(opens(after), want) {
			t.Error("both master keys open another secret")
		}
		if err := keys.RetireOtherMasters(ctx, db, other); !errors.Is(err, keys.ErrWrongMaster) {
			t.Errorf("keep a key that is none: %v", err)
		}
		if err := keys.RetireOtherMasters(ctx, db, after); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(opens(after), want) {
			t.Error("the master key opens another secret")
		}
		for _, m := range []*keys.Master{before, other} {
			if _, err := keys.Claim(ctx, db, m, time.Now()); !errors.Is(err, keys.ErrWrongMaster) {
				t.Errorf("a key that is none: %v, want ErrWrongMaster", err)
			}
		}
	})
}

func TestOfProcessesThatClaimADatabaseOneDoes(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		var group sync.WaitGroup
		var mu sync.Mutex
		claimed := map[string]int{}
		same, masters := keys.NewMaster(), [8]*keys.Master{}
		for i := range masters {
			if masters[i] = same; i%2 == 1 {
				masters[i] = keys.NewMaster()
			}
			group.Go(func() {
				secret, err := keys.Claim(eventtest.Context(t), db, masters[i], time.Now())
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					claimed[string(secret.Check())]++
				} else if !errors.Is(err, keys.ErrWrongMaster) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if len(claimed) != 1 {
			t.Errorf("%d secrets were made", len(claimed))
		}
	})
}
