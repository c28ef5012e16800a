package store

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store/pgtest"
)

// ok ends the test if something failed.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// accept accepts a restored database.
func accept(t *testing.T, db *DB, now time.Time) (accepted Accepted, err error) {
	t.Helper()
	err = db.TxWithin(t.Context(), time.Minute, func(ctx context.Context) (err error) {
		accepted, err = db.AcceptRestored(ctx, now)
		return err
	})
	return accepted, err
}

// issue records a token that has an index of a list.
func issue(t *testing.T, db *DB, expires time.Time, list int64, index int32) error {
	t.Helper()
	_, revision, _, err := db.Changes(t.Context(), 0)
	ok(t, err)
	token := domain.IssuedToken{
		ID: domain.TokenID{0, 0, 0, 0, 0, 1, byte(index)}, ExpiresAt: expires, ClientID: 1, KeyID: 1, Kind: domain.TokenAccess,
		Status: domain.StatusRef{List: list, Index: index},
	}
	_, err = db.InsertIssuedTokens(t.Context(), []domain.IssuedToken{token}, []int64{revision})
	return err
}

func TestARestoredDatabaseIssuesNothingAndGivesNothingAgain(t *testing.T) {
	eachEmpty(t, func(t *testing.T, db *DB) {
		ctx, now := t.Context(), time.Now()
		hour := now.UTC().Truncate(time.Hour).Add(time.Hour)
		ok(t, db.Migrate(ctx))
		for range 2 {
			ok(t, db.Recognize(ctx, now))
		}
		lease, err := db.LeaseStatus(ctx, hour, 64, 256, now)
		ok(t, err)
		for _, index := range []int32{3, 200} {
			ok(t, issue(t, db, hour, lease.ID, index))
		}
		user, err := db.InsertUser(ctx, domain.User{Username: "alice", Subject: "alice"})
		ok(t, err)
		_, revision, _, err := db.Changes(ctx, 0)
		ok(t, err)

		_, err = db.exec(ctx, `UPDATE installation SET incarnation = 'another'`) // as a copy of it has
		ok(t, err)
		other, err := Open(ctx, urlOf(db), patient)
		ok(t, err)
		defer other.Close()
		refused := func(when string, want error) {
			t.Helper()
			_, leased := db.LeaseStatus(ctx, hour, 64, 256, now)
			_, elsewhere := other.LeaseStatus(ctx, hour, 256, 256, now)
			_, granted := db.InsertGrant(ctx, domain.Grant{ClientID: 1, UserID: 1})
			for name, err := range map[string]error{
				"Recognize": db.Recognize(ctx, now), "Ping": db.Ping(ctx), "a status index": leased, "a grant": granted,
				"a token": issue(t, db, hour, lease.ID, 4), "a status index in a process that has not looked": elsewhere,
			} {
				if !errors.Is(err, want) || want != nil && !domain.IsTemporary(err) {
					t.Errorf("%s, %s: got error %v, want %v", when, name, err, want)
				}
			}
		}
		if err := db.Recognize(ctx, now); !errors.Is(err, domain.ErrRestored) {
			t.Fatalf("got error %v, want ErrRestored", err)
		}
		refused("restored", domain.ErrRestored)

		if _, err := db.AcceptRestored(ctx, now); err == nil {
			t.Error("it is accepted without a transaction")
		}
		wantAnotherLeapEachTime(t, db, now)
		accepted, err := accept(t, db, now)
		ok(t, err)
		if accepted.Lists != 1 || accepted.RestoredAt.IsZero() {
			t.Errorf("accepted: %+v", accepted)
		}
		wantOutlived(t, db, now, revision)
		ok(t, other.Recognize(ctx, now))
		db = other // a process that held nothing goes on
		entries, seq, err := db.StatusEntries(ctx, lease.ID)
		ok(t, err)
		if len(entries) != 1 || entries[0].Status != domain.StatusInvalid || len(entries[0].Indexes) != 254 ||
			slices.Contains(entries[0].Indexes, 3) || slices.Contains(entries[0].Indexes, 200) || seq < wideGap {
			t.Errorf("the entries of the list are %v at %d", entries, seq)
		}
		again, err := db.LeaseStatus(ctx, hour, 64, 256, now)
		ok(t, err)
		if again.ID < lease.ID+narrowGap {
			t.Errorf("positions of list %d are given after those of list %d", again.ID, lease.ID)
		}
		_, newest, complete, err := db.Changes(ctx, revision)
		ok(t, err)
		if newest < revision+wideGap || complete {
			t.Errorf("revision %d follows %d, and what changed is known: %v", newest, revision, complete)
		}
		end, err := db.EndOfLog(ctx)
		ok(t, err)
		if end.Seq < wideGap {
			t.Errorf("the audit log goes on after %d", end.Seq)
		}
		later, err := db.InsertUser(ctx, domain.User{Username: "bob", Subject: "bob"})
		ok(t, err)
		first, err := db.InsertGrant(ctx, domain.Grant{ClientID: 1, UserID: 1}) // of which there was none before
		ok(t, err)
		if later < user+narrowGap || first < wideGap {
			t.Errorf("user %d follows %d, the first grant is %d", later, user, first)
		}
		if version, err := find(ctx, db, scanInt, `SELECT version FROM users WHERE id = $1`, user); err != nil || version < narrowGap {
			t.Errorf("the version of a user is %d, %v", version, err)
		}

		unused := lookUpUnused(t, db, first, user, now)
		for what, err := range unused() {
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}

		// One that is not known to be restored is accepted too, but not beside servers.
		ok(t, db.PutReplica(ctx, domain.Replica{ID: "a", SeenAt: now}))
		if _, err := accept(t, db, now); !errors.Is(err, ErrServed) {
			t.Errorf("got error %v, want ErrServed", err)
		}
		_, err = accept(t, db, now.Add(2*servedWithin))
		ok(t, err)
		wantOutlived(t, db, now, newest)
		db, err = Open(ctx, urlOf(db), patient)
		ok(t, err)
		defer db.Close()
		ok(t, db.Recognize(ctx, now))
		refused("accepted twice", nil)
		for what, err := range unused() {
			if !errors.Is(err, domain.ErrNotFound) {
				t.Errorf("%s that may have been used since the backup: error %v, want ErrNotFound", what, err)
			}
		}
	})
}

