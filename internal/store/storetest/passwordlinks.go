package storetest

import (
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// passwordLink is one for an hour, made with a permission of the hash's name too.
func passwordLink(user int64, hash string) domain.PasswordLink {
	return domain.PasswordLink{
		UserID: user, Hash: []byte(hash), Maker: domain.AdminPermissions{"users:write", hash}, CreatedAt: t0, ExpiresAt: t0.Add(time.Hour),
	}
}

var passwordLinkTests = map[string]func(*testing.T, *store.DB){
	"a link is its user's until it expires, is used or replaced": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		ctx, until := t.Context(), t0.Add(time.Hour)
		opens := func(hash string, now time.Time, want error) {
			t.Helper()
			link, err := db.FindPasswordLink(ctx, []byte(hash), now)
			if wantErr(t, err, want); err == nil {
				same(t, link, passwordLink(w.user, hash))
			}
		}
		opens("first", t0, domain.ErrNotFound)
		check(t, db.PutPasswordLink(ctx, passwordLink(w.user, "first")))
		opens("first", until.Add(-1000), nil)
		opens("first", until, domain.ErrNotFound)
		wantErr(t, db.UsePasswordLink(ctx, []byte("first"), until), domain.ErrNotFound)
		opens("first", t0, nil)

		check(t, db.PutPasswordLink(ctx, passwordLink(w.user, "second")))
		opens("first", t0, domain.ErrNotFound)
		wantErr(t, db.UsePasswordLink(ctx, []byte("first"), t0), domain.ErrNotFound)
		check(t, db.UsePasswordLink(ctx, []byte("second"), t0))
		opens("second", t0, domain.ErrNotFound)

		check(t, db.PutPasswordLink(ctx, passwordLink(w.user, "third")))
		check(t, db.DeletePasswordLink(ctx, w.user))
		opens("third", t0, domain.ErrNotFound)
		wantErr(t, db.PutPasswordLink(ctx, passwordLink(99, "nobody's")), domain.ErrReferenced)
	},
	"a link is used once": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		check(t, db.PutPasswordLink(t.Context(), passwordLink(w.user, "link")))
		onlyOneWins(t, domain.ErrNotFound, func(int) error { return db.UsePasswordLink(t.Context(), []byte("link"), t0) })
	},
	"expired links are purged": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		check(t, db.PutPasswordLink(t.Context(), passwordLink(w.user, "link")))
		must(db.Purge(t.Context(), t0.Add(2*time.Hour), 10))(t)
		_, err := db.FindPasswordLink(t.Context(), []byte("link"), t0)
		wantErr(t, err, domain.ErrNotFound)
	},
}
