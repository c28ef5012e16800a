package storetest

import (
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var attentionTests = map[string]func(*testing.T, *store.DB){
	"the settings by which the database keeps what it acknowledges can be read": func(t *testing.T, db *store.DB) {
		names := []string{"version", "journal_mode", "synchronous", "bytes"}
		if db.Dialect() == "postgres" {
			names = []string{
				"server_version", "server_version_num", "fsync", "synchronous_commit", "full_page_writes", "autovacuum",
				"max_connections", "superuser_reserved_connections", "ssl_in_use", "server_address", "connections",
			}
		}
		condition := must(db.Condition(t.Context()))(t)
		for _, name := range names {
			if condition[name] == "" {
				t.Errorf("no %s in %v", name, condition)
			}
		}
	},
	"a secret expires soon unless its client has one that lasts longer": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		add := func(hash string, expires time.Time) {
			t.Helper()
			must(db.InsertClientSecret(t.Context(), "shop", domain.ClientSecret{Hash: hash, Hint: hash, CreatedAt: t0, ExpiresAt: expires}))(t)
		}
		soon := func() (hints []string) {
			t.Helper()
			for _, s := range must(db.ExpiringSecrets(t.Context(), t0, t0.Add(24*time.Hour), 10))(t) {
				hints = append(hints, s.Client+" "+s.Hint)
			}
			return hints
		}
		add("past", t0)
		add("soon", t0.Add(time.Hour))
		same(t, soon(), []string{"shop soon"})
		add("late", t0.Add(48*time.Hour))
		same(t, soon(), nil)
	},
	"a client is unused that has got no token since a time": func(t *testing.T, db *store.DB) {
		ids := map[string]int64{}
		for name, made := range map[string]domain.Client{
			"used": {GrantTypes: []string{"x"}}, "never used": {GrantTypes: []string{"x"}}, "serves": {}, "disabled": {GrantTypes: []string{"x"}, DisabledAt: t0},
			"registered itself": {GrantTypes: []string{"x"}, Origin: domain.OriginMetadata},
		} {
			made.ClientID, made.CreatedAt, made.IDTokenAlg = name, t0, domain.ES256
			ids[name] = must(db.InsertClient(t.Context(), made))(t)
		}
		check(t, db.TouchClient(t.Context(), ids["used"], t0.Add(time.Hour)))
		same(t, must(db.UnusedSince(t.Context(), t0.Add(time.Minute), 10))(t), []domain.UnusedClient{{Client: "never used", Since: t0}})
		same(t, len(must(db.UnusedSince(t.Context(), t0.Add(2*time.Hour), 10))(t)), 2)
	},
	"assignments that end soon are found, the first one first": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		put := func(kind domain.SubjectKind, subject string, expires time.Time) {
			t.Helper()
			check(t, db.PutAssignment(t.Context(), domain.Assignment{Role: "clerk", SubjectKind: kind, Subject: subject, ExpiresAt: expires, CreatedAt: t0}))
		}
		put(domain.SubjectUser, "alice", t0.Add(2*time.Hour))
		put(domain.SubjectGroup, "ops", t0.Add(time.Hour))
		put(domain.SubjectClient, "shop", time.Time{})
		var subjects []string
		for _, a := range must(db.ExpiringAssignments(t.Context(), t0, t0.Add(24*time.Hour), 10))(t) {
			subjects = append(subjects, a.Subject)
		}
		same(t, subjects, []string{"ops", "alice"})
		same(t, len(must(db.ExpiringAssignments(t.Context(), t0.Add(time.Hour), t0.Add(24*time.Hour), 10))(t)), 1)
	},
	"a receiver is behind from the first event that it has not acknowledged": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		aReceiver(t, db, "https://a.example")
		token := domain.Concerned{Kind: domain.ConcernsToken, Name: "1", Audience: "https://a.example"}
		backlog := func(client string) []domain.Backlog { return must(db.Backlogs(t.Context(), client, 2, 10))(t) }
		r := must(db.ListReceivers(t.Context(), domain.Page{Limit: 1}))(t)[0]
		none := domain.Backlog{ReceiverID: r.ID, Client: "of https://a.example"}
		same(t, backlog(""), []domain.Backlog{none})
		for i := range 3 {
			check(t, signalAt(t.Context(), db, t0.Add(time.Duration(i)*time.Second), token))
		}
		behind := none
		behind.Events, behind.Seq, behind.Since = 2, r.Progress.Acked+1, t0
		same(t, backlog(none.Client), []domain.Backlog{behind})
		same(t, len(backlog("shop")), 0)
		check(t, db.MoveReceiver(t.Context(), r.ID, r.Progress, domain.Progress{Acked: r.Progress.Acked + 2}))
		behind.Events, behind.Seq, behind.Since = 1, r.Progress.Acked+3, t0.Add(2*time.Second)
		same(t, backlog(""), []domain.Backlog{behind})
	},
}
