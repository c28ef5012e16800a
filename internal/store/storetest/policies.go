package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

func savePolicy(tb testing.TB, db *store.DB, text string, keep int64) int64 {
	tb.Helper()
	return must(db.SavePolicy(tb.Context(), audience, domain.PolicyVersion{Text: text, Author: "user:alice", CreatedAt: t0}, keep))(tb)
}

var policyTests = map[string]func(*testing.T, *store.DB){
	"an API has no policy until one is saved": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		same(t, must(db.FindPolicy(t.Context(), audience))(t), domain.Policy{Audience: audience})
		same(t, len(must(db.ListPolicyVersions(t.Context(), audience))(t)), 0)
		wantErr(t, db.ActivatePolicy(t.Context(), audience, 1, t0), domain.ErrNotFound)
		wantErr(t, db.DeletePolicy(t.Context(), audience, t0), domain.ErrNotFound)
		_, err := db.FindPolicyVersion(t.Context(), audience, 1)
		wantErr(t, err, domain.ErrNotFound)
	},
	"what is saved decides, and each version is kept": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		wantChanges(t, db, func(ctx context.Context) error {
			_, err := db.SavePolicy(ctx, audience, domain.PolicyVersion{Text: "one", Author: "user:alice", CreatedAt: t0}, 5)
			return err
		}, "policy "+audience)
		same(t, savePolicy(t, db, "two", 5), 2)
		same(t, must(db.HoldPolicy(t.Context(), audience))(t), domain.Policy{Audience: audience, Number: 2, Text: "two", Version: 2, UpdatedAt: t0})
		same(t, must(db.PolicyTexts(t.Context(), []string{audience, "https://other.example"}))(t), map[string]string{audience: "two"})
		same(t, must(db.ListPolicyVersions(t.Context(), audience))(t), []domain.PolicyVersion{
			{Number: 2, Author: "user:alice", CreatedAt: t0, Active: true}, {Number: 1, Author: "user:alice", CreatedAt: t0},
		})
	},
	"a version is found by its number": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		savePolicy(t, db, "one", 5)
		savePolicy(t, db, "two", 5)
		same(t, must(db.FindPolicyVersion(t.Context(), audience, 1))(t), domain.PolicyVersion{Number: 1, Text: "one", Author: "user:alice", CreatedAt: t0})
	},
	"another version may decide again, and the next one gets a new number": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		savePolicy(t, db, "one", 5)
		savePolicy(t, db, "two", 5)
		wantChanges(t, db, func(ctx context.Context) error { return db.ActivatePolicy(ctx, audience, 1, t0.Add(time.Second)) }, "policy "+audience)
		same(t, must(db.FindPolicy(t.Context(), audience))(t), domain.Policy{Audience: audience, Number: 1, Text: "one", Version: 3, UpdatedAt: t0.Add(time.Second)})
		same(t, must(db.FindPolicyVersion(t.Context(), audience, 1))(t).Active, true)
		same(t, must(db.FindPolicyVersion(t.Context(), audience, 2))(t).Active, false)
		wantErr(t, db.ActivatePolicy(t.Context(), audience, 3, t0), domain.ErrNotFound)
		same(t, savePolicy(t, db, "three", 5), 3)
	},
	"old versions are deleted when there are many": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		for range 5 {
			savePolicy(t, db, "text", 3)
		}
		versions := must(db.ListPolicyVersions(t.Context(), audience))(t)
		same(t, len(versions), 3)
		same(t, versions[2].Number, 3)
		check(t, db.ActivatePolicy(t.Context(), audience, 3, t0))
		same(t, savePolicy(t, db, "text", 3), 6)
	},
	"after a policy was deleted, neither its numbers nor its versions come back": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		savePolicy(t, db, "one", 5)
		savePolicy(t, db, "two", 5)
		wantChanges(t, db, func(ctx context.Context) error { return db.DeletePolicy(ctx, audience, t0) }, "policy "+audience)
		same(t, must(db.FindPolicy(t.Context(), audience))(t), domain.Policy{Audience: audience, Version: 3, UpdatedAt: t0})
		same(t, len(must(db.ListPolicyVersions(t.Context(), audience))(t)), 0)
		same(t, len(must(db.PolicyTexts(t.Context(), []string{audience}))(t)), 0)
		wantErr(t, db.DeletePolicy(t.Context(), audience, t0), domain.ErrNotFound)
		wantErr(t, db.ActivatePolicy(t.Context(), audience, 1, t0), domain.ErrNotFound)
		same(t, savePolicy(t, db, "one", 5), 3)
		same(t, must(db.FindPolicy(t.Context(), audience))(t), domain.Policy{Audience: audience, Number: 3, Text: "one", Version: 4, UpdatedAt: t0})
	},
	"a policy goes with its API": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		savePolicy(t, db, "one", 5)
		check(t, db.DeleteAPI(t.Context(), audience))
		_, err := db.FindPolicy(t.Context(), audience)
		wantErr(t, err, domain.ErrNotFound)
		_, err = db.ListPolicyVersions(t.Context(), audience)
		wantErr(t, err, domain.ErrNotFound)
		_, err = db.SavePolicy(t.Context(), audience, domain.PolicyVersion{Text: "one"}, 5)
		wantErr(t, err, domain.ErrNotFound)
	},
	"of policies that are saved at once each gets its number": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		succeeded, failed := parallel(8, func(int) error {
			_, err := db.SavePolicy(t.Context(), audience, domain.PolicyVersion{Text: "x", CreatedAt: t0}, 20)
			return err
		})
		same(t, succeeded, 8)
		same(t, len(failed), 0)
		same(t, must(db.FindPolicy(t.Context(), audience))(t).Number, 8)
	},
}
