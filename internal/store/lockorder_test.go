package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

// many is how many tokens a user has whose grants are revoked in steps.
const many = 3

// family is a grant that ends with a session, and what came of it. Another user has many tokens, and a session.
type family struct {
	db            *store.DB
	n             int
	now           time.Time
	client        int64
	user, session int64
	grant         int64
	other         int64 // the session of the other user
}

func (f *family) make(ctx context.Context) (err error) {
	if f.user, f.session, f.grant, err = f.signIn(ctx, "alice", 1, f.now.Add(-time.Hour)); err != nil {
		return err
	}
	if _, f.other, _, err = f.signIn(ctx, "bob", many, f.now); err != nil {
		return err
	}
	code := domain.AuthorizationCode{Signature: f.name("code"), GrantID: f.grant, Form: []byte("{}"), CreatedAt: f.now, ExpiresAt: f.now.Add(time.Hour)}
	return errors.Join(f.db.InsertCode(ctx, code), f.giveRefreshToken(ctx, "refresh token"))
}

func (f *family) signIn(ctx context.Context, name string, tokens int, seen time.Time) (user, session, grant int64, err error) {
	if user, err = f.db.InsertUser(ctx, domain.User{Subject: f.name(name), Username: f.name(name)}); err != nil {
		return 0, 0, 0, err
	}
	session, err = f.db.InsertSession(ctx, domain.Session{Hash: []byte(f.name(name)), UserID: user, LastSeenAt: seen, ExpiresAt: f.now.Add(time.Hour)})
	if err != nil {
		return 0, 0, 0, err
	}
	grant, err = f.db.InsertGrant(ctx, domain.Grant{
		ClientID: f.client, UserID: user, SessionID: session, EndsWithSession: true, APIs: []domain.GrantAPI{{Audience: "https://orders.example"}},
		CreatedAt: f.now, ExpiresAt: f.now.Add(time.Hour),
	})
	for range tokens {
		err = errors.Join(err, f.index(ctx, user, grant))
	}
	return user, session, grant, err
}

func (f *family) name(what string) string { return fmt.Sprintf("%s %d", what, f.n) }

func (f *family) index(ctx context.Context, user, grant int64) error {
	token := domain.IssuedToken{
		ID: domain.FirstTokenID(f.now), Kind: domain.TokenAccess, ClientID: f.client, UserID: user, GrantID: grant, ExpiresAt: f.now.Add(10 * time.Minute),
	}
	rand.Read(token.ID[8:])
	_, err := f.db.InsertIssuedTokens(ctx, []domain.IssuedToken{token}, []int64{1 << 40})
	return err
}

func (f *family) useCode(ctx context.Context) error {
	return f.db.UseCode(ctx, f.name("code"), f.now)
}

func (f *family) useRefreshToken(ctx context.Context) error {
	return f.db.UseRefreshToken(ctx, f.name("refresh token"), f.now)
}

func (f *family) keepRefreshToken(ctx context.Context) error {
	return f.db.ProlongRefreshToken(ctx, f.name("refresh token"), f.now.Add(time.Hour))
}

func (f *family) hold(ctx context.Context) error {
	return f.db.HoldGrant(ctx, f.grant, "https://orders.example", f.now)
}

func (f *family) issue(ctx context.Context) error { return f.index(ctx, f.user, f.grant) }

func (f *family) rotate(ctx context.Context) error { return f.giveRefreshToken(ctx, "successor") }

func (f *family) giveRefreshToken(ctx context.Context, name string) error {
	return f.db.InsertRefreshToken(ctx, domain.RefreshToken{Signature: f.name(name), GrantID: f.grant, CreatedAt: f.now, ExpiresAt: f.now.Add(time.Hour)})
}

func (f *family) end(ctx context.Context, sessions ...int64) error {
	if _, err := f.db.EndSessions(ctx, f.now, sessions...); err != nil {
		return err
	}
	grants, err := f.db.GrantsOfSessions(ctx, f.now, sessions...)
	for _, grant := range grants {
		if _, err := f.db.RevokeGrant(ctx, grant, many, f.now); err != nil {
			return err
		}
	}
	return err
}

// issuing is what requests for tokens do, each in one transaction.
var issuing = map[string][]func(*family, context.Context) error{
	"exchange a code":         {(*family).useCode, (*family).hold, (*family).issue, (*family).rotate},
	"rotate a refresh token":  {(*family).useRefreshToken, (*family).hold, (*family).issue, (*family).rotate},
	"use one that is kept":    {(*family).hold, (*family).issue, (*family).keepRefreshToken},
	"redeem a browser's code": {(*family).hold, (*family).useCode},
}

