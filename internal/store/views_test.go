package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
)

func TestViewsShowNamesAndTimes(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db *DB) {
		ctx := t.Context()
		must := func(id int64, err error) int64 {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		must(0, db.Migrate(ctx))
		at := time.Date(2026, 1, 2, 3, 4, 5, 678_000_000, time.UTC)
		api := must(db.InsertAPI(ctx, domain.API{Audience: "https://orders.example", SigningAlg: domain.ES256}))
		client := must(db.InsertClient(ctx, domain.Client{ClientID: "shop", IDTokenAlg: domain.ES256}))
		user := must(db.InsertUser(ctx, domain.User{Subject: "sub", Username: "alice"}))
		key := must(db.InsertSigningKey(ctx, domain.SigningKey{KID: "k1", Alg: domain.ES256, State: domain.KeyActive, PublicJWK: []byte("{}")}))
		ids := make([]domain.TokenID, 3)
		tokens := make([]domain.IssuedToken, len(ids))
		for i := range ids {
			ids[i] = domain.FirstTokenID(at.Add(time.Duration(i) * time.Second))
			copy(ids[i][6:], []byte{0, 0xff, 0xfb, byte(i), 0x3e, 0x3f, 0x80, 7, 8, 0xfe})
			tokens[i] = domain.IssuedToken{ID: ids[i], Kind: domain.TokenAccess, ClientID: client, APIID: api, KeyID: key, ExpiresAt: at.Add(time.Hour)}
		}
		tokens[0].UserID, tokens[0].GrantID, tokens[2].Kind = user, 7, domain.TokenIdentity
		must(db.InsertIssuedTokens(ctx, tokens, []int64{1 << 40, 1 << 40, 1 << 40}))
		if _, err := db.RevokeTokens(ctx, at.Add(2*time.Minute), tokens[1].Ref()); err != nil {
			t.Fatal(err)
		}
		if _, err := db.InsertRevocation(ctx, domain.Revocation{Kind: domain.RevokeOfUser, TargetID: user, CreatedAt: at.Add(time.Minute)}); err != nil {
			t.Fatal(err)
		}
		event := domain.Event{At: at, Actor: "user:alice", Action: "client.create", Target: "client:shop", Details: `{"b":1, "a":2}`, Digest: []byte("d")}
		must(0, db.AppendEvents(ctx, func(domain.Event) []byte { return []byte{0xab, 1} }, event))

		rows := func(view string, columns ...string) (all []string) {
			query := `SELECT `
			for i, column := range columns {
				if i > 0 {
					query += ` || ' ' || `
				}
				if db.Dialect() == "postgres" && slices.Contains([]string{"at", "issued_at", "expires_at", "revoked_at"}, column) {
					column = `to_char(` + column + ` AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`
				}
				query += `COALESCE(CAST(` + column + ` AS TEXT), '-')`
			}
			all, err := findAll(ctx, db, scanString, query+` FROM `+view+` ORDER BY 1`)
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		const issued = "%s access shop %s https://orders.example k1 %s 2026-01-02T03:04:0%d.678Z 2026-01-02T04:04:05.678Z - %s"
		want := []string{
			fmt.Sprintf(issued, ids[0], "alice", "7", 5, "2026-01-02T03:05:05.678Z"),
			fmt.Sprintf(issued, ids[1], "-", "-", 6, "2026-01-02T03:06:05.678Z"),
			fmt.Sprintf("%s id shop - https://orders.example k1 - 2026-01-02T03:04:07.678Z 2026-01-02T04:04:05.678Z - -", ids[2]),
		}
		slices.Sort(want)
		got := rows("issued_tokens_v", "jti", "kind", "client_id", "username", "audience", "kid", "grant_id", "issued_at", "expires_at", "suspended_at", "revoked_at")
		slices.Sort(got) // the database may order letters in another way
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		want = []string{`1 2026-01-02T03:04:05.678Z user:alice client.create client:shop {"b":1, "a":2} - ab01`}
		if diff := cmp.Diff(want, rows("audit_v", "seq", "at", "actor", "action", "target", "details", "erased_by", "hash")); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}