// wantAnotherLeapEachTime checks that what is given out differs when the same backup is restored again and again.
func wantAnotherLeapEachTime(t *testing.T, db *DB, now time.Time) {
	t.Helper()
	undone := errors.New("undone")
	revisions, lists := map[int64]bool{}, map[int64]bool{}
	for range 8 {
		err := db.TxWithin(t.Context(), time.Minute, func(ctx context.Context) error {
			_, err := db.AcceptRestored(ctx, now)
			ok(t, err)
			revision, err := find(ctx, db, scanInt, `SELECT revision FROM installation`)
			ok(t, err)
			list, err := find(ctx, db, scanInt, `INSERT INTO status_lists (expires_at, size, leased, created_at) VALUES (1, 1, 1, 1) RETURNING id`)
			ok(t, err)
			revisions[revision%wideGap], lists[list%narrowGap] = true, true // multiples would often be the same
			return undone
		})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
	}
	if len(revisions) == 1 || len(lists) == 1 {
		t.Error("each time the same revisions or status lists follow")
	}
}

// wantOutlived checks that a process which served a database before it was restored and accepted does so no more.
func wantOutlived(t *testing.T, db *DB, now time.Time, revision int64) {
	t.Helper()
	for range 2 {
		ok(t, db.Recognize(t.Context(), now))
		_, _, _, changes := db.Changes(t.Context(), revision)
		token := domain.IssuedToken{ID: domain.TokenID{9}, ExpiresAt: now, ClientID: 1, KeyID: 1, Kind: domain.TokenAccess}
		_, inserted := db.InsertIssuedTokens(t.Context(), []domain.IssuedToken{token}, []int64{revision})
		found, _, asked := db.FindIssuedTokens(t.Context(), []domain.TokenRef{{ID: token.ID, ExpiresAt: now}})
		for name, err := range map[string]error{"Ping": db.Ping(t.Context()), "Changes": changes, "a token": inserted, "introspection": asked} {
			if !errors.Is(err, ErrOutlived) || !domain.IsTemporary(err) {
				t.Errorf("%s of what was served before: error %v, want ErrOutlived", name, err)
			}
		}
		if len(found) > 0 {
			t.Error("a token was indexed that was decided on before")
		}
	}
}

// lookUpUnused makes one of each thing that serves once, and returns what looks them up.
func lookUpUnused(t *testing.T, db *DB, grant, user int64, now time.Time) func() map[string]error {
	t.Helper()
	ctx, later, hash := t.Context(), now.Add(time.Hour), []byte("hash")
	client, err := db.InsertClient(ctx, domain.Client{ClientID: "tv", IDTokenAlg: domain.ES256})
	ok(t, err)
	ok(t, db.InsertCode(ctx, domain.AuthorizationCode{Signature: "code", GrantID: grant, Form: []byte("{}"), ExpiresAt: later}))
	_, err = db.InsertDeviceRequest(ctx, domain.DeviceRequest{
		DeviceCode: hash, UserCode: hash, ClientID: client, Interval: time.Second, CreatedAt: now, ExpiresAt: later,
	})
	ok(t, err)
	ok(t, db.PutPasswordLink(ctx, domain.PasswordLink{UserID: user, Hash: hash, CreatedAt: now, ExpiresAt: later}))
	ok(t, db.PutSetupLink(ctx, hash, now, later))
	_, err = db.InsertInvitation(ctx, domain.Invitation{Hash: "hash", MaxUses: 1, CreatedAt: now, ExpiresAt: later})
	ok(t, err)
	return func() map[string]error {
		_, code := db.FindCode(ctx, "code")
		_, device := db.FindDeviceCode(ctx, hash)
		_, link := db.FindPasswordLink(ctx, hash, now)
		return map[string]error{
			"a code": code, "a device code": device, "a password link": link, "a setup link": db.FindSetupLink(ctx, hash, now),
			"an invitation": db.CheckInvitation(ctx, "hash", now.Add(3*servedWithin)),
		}
	}
}