// ending is what ends and renews sessions and grants, each in one transaction.
var ending = map[string]func(ctx context.Context, f *family) error{
	"end a session": func(ctx context.Context, f *family) error { return f.end(ctx, f.session) },
	"end the sessions of two users, the second with many tokens": func(ctx context.Context, f *family) error {
		return f.end(ctx, f.session, f.other)
	},
	"end expired sessions": func(ctx context.Context, f *family) error {
		expired, err := f.db.HoldExpiredSessions(ctx, f.now, f.now.Add(-time.Minute), 10)
		if err == nil && (len(expired) != 1 || expired[0].ID != f.session) {
			err = fmt.Errorf("%+v are expired", expired)
		}
		if err != nil {
			return err
		}
		return f.end(ctx, f.session)
	},
	"renew a session": func(ctx context.Context, f *family) error {
		return f.db.RenewSession(ctx, domain.Session{ID: f.session, Hash: []byte(f.name("renewed")), LastSeenAt: f.now, ExpiresAt: f.now.Add(2 * time.Hour)})
	},
	"revoke a grant": func(ctx context.Context, f *family) error {
		_, err := f.db.RevokeGrant(ctx, f.grant, many, f.now)
		return err
	},
	"end all that a user has": func(ctx context.Context, f *family) error {
		if _, err := f.db.InsertRevocation(ctx, domain.Revocation{Kind: domain.RevokeOfUser, TargetID: f.user}); err != nil {
			return err
		}
		return f.db.EndUserSessions(ctx, f.user, f.now)
	},
}

// Two transactions come as far as they can while another one has a row, in either order. A deadlock fails the one that issues, as it is not
// run again, or is counted by PostgreSQL.
func TestIssuingAndEndingSessionsLockInOneOrder(t *testing.T) {
	url := pgtest.Database(t)
	db, holder, conn := storetest.Open(t, url), connect(t, url), connect(t, url)
	client, err := db.InsertClient(t.Context(), domain.Client{ClientID: "shop", IDTokenAlg: domain.ES256, RevokeOnSessionEnd: true})
	if err != nil {
		t.Fatal(err)
	}
	f := &family{db: db, client: client, now: time.Now().UTC().Truncate(time.Second)}
	for issue, steps := range issuing {
		for end, transaction := range ending {
			issuer := func() error { return inSteps(t.Context(), f, steps) }
			ender := func() error {
				return db.Tx(t.Context(), func(ctx context.Context) error { return transaction(ctx, f) })
			}
			for _, table := range []string{"sessions", "grants"} {
				for i, both := range [][2]func() error{{issuer, ender}, {ender, issuer}} {
					f.n++
					if err := f.make(t.Context()); err != nil {
						t.Fatal(err)
					}
					row := map[string]int64{"sessions": f.session, "grants": f.grant}[table]
					errs := whileLocked(t, holder, conn, `SELECT id FROM `+table+` WHERE id = $1 FOR UPDATE`, row, both)
					if err := errs[i]; err != nil && !errors.Is(err, domain.ErrRevoked) {
						t.Errorf("%s: begun beside %q, while a row of %s was locked: %v", issue, end, table, err)
					}
					if err := errs[1-i]; err != nil {
						t.Errorf("%s: begun beside %q, while a row of %s was locked: %v", end, issue, table, err)
					}
					if _, err := db.EndSessions(t.Context(), f.now, f.session, f.other); err != nil {
						t.Fatal(err)
					}
				}
			}
		}
	}
	db.Close() // connections report what they counted once they end
	await(t, func() bool {
		return count(t, conn, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'`) == 2
	})
	if n := count(t, conn, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`); n > 0 {
		t.Errorf("%d deadlocks", n)
	}
}

// inSteps is a transaction that is not run again.
func inSteps(ctx context.Context, f *family, steps []func(*family, context.Context) error) error {
	ctx, err := f.db.Begin(ctx)
	if err != nil {
		return err
	}
	for _, step := range steps {
		if err := step(f, ctx); err != nil {
			return errors.Join(err, f.db.Rollback(ctx))
		}
	}
	return f.db.Commit(ctx)
}

// whileLocked runs two transactions while another one has a row: the second once the first has ended or waits for a lock. When that is so of
// both the row is let go. It returns their errors.
func whileLocked(t *testing.T, holder, conn *pgx.Conn, lock string, row int64, both [2]func() error) (errs [2]error) {
	t.Helper()
	tx, err := holder.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), lock, row); err != nil {
		t.Fatal(err)
	}
	ended := make(chan int, 2)
	for i, transaction := range both {
		go func() {
			errs[i] = transaction()
			ended <- i
		}()
		await(t, func() bool {
			return len(ended)+count(t, conn, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) > i
		})
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-ended
	<-ended
	return errs
}

// await waits until something is so.
func await(t *testing.T, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it is not so after 30 s")
		}
	}
}
