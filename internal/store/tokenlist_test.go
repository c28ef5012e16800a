package store

import (
	"errors"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// Who loses what may be megabytes, and says nothing of the tokens in a list.
func TestListsOfTokensDoNotReadWhoLosesWhatByARevocation(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db *DB) {
		ctx, now := t.Context(), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		token := domain.IssuedToken{Kind: domain.TokenAccess, ID: domain.FirstTokenID(now), KeyID: 1, ClientID: 1, ExpiresAt: now.Add(time.Hour)}
		if err := db.Migrate(ctx); err != nil {
			t.Fatal(err)
		}
		_, revision, _, err := db.Changes(ctx, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err1 := db.InsertIssuedTokens(ctx, []domain.IssuedToken{token}, []int64{revision})
		_, err2 := db.InsertRevocation(ctx, domain.Revocation{Kind: domain.RevokeOfRole, TargetID: 1, CreatedAt: now, Lost: []domain.LostAccess{{APIID: 1, Users: []int64{1}}}})
		_, err3 := db.writer.ExecContext(ctx, `UPDATE revocations SET lost = '[{"users": "gA=="}]'`) // which cannot be read
		if err := errors.Join(err1, err2, err3); err != nil {
			t.Fatal(err)
		}
		if _, err := db.OpenRevocations(ctx); err == nil {
			t.Fatal("it can be read")
		}
		filter := domain.TokenFilter{State: domain.TokenLive, Now: now, Limit: 10}
		listed, _, err1 := db.ListIssuedTokens(ctx, filter)
		found, err2 := db.FindTokenEntries(ctx, token.ID)
		n, _, err3 := db.CountIssuedTokens(ctx, filter)
		if err := errors.Join(err1, err2, err3); err != nil || len(listed) != 1 || len(found) != 1 || n != 1 {
			t.Errorf("%d are listed, %d found, %d counted, error %v", len(listed), len(found), n, err)
		}
		if err := db.SuspendToken(ctx, domain.TokenRef{ID: token.ID, ExpiresAt: token.ExpiresAt}, now); err != nil {
			t.Error(err)
		}
	})
}
