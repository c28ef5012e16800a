package storetest

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var apiTests = map[string]func(*testing.T, *store.DB){
	"an API is found as it was stored": func(t *testing.T, db *store.DB) {
		want := domain.API{
			Audience: audience, Name: "Orders", SigningAlg: domain.RS256, AccessTokenTTL: 90 * time.Second, NoUserinfo: true,
			Memberships: domain.MembershipsAll, GroupNames: domain.GroupsBySlashName, ClaimMappings: []domain.ClaimMapping{{Claim: "c", Expression: "true"}},
			Encryption:  domain.Encryption{JWKS: `{"keys":[]}`, JWKSURIPrivate: true, Claims: []string{"c", "roles"}},
			Permissions: []domain.Permission{{Name: "orders:read", Description: "Read"}, {Name: "orders:write"}},
			Version:     1, CreatedAt: t0, UpdatedAt: t0.Add(time.Microsecond),
		}
		want.ID = must(db.InsertAPI(t.Context(), want))(t)
		same(t, must(db.FindAPI(t.Context(), audience))(t), want)
		_, err := db.InsertAPI(t.Context(), want)
		wantErr(t, err, domain.ErrExists)
	},
	"permissions are known by name, whichever API has them": func(t *testing.T, db *store.DB) {
		for _, api := range []domain.API{
			{Audience: audience, Permissions: []domain.Permission{{Name: "orders:read"}, {Name: "shared"}}},
			{Audience: "https://other.example", Permissions: []domain.Permission{{Name: "other:read"}, {Name: "shared"}}},
		} {
			api.Name, api.SigningAlg, api.CreatedAt, api.UpdatedAt = api.Audience, domain.ES256, t0, t0
			must(db.InsertAPI(t.Context(), api))(t)
		}
		many := []string{"other:read", "shared", "Orders:read", `"`, "'; --", "ünknown"}
		for i := range 2000 {
			many = append(many, strconv.Itoa(i))
		}
		known := must(db.KnownPermissions(t.Context(), many))(t)
		slices.Sort(known)
		same(t, known, []string{"other:read", "shared"})
		same(t, must(db.KnownPermissions(t.Context(), nil))(t), nil)
	},
	"an audience that does not exist is not found": func(t *testing.T, db *store.DB) {
		_, err := db.FindAPI(t.Context(), "https://none.example")
		wantErr(t, err, domain.ErrNotFound)
		wantErr(t, db.UpdateAPI(t.Context(), domain.API{Audience: "https://none.example"}), domain.ErrNotFound)
		wantErr(t, db.DeleteAPI(t.Context(), "https://none.example"), domain.ErrNotFound)
	},
	"a permission taken from an API is taken from roles and clients": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		wantChanges(t, db, func(ctx context.Context) error {
			return db.UpdateAPI(ctx, domain.API{Audience: audience, Name: "New", SigningAlg: domain.EdDSA, NoUserinfo: true, Memberships: domain.MembershipsNone, UpdatedAt: t0.Add(time.Hour),
				Permissions: []domain.Permission{{Name: "orders:write", Description: "Write"}, {Name: "orders:list"}}})
		}, "api "+audience, "role "+text(w.role), "client shop")
		same(t, must(db.FindAPI(t.Context(), audience))(t), domain.API{
			ID: w.api, Audience: audience, Name: "New", SigningAlg: domain.EdDSA, NoUserinfo: true, Memberships: domain.MembershipsNone, GroupNames: domain.GroupsByName, Version: 2, CreatedAt: t0, UpdatedAt: t0.Add(time.Hour),
			Permissions: []domain.Permission{{Name: "orders:list"}, {Name: "orders:write", Description: "Write"}},
		})
		same(t, len(must(db.FindRole(t.Context(), "clerk"))(t).Permissions), 0)
		same(t, len(must(db.FindClient(t.Context(), "shop"))(t).APIs), 0)
	},
	"a permission that nobody loses changes only the API": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		wantChanges(t, db, func(ctx context.Context) error {
			return db.UpdateAPI(ctx, domain.API{Audience: audience, SigningAlg: domain.ES256, Permissions: []domain.Permission{{Name: "orders:read"}}})
		}, "api "+audience)
	},
	"roles and clients lose a deleted API": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		must(db.InsertClient(t.Context(), domain.Client{ClientID: "server", IDTokenAlg: domain.ES256, Serves: []string{audience}}))(t)
		must(db.InsertClient(t.Context(), domain.Client{ClientID: "stranger", IDTokenAlg: domain.ES256}))(t)
		wantChanges(t, db, func(ctx context.Context) error { return db.DeleteAPI(ctx, audience) },
			"api "+audience, "policy "+audience, "role "+text(w.role), "client shop", "client server")
		same(t, len(must(db.FindRole(t.Context(), "clerk"))(t).Permissions), 0)
		client := must(db.FindClient(t.Context(), "shop"))(t)
		same(t, len(client.APIs)+len(client.Serves), 0)
	},
	"APIs are listed page by page with their permissions": func(t *testing.T, db *store.DB) {
		for _, name := range []string{"c", "a", "b"} {
			must(db.InsertAPI(t.Context(), domain.API{Audience: name, SigningAlg: domain.ES256, Permissions: []domain.Permission{{Name: name + ":read"}}}))(t)
		}
		var got []string
		for _, api := range append(must(db.ListAPIs(t.Context(), domain.Page{Limit: 2}))(t), must(db.ListAPIs(t.Context(), domain.Page{After: "b", Limit: 2}))(t)...) {
			got = append(got, api.Audience)
			for _, p := range api.Permissions {
				got = append(got, p.Name)
			}
		}
		same(t, got, []string{"a", "a:read", "b", "b:read", "c", "c:read", domain.AdminAudience})
		same(t, len(must(db.ListAPIs(t.Context(), domain.Page{After: domain.AdminAudience, Limit: 2}))(t)), 0)
	},
}
