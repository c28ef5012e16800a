package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// versioned updates one of the world's objects: version is what the update expects, now the object's own.
type versioned struct {
	update func(ctx context.Context, version int64) error
	now    func(t *testing.T) int64
}

func (w world) versioned(db *store.DB) map[string]versioned {
	return map[string]versioned{
		"API": {
			func(ctx context.Context, v int64) error {
				return db.UpdateAPI(ctx, domain.API{Audience: audience, SigningAlg: domain.ES256, Version: v,
					Permissions: []domain.Permission{{Name: "orders:read"}, {Name: "orders:write"}}})
			},
			func(t *testing.T) int64 { return must(db.FindAPI(t.Context(), audience))(t).Version },
		},
		"client": {
			func(ctx context.Context, v int64) error {
				return db.UpdateClient(ctx, domain.Client{ClientID: "shop", IDTokenAlg: domain.ES256, Version: v})
			},
			func(t *testing.T) int64 { return must(db.FindClient(t.Context(), "shop"))(t).Version },
		},
		"user": {
			func(ctx context.Context, v int64) error {
				return db.UpdateUser(ctx, domain.User{Username: "alice", Version: v})
			},
			func(t *testing.T) int64 { return must(db.FindUser(t.Context(), "alice"))(t).Version },
		},
		"attribute": {
			func(ctx context.Context, v int64) error {
				return db.UpdateAttribute(ctx, domain.Attribute{Name: "nickname", Version: v})
			},
			func(t *testing.T) int64 { return must(db.FindAttribute(t.Context(), "nickname"))(t).Version },
		},
		"group": {
			func(ctx context.Context, v int64) error {
				return db.UpdateGroup(ctx, domain.Group{Name: "ops", Version: v})
			},
			func(t *testing.T) int64 { return must(db.FindGroup(t.Context(), "ops"))(t).Version },
		},
		"role": {
			func(ctx context.Context, v int64) error {
				return db.UpdateRole(ctx, domain.Role{Name: "clerk", Version: v})
			},
			func(t *testing.T) int64 { return must(db.FindRole(t.Context(), "clerk"))(t).Version },
		},
	}
}

var versionTests = map[string]func(*testing.T, *store.DB){
	"an object's version starts at 1, and each update adds one": func(t *testing.T, db *store.DB) {
		for name, object := range makeWorld(t, db).versioned(db) {
			t.Run(name, func(t *testing.T) {
				same(t, object.now(t), 1)
				check(t, object.update(t.Context(), 0))
				check(t, object.update(t.Context(), 2))
				same(t, object.now(t), 3)
			})
		}
	},
	"an update for another version is refused and changes nothing": func(t *testing.T, db *store.DB) {
		for name, object := range makeWorld(t, db).versioned(db) {
			t.Run(name, func(t *testing.T) {
				before := revision(t, db)
				wantErr(t, object.update(t.Context(), 2), domain.ErrConflict)
				same(t, object.now(t), 1)
				same(t, revision(t, db), before)
			})
		}
	},
	"who holds an object changes what it is now": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		const writers = 20
		_, failed := parallel(writers, func(i int) error {
			return db.Tx(t.Context(), func(ctx context.Context) error {
				return appendToEach(ctx, db, string(rune('a'+i)))
			})
		})
		same(t, failed, nil)
		for what, text := range map[string]string{
			"API": must(db.FindAPI(t.Context(), audience))(t).Name, "client": must(db.FindClient(t.Context(), "shop"))(t).Name,
			"user": must(db.FindUser(t.Context(), "alice"))(t).Name, "group": must(db.FindGroup(t.Context(), "ops"))(t).Description,
			"role": must(db.FindRole(t.Context(), "clerk"))(t).Description,
		} {
			if len(text) != writers {
				t.Errorf("%s: of %d writers, only %q are left", what, writers, text)
			}
		}
	},
	"of updates for the same version one wins": func(t *testing.T, db *store.DB) {
		for name, object := range makeWorld(t, db).versioned(db) {
			t.Run(name, func(t *testing.T) {
				onlyOneWins(t, domain.ErrConflict, func(int) error { return object.update(t.Context(), 1) })
				same(t, object.now(t), 2)
			})
		}
	},
}

// appendToEach adds text to a field of each of the world's objects.
func appendToEach(ctx context.Context, db *store.DB, text string) error {
	api, err := db.HoldAPI(ctx, audience)
	if err != nil {
		return err
	}
	client, err := db.HoldClient(ctx, "shop")
	if err != nil {
		return err
	}
	user, err := db.HoldUser(ctx, "alice")
	if err != nil {
		return err
	}
	group, err := db.HoldGroup(ctx, "ops")
	if err != nil {
		return err
	}
	role, err := db.HoldRole(ctx, "clerk")
	if err != nil {
		return err
	}
	api.Name += text
	client.Name += text
	user.Name += text
	group.Description += text
	role.Description += text
	return errors.Join(db.UpdateAPI(ctx, api), db.UpdateClient(ctx, client), db.UpdateUser(ctx, user), db.UpdateGroup(ctx, group),
		db.UpdateRole(ctx, role))
}
