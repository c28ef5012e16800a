package servicetest

import (
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/store"
)

// AddTokens puts a live token, grant and session of a user into the database, and returns whether each is still live.
func (r *Replica) AddTokens(t *testing.T, db *store.DB, user domain.User, client domain.Client, now time.Time) (live func() [3]bool) {
	t.Helper()
	ctx := eventtest.Context(t)
	token := domain.IssuedToken{
		Kind: domain.TokenAccess, KeyID: 1, ClientID: client.ID, UserID: user.ID, ExpiresAt: now.Add(time.Hour),
	}
	rand.Read(token.ID[:])
	r.Refresh(t)
	_, err := db.InsertIssuedTokens(ctx, []domain.IssuedToken{token}, []int64{r.Cache.Revision()})
	Must(t, err)
	grant, err := db.InsertGrant(ctx, domain.Grant{
		ClientID: client.ID, UserID: user.ID, APIs: []domain.GrantAPI{{Audience: Orders}}, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	})
	Must(t, err)
	hash := []byte(rand.Text())
	_, err = db.InsertSession(ctx, domain.Session{Hash: hash, UserID: user.ID, AuthTime: now, CreatedAt: now, LastSeenAt: now, ExpiresAt: now.Add(time.Hour)})
	Must(t, err)
	live = func() [3]bool {
		t.Helper()
		found, _, err := db.FindIssuedTokens(ctx, []domain.TokenRef{{ID: token.ID, ExpiresAt: token.ExpiresAt}})
		Must(t, err)
		open, err := db.OpenRevocations(ctx)
		Must(t, err)
		covered := slices.ContainsFunc(open, func(r domain.Revocation) bool { return r.Covers(found[token.ID]) })
		session, err := db.FindSession(ctx, hash)
		if err != nil && !errors.Is(err, domain.ErrNotFound) {
			t.Fatal(err)
		}
		return [3]bool{
			found[token.ID].RevokedAt.IsZero() && found[token.ID].ClientID != 0 && !covered,
			db.HoldGrant(ctx, grant, Orders, now) == nil,
			err == nil && session.EndedAt.IsZero(),
		}
	}
	if live() != [3]bool{true, true, true} {
		t.Fatalf("new token, grant and session are live: %v", live())
	}
	return live
}
