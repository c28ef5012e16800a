package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var keyTests = map[string]func(*testing.T, *store.DB){
	"keys are listed as they were stored, oldest first": func(t *testing.T, db *store.DB) {
		young := domain.SigningKey{
			KID: "young", Alg: domain.ES256, State: domain.KeyRetired, PublicJWK: []byte(`{"kty":"EC"}`), SealedKey: []byte{0, 255},
			CreatedAt: t0.Add(time.Hour), ActivatedAt: t0, RetiredAt: t0, RevokedAt: t0,
		}
		old := young
		old.KID, old.CreatedAt, old.RevokedAt = "old", t0, time.Time{}
		young.ID = must(db.InsertSigningKey(t.Context(), young))(t)
		wantChanges(t, db, func(ctx context.Context) (err error) { old.ID, err = db.InsertSigningKey(ctx, old); return err }, "keys ")
		same(t, must(db.ListSigningKeys(t.Context()))(t), []domain.SigningKey{old, young})
	},
	"one key signs and one waits for each algorithm": func(t *testing.T, db *store.DB) {
		for _, state := range []domain.KeyState{domain.KeyNext, domain.KeyActive} {
			must(db.InsertSigningKey(t.Context(), domain.SigningKey{KID: string(state), Alg: domain.ES256, State: state, PublicJWK: []byte("{}")}))(t)
			_, err := db.InsertSigningKey(t.Context(), domain.SigningKey{KID: "second", Alg: domain.ES256, State: state, PublicJWK: []byte("{}")})
			wantErr(t, err, domain.ErrExists)
			must(db.InsertSigningKey(t.Context(), domain.SigningKey{KID: "rsa" + string(state), Alg: domain.RS256, State: state, PublicJWK: []byte("{}")}))(t)
		}
	},
	"a key changes its state once": func(t *testing.T, db *store.DB) {
		must(db.InsertSigningKey(t.Context(), domain.SigningKey{KID: "k", Alg: domain.ES256, State: domain.KeyNext, PublicJWK: []byte("{}"), CreatedAt: t0}))(t)
		now := t0
		for from, to := domain.KeyNext, domain.KeyActive; ; {
			now = now.Add(time.Minute)
			before := revision(t, db)
			onlyOneWins(t, domain.ErrConsumed, func(int) error { return db.SetKeyState(t.Context(), "k", from, to, now) })
			same(t, revision(t, db), before+1)
			switch to {
			case domain.KeyActive:
				from, to = to, domain.KeyRetired
				continue
			case domain.KeyRetired:
				from, to = to, domain.KeyRevoked
				continue
			}
			break
		}
		key := must(db.ListSigningKeys(t.Context()))(t)[0]
		same(t, []time.Time{key.ActivatedAt, key.RetiredAt, key.RevokedAt}, []time.Time{t0.Add(time.Minute), t0.Add(2 * time.Minute), t0.Add(3 * time.Minute)})
	},
	"a deleted key is gone": func(t *testing.T, db *store.DB) {
		must(db.InsertSigningKey(t.Context(), domain.SigningKey{KID: "k", Alg: domain.ES256, State: domain.KeyRetired, PublicJWK: []byte("{}")}))(t)
		wantChanges(t, db, func(ctx context.Context) error { return db.DeleteSigningKey(ctx, "k") }, "keys ")
		wantErr(t, db.DeleteSigningKey(t.Context(), "k"), domain.ErrNotFound)
		same(t, len(must(db.ListSigningKeys(t.Context()))(t)), 0)
	},
	"of master keys that claim a database, one does; others are added, and all but one deleted": func(t *testing.T, db *store.DB) {
		key := func(name string) domain.MasterKey {
			return domain.MasterKey{Check: []byte(name), SealedSecret: []byte("sealed with " + name), CreatedAt: t0}
		}
		same(t, len(must(db.ListMasterKeys(t.Context()))(t)), 0)
		names := []string{"a", "b", "c", "d"}
		_, refused := parallel(len(names), func(i int) error { return db.ClaimMasterKey(t.Context(), key(names[i])) })
		claimed := must(db.ListMasterKeys(t.Context()))(t)
		same(t, len(claimed), 1)
		first := string(claimed[0].Check)
		same(t, claimed[0], key(first))
		same(t, len(refused), len(names)-1)
		for _, err := range refused {
			wantErr(t, err, domain.ErrExists)
		}
		check(t, db.AddMasterKey(t.Context(), key("z")))
		wantErr(t, db.AddMasterKey(t.Context(), key("z")), domain.ErrExists)
		wantErr(t, db.DeleteOtherMasterKeys(t.Context(), []byte("y")), domain.ErrNotFound)
		same(t, len(must(db.ListMasterKeys(t.Context()))(t)), 2)
		// Of two that keep different keys, one is too late.
		kept, _ := parallel(2, func(i int) error { return db.DeleteOtherMasterKeys(t.Context(), []byte([]string{"z", first}[i])) })
		same(t, len(must(db.ListMasterKeys(t.Context()))(t)), 1)
		same(t, kept, 1)
	},
}