// urlOf is where a database is.
func urlOf(db *DB) string {
	switch d := db.dialect.(type) {
	case *embedded:
		return "sqlite:" + d.path
	case *postgres:
		return d.config.ConnString()
	}
	return ""
}

func TestOnSQLiteAnOlderCopyIsRecognized(t *testing.T) {
	db, err := Open(t.Context(), "sqlite:"+t.TempDir()+"/signet.db", patient)
	ok(t, err)
	defer db.Close()
	ok(t, db.Migrate(t.Context()))
	now := time.Now()
	e := db.dialect.(*embedded)
	ok(t, db.Recognize(t.Context(), now))
	ok(t, os.Remove(e.incarnationFile())) // as if the process had ended before it wrote the file for the first time
	for range 2 {
		ok(t, db.Recognize(t.Context(), now))
	}
	remembered := func() string {
		t.Helper()
		text, err := find(t.Context(), db, scanString, `SELECT incarnation FROM installation`)
		ok(t, err)
		return text
	}
	before := remembered()
	ok(t, db.Recognize(t.Context(), now.Add(incarnationPeriod/2)))
	if remembered() != before {
		t.Error("it changes all the time")
	}
	ok(t, db.Recognize(t.Context(), now.Add(incarnationPeriod)))
	if remembered() == before {
		t.Error("it does not change")
	}
	last, _, _ := strings.Cut(before, " ")
	for range 3 { // as if the process had ended before it wrote the file
		ok(t, os.WriteFile(e.incarnationFile(), []byte(last), 0o600))
		ok(t, db.Recognize(t.Context(), now))
	}
	if length := len(remembered()); length > len(before)+1 {
		t.Errorf("what is remembered grows to %d bytes", length)
	}
	_, err = db.exec(t.Context(), `UPDATE installation SET incarnation = $1`, before)
	ok(t, err)
	if err := db.Recognize(t.Context(), now); !errors.Is(err, domain.ErrRestored) {
		t.Errorf("an older copy: error %v, want ErrRestored", err)
	}
	ok(t, os.Remove(e.incarnationFile()))
	if err := db.Recognize(t.Context(), now); !errors.Is(err, domain.ErrRestored) {
		t.Errorf("without the file: error %v, want ErrRestored", err)
	}
}

func TestASQLiteDatabaseIsTheSameByALink(t *testing.T) {
	file, link := t.TempDir()+"/signet.db", t.TempDir()+"/link.db"
	for _, path := range []string{file, link, file} {
		db, err := Open(t.Context(), "sqlite:"+path, patient)
		ok(t, err)
		ok(t, db.Migrate(t.Context()))
		ok(t, db.Recognize(t.Context(), time.Now()))
		if path == link {
			made, err := CopyBackup(t.Context(), file, link, time.Now())
			ok(t, err)
			if _, err := made.Replace(t.Context(), time.Now()); !errors.Is(err, ErrInUse) {
				t.Errorf("error %v, want ErrInUse", err)
			}
			ok(t, made.Discard())
		}
		db.Close()
		_ = os.Symlink(file, link)
	}
}

func TestOnPostgresADumpThatIsRestoredIsRecognizedAndTheSameClusterIsNot(t *testing.T) {
	open := func(url string) *DB {
		t.Helper()
		db, err := Open(t.Context(), url, patient)
		ok(t, err)
		t.Cleanup(db.Close)
		return db
	}
	cluster, now := pgtest.New(t), time.Now()
	url := cluster.Database(t)
	db := open(url)
	ok(t, db.Migrate(t.Context()))
	ok(t, db.Recognize(t.Context(), now))
	dump := pgtest.Dump(t, url)
	for where, url := range map[string]string{"another database": cluster.Database(t), "another cluster": pgtest.Database(t)} {
		pgtest.Restore(t, url, dump)
		restored := open(url)
		if err := restored.Recognize(t.Context(), now); !errors.Is(err, domain.ErrRestored) {
			t.Errorf("%s: error %v, want ErrRestored", where, err)
		}
		_, err := accept(t, restored, now)
		ok(t, err)
		ok(t, restored.Recognize(t.Context(), now))
	}
	cluster.Stop()
	cluster.Start(t)
	again := open(url)
	ok(t, again.Recognize(t.Context(), now))

	// The tables of the dump, in place of those that a server goes on with: its next connection refuses them.
	pgtest.Exec(t, url, `DROP SCHEMA signet CASCADE`)
	pgtest.Restore(t, url, dump)
	for which, server := range map[string]*DB{"that claimed it": db, "that came later": again} {
		server.dialect.(*postgres).pool.Reset()
		if err := server.Ping(t.Context()); !errors.Is(err, domain.ErrUnavailable) {
			t.Errorf("beside a running server %s: error %v, want ErrUnavailable", which, err)
		}
	}
	if err := open(url).Recognize(t.Context(), now); !errors.Is(err, domain.ErrRestored) {
		t.Errorf("the same place: error %v, want ErrRestored", err)
	}
}
