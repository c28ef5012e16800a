package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var grantTests = map[string]func(*testing.T, *store.DB){
	"a grant is found as it was stored": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		want := domain.Grant{
			ClientID: w.client, UserID: w.user, SessionID: 7, Audience: audience, Scopes: []string{"openid"}, AuthTime: t0, ACR: "1",
			AMR: []string{"pwd"}, CreatedAt: t0, ExpiresAt: t0.Add(time.Hour),
		}
		want.ID = must(db.InsertGrant(t.Context(), want))(t)
		same(t, must(db.FindGrant(t.Context(), want.ID))(t), want)
		_, err := db.FindGrant(t.Context(), 99)
		wantErr(t, err, domain.ErrNotFound)
	},
	"only a live grant can be held": func(t *testing.T, db *store.DB) {
		grant := makeWorld(t, db).grant(t, db)
		check(t, db.HoldGrant(t.Context(), grant, t0))
		wantErr(t, db.HoldGrant(t.Context(), grant, t0.Add(time.Hour)), domain.ErrRevoked)
		must(db.RevokeGrant(t.Context(), grant, t0))(t)
		wantErr(t, db.HoldGrant(t.Context(), grant, t0), domain.ErrRevoked)
		wantErr(t, db.HoldGrant(t.Context(), 99, t0), domain.ErrRevoked)
	},
	"a code is used once": func(t *testing.T, db *store.DB) {
		grant := makeWorld(t, db).grant(t, db)
		want := domain.AuthorizationCode{Signature: "sig", GrantID: grant, Form: []byte(`{"nonce":["ü"]}`), CreatedAt: t0, ExpiresAt: t0.Add(time.Minute)}
		check(t, db.InsertCode(t.Context(), want))
		same(t, must(db.FindCode(t.Context(), "sig"))(t), want)
		onlyOneWins(t, domain.ErrConsumed, func(int) error { return db.UseCode(t.Context(), "sig", t0) })
		want.UsedAt = t0
		same(t, must(db.FindCode(t.Context(), "sig"))(t), want)
		_, err := db.FindCode(t.Context(), "none")
		wantErr(t, err, domain.ErrNotFound)
		wantErr(t, db.UseCode(t.Context(), "none", t0), domain.ErrNotFound)
	},
	"a refresh token is used once": func(t *testing.T, db *store.DB) {
		grant := makeWorld(t, db).grant(t, db)
		want := domain.RefreshToken{Signature: "sig", GrantID: grant, CreatedAt: t0, ExpiresAt: t0.Add(time.Minute)}
		check(t, db.InsertRefreshToken(t.Context(), want))
		same(t, must(db.FindRefreshToken(t.Context(), "sig"))(t), want)
		onlyOneWins(t, domain.ErrConsumed, func(int) error { return db.UseRefreshToken(t.Context(), "sig", t0) })
		want.UsedAt = t0
		same(t, must(db.FindRefreshToken(t.Context(), "sig"))(t), want)
		_, err := db.FindRefreshToken(t.Context(), "none")
		wantErr(t, err, domain.ErrNotFound)
		wantErr(t, db.UseRefreshToken(t.Context(), "none", t0), domain.ErrNotFound)
	},
	"all that came from a revoked grant is dead": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		grant, other := w.grant(t, db), w.grant(t, db)
		for _, id := range []int64{grant, other} {
			check(t, db.InsertCode(t.Context(), domain.AuthorizationCode{Signature: "code" + text(id), GrantID: id}))
			check(t, db.InsertRefreshToken(t.Context(), domain.RefreshToken{Signature: "refresh" + text(id), GrantID: id}))
			token := w.issued(int(id), 1)[0]
			token.GrantID, token.UserID = id, w.user
			indexed(t, db, token)
		}
		same(t, must(db.RevokeGrant(t.Context(), grant, t0))(t), 1)
		same(t, must(db.RevokeGrant(t.Context(), grant, t0.Add(time.Minute)))(t), 0)
		same(t, must(db.FindGrant(t.Context(), grant))(t).RevokedAt, t0)
		wantErr(t, db.UseCode(t.Context(), "code"+text(grant), t0), domain.ErrConsumed)
		wantErr(t, db.UseRefreshToken(t.Context(), "refresh"+text(grant), t0), domain.ErrConsumed)
		same(t, liveTokens(t, db, domain.TokenFilter{GrantID: grant}), 0)

		check(t, db.HoldGrant(t.Context(), other, t0))
		check(t, db.UseCode(t.Context(), "code"+text(other), t0))
		check(t, db.UseRefreshToken(t.Context(), "refresh"+text(other), t0))
		same(t, liveTokens(t, db, domain.TokenFilter{GrantID: other}), 1)
		_, err := db.RevokeGrant(t.Context(), 99, t0)
		wantErr(t, err, domain.ErrNotFound)
	},
	"all grants of a user or of a client end": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		bob := must(db.InsertUser(t.Context(), domain.User{Subject: "b", Username: "bob"}))(t)
		alices, bobs := w.grant(t, db), world{client: w.client, user: bob}.grant(t, db)
		for _, id := range []int64{alices, bobs} {
			check(t, db.InsertRefreshToken(t.Context(), domain.RefreshToken{Signature: text(id), GrantID: id}))
		}
		check(t, db.RevokeGrants(t.Context(), w.user, 0, t0))
		wantErr(t, db.UseRefreshToken(t.Context(), text(alices), t0), domain.ErrConsumed)
		check(t, db.HoldGrant(t.Context(), bobs, t0))
		check(t, db.RevokeGrants(t.Context(), 0, w.client, t0))
		wantErr(t, db.UseRefreshToken(t.Context(), text(bobs), t0), domain.ErrConsumed)
		wantErr(t, db.HoldGrant(t.Context(), bobs, t0), domain.ErrRevoked)
		if err := db.RevokeGrants(t.Context(), 0, 0, t0); err == nil {
			t.Error("all grants of nobody in particular were revoked")
		}
	},
	"a revocation and a change, both audited, do not wait for each other": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		grant := w.grant(t, db)
		appendEvent := func(ctx context.Context) error { return db.AppendEvents(ctx, hashOf, domain.Event{Details: "{}"}) }
		// In steps, so that nothing is retried: the revocation is audited last, the change first.
		revocation := must(db.Begin(t.Context()))(t)
		must(db.RevokeGrant(revocation, grant, t0))(t)
		change := make(chan error)
		go func() {
			ctx, err := db.Begin(t.Context())
			if err == nil {
				err = errors.Join(appendEvent(ctx), db.RevokeGrants(ctx, w.user, 0, t0), db.Commit(ctx))
			}
			change <- err
		}()
		time.Sleep(100 * time.Millisecond) // let the change come as far as it can
		check(t, appendEvent(revocation))
		check(t, db.Commit(revocation))
		check(t, <-change)
	},
	"nothing of a revoked grant survives a refresh at the same time": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		now := revision(t, db)
		const families = 20
		grants := make([]int64, families)
		for i := range grants {
			grants[i] = w.grant(t, db)
			check(t, db.InsertRefreshToken(t.Context(), domain.RefreshToken{Signature: fmt.Sprint("old", i), GrantID: grants[i]}))
		}
		_, failed := parallel(3*families, func(i int) error {
			family := i / 3
			switch i % 3 {
			case 0:
				return db.Tx(t.Context(), func(ctx context.Context) error {
					if _, err := db.RevokeGrant(ctx, grants[family], t0); err != nil {
						return err
					}
					return db.AppendEvents(ctx, hashOf, domain.Event{Details: "{}"})
				})
			case 1:
				return refresh(t.Context(), db, w, grants[family], now, family)
			default: // a management change that revokes the same, as disabling the client does
				return db.Tx(t.Context(), func(ctx context.Context) error {
					if err := db.AppendEvents(ctx, hashOf, domain.Event{Details: "{}"}); err != nil {
						return err
					}
					return db.RevokeGrants(ctx, 0, w.client, t0)
				})
			}
		})
		for _, err := range failed {
			if !errors.Is(err, domain.ErrConsumed) && !errors.Is(err, domain.ErrRevoked) {
				t.Error(err)
			}
		}
		for i, grant := range grants {
			same(t, liveTokens(t, db, domain.TokenFilter{GrantID: grant}), 0)
			if token, err := db.FindRefreshToken(t.Context(), fmt.Sprint("new", i)); err == nil && token.RevokedAt.IsZero() {
				t.Errorf("a refresh token of revoked grant %d lives", grant)
			}
		}
	},
}

// refresh does what a token request with a refresh token does.
func refresh(ctx context.Context, db *store.DB, w world, grant, revision int64, n int) error {
	return db.Tx(ctx, func(ctx context.Context) error {
		if err := db.UseRefreshToken(ctx, fmt.Sprint("old", n), t0); err != nil {
			return err
		}
		if err := db.HoldGrant(ctx, grant, t0); err != nil {
			return err
		}
		token := w.issued(n, 1)[0]
		token.GrantID, token.UserID = grant, w.user
		if _, err := db.InsertIssuedTokens(ctx, []domain.IssuedToken{token}, []int64{revision}); err != nil {
			return err
		}
		return db.InsertRefreshToken(ctx, domain.RefreshToken{Signature: fmt.Sprint("new", n), GrantID: grant})
	})
}
