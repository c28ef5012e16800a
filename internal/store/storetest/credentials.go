package storetest

import (
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var credentialTests = map[string]func(*testing.T, *store.DB){
	"a user has one password, which is replaced": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		_, err := db.FindCredential(t.Context(), w.user, domain.CredentialPassword)
		wantErr(t, err, domain.ErrNotFound)
		want := domain.Credential{UserID: w.user, Kind: domain.CredentialPassword, Data: "$argon2id$…", CreatedAt: t0, UpdatedAt: t0}
		check(t, db.PutCredential(t.Context(), want))
		want.ID = must(db.FindCredential(t.Context(), w.user, domain.CredentialPassword))(t).ID
		same(t, must(db.FindCredential(t.Context(), w.user, domain.CredentialPassword))(t), want)

		replacement := want
		replacement.Data, replacement.CreatedAt, replacement.UpdatedAt = "another", t0.Add(time.Hour), t0.Add(time.Hour)
		check(t, db.PutCredential(t.Context(), replacement))
		want.Data, want.UpdatedAt = "another", t0.Add(time.Hour)
		same(t, must(db.FindCredential(t.Context(), w.user, domain.CredentialPassword))(t), want)
		_, err = db.FindCredential(t.Context(), w.user, "passkey")
		wantErr(t, err, domain.ErrNotFound)
	},
	"a credential is a user's and goes with the user": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		bob := must(db.InsertUser(t.Context(), domain.User{Subject: "sub-bob", Username: "bob"}))(t)
		password := domain.Credential{UserID: w.user, Kind: domain.CredentialPassword, Data: "hash"}
		check(t, db.PutCredential(t.Context(), password))
		same(t, must(db.UsersWithCredential(t.Context(), domain.CredentialPassword, []int64{w.user, bob, 99}))(t), []int64{w.user})
		same(t, must(db.UsersWithCredential(t.Context(), domain.CredentialPassword, nil))(t), nil)
		_, err := db.FindCredential(t.Context(), bob, domain.CredentialPassword)
		wantErr(t, err, domain.ErrNotFound)

		check(t, db.DeleteUser(t.Context(), "alice"))
		_, err = db.FindCredential(t.Context(), w.user, domain.CredentialPassword)
		wantErr(t, err, domain.ErrNotFound)
		wantErr(t, db.PutCredential(t.Context(), password), domain.ErrReferenced)
	},
}
