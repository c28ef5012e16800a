package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

var clientTests = map[string]func(*testing.T, *store.DB){
	"a client is found as it was stored": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		must(db.InsertAPI(t.Context(), domain.API{Audience: "https://all.example", SigningAlg: domain.ES256, Permissions: []domain.Permission{{Name: "x"}}}))(t)
		want := domain.Client{
			ClientID: "full", Name: "Full", Public: true, FirstParty: true, RequirePKCE: true, ClaimMappings: []domain.ClaimMapping{{Claim: "c", Expression: "user.name + \"\\n\""}}, KeepRefreshTokens: true, SessionRefreshTokens: true, RevokeOnSessionEnd: true, RefreshOverlap: new(time.Duration), IDTokenAlg: domain.RS256, GroupNames: domain.GroupsBySlashName, UserinfoAlg: domain.ES256, SubjectType: domain.SubjectTypePairwise, SectorIdentifier: "b.example", ServesUserinfo: true,
			GrantTypes: []string{"refresh_token", "authorization_code"}, RedirectURIs: []string{"https://b.example/", `https://a.example/?q="`},
			BackchannelLogoutURI: "https://b.example/backchannel", BackchannelLogoutPrivate: true, FrontchannelLogoutURI: "https://b.example/frontchannel", FrontchannelLogoutSID: true,
			JWKS: `{"keys":[{"kty":"OKP"}]}`, JWKSURIPrivate: true, EndpointAudience: true,
			PostLogoutRedirectURIs: []string{"https://b.example/bye", "https://a.example/"},
			APIs: []domain.ClientAPI{
				{Audience: "https://all.example"},
				{Audience: audience, Permissions: []string{"orders:read", "orders:write"}, Default: true},
			},
			Serves: []string{"https://all.example", audience},
			Secrets: []domain.ClientSecret{
				{Hash: "hmac-sha256:1", Hint: "aaaa", CreatedAt: t0},
				{Hash: "hmac-sha256:2", Hint: "bbbb", CreatedAt: t0, ExpiresAt: t0.Add(time.Hour)},
			},
			Origin: domain.OriginRegistration, RegistrationTokenHash: "hmac-sha256:3", DisabledAt: t0, Version: 1, CreatedAt: t0, UpdatedAt: t0,
		}
		wantChanges(t, db, func(ctx context.Context) (err error) { want.ID, err = db.InsertClient(ctx, want); return err }, "client full")
		got := must(db.FindClient(t.Context(), "full"))(t)
		for i := range want.Secrets {
			want.Secrets[i].ID = got.Secrets[i].ID
		}
		same(t, got, want)
		_, err := db.InsertClient(t.Context(), want)
		wantErr(t, err, domain.ErrExists)

		want.Public, want.DisabledAt, want.APIs, want.Serves, want.RefreshOverlap = false, time.Time{}, want.APIs[1:], nil, nil
		want.RedirectURIs, want.PostLogoutRedirectURIs, want.BackchannelLogoutURI, want.UpdatedAt = nil, nil, "", t0.Add(time.Hour)
		want.JWKS, want.JWKSURI, want.JWKSURIPrivate, want.EndpointAudience = "", "https://b.example/keys", false, false
		wantChanges(t, db, func(ctx context.Context) error { return db.UpdateClient(ctx, want) }, "client full")
		want.Version++
		same(t, must(db.FindClient(t.Context(), "full"))(t), want)
	},
	"a client cannot name what does not exist": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		before := revision(t, db)
		for _, bad := range []domain.Client{
			{APIs: []domain.ClientAPI{{Audience: "https://none.example"}}},
			{APIs: []domain.ClientAPI{{Audience: audience, Permissions: []string{"orders:none"}}}},
			{Serves: []string{"https://none.example"}},
		} {
			bad.ClientID = "new"
			_, err := db.InsertClient(t.Context(), bad)
			wantErr(t, err, domain.ErrNotFound)
			bad.ClientID = "shop"
			wantErr(t, db.UpdateClient(t.Context(), bad), domain.ErrNotFound)
		}
		_, err := db.FindClient(t.Context(), "new")
		wantErr(t, err, domain.ErrNotFound)
		same(t, len(must(db.FindClient(t.Context(), "shop"))(t).APIs), 1)
		same(t, revision(t, db), before)
	},
	"a client that does not exist is not found": func(t *testing.T, db *store.DB) {
		_, err := db.FindClient(t.Context(), "none")
		wantErr(t, err, domain.ErrNotFound)
		wantErr(t, db.UpdateClient(t.Context(), domain.Client{ClientID: "none", IDTokenAlg: domain.ES256}), domain.ErrNotFound)
		wantErr(t, db.DeleteClients(t.Context(), []string{"none"}), domain.ErrNotFound)
		_, err = db.InsertClientSecret(t.Context(), "none", domain.ClientSecret{})
		wantErr(t, err, domain.ErrNotFound)
	},
	"secrets come and go one at a time": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		must(db.InsertClient(t.Context(), domain.Client{ClientID: "other", IDTokenAlg: domain.ES256}))(t)
		secret := domain.ClientSecret{Hash: "hmac-sha256:x", Hint: "xxxx", CreatedAt: t0}
		wantChanges(t, db, func(ctx context.Context) (err error) {
			secret.ID, err = db.InsertClientSecret(ctx, "shop", secret)
			return err
		}, "client shop")
		same(t, must(db.FindClient(t.Context(), "shop"))(t).Secrets, []domain.ClientSecret{secret})
		wantErr(t, db.DeleteClientSecret(t.Context(), "other", secret.ID), domain.ErrNotFound)
		wantChanges(t, db, func(ctx context.Context) error { return db.DeleteClientSecret(ctx, "shop", secret.ID) }, "client shop")
		wantErr(t, db.DeleteClientSecret(t.Context(), "shop", secret.ID), domain.ErrNotFound)
	},
	"trusts come and go one at a time": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		must(db.InsertClient(t.Context(), domain.Client{ClientID: "other", IDTokenAlg: domain.ES256}))(t)
		full := domain.Trust{Issuer: "https://ci.example", Subject: "a:*", Audience: "b", Claims: map[string]string{"ref": `"main"`}, JWKSURI: "https://ci.example/keys", Private: true, Reusable: true, CreatedAt: t0}
		short := domain.Trust{Issuer: "ci", Subject: "a", Audience: "b", JWKS: "{}", CreatedAt: t0}
		for _, trust := range []*domain.Trust{&full, &short} {
			wantChanges(t, db, func(ctx context.Context) (err error) { trust.ID, err = db.InsertTrust(ctx, "shop", *trust); return err }, "client shop")
		}
		same(t, must(db.FindClient(t.Context(), "shop"))(t).Trusts, []domain.Trust{full, short})
		wantErr(t, db.DeleteTrust(t.Context(), "other", full.ID), domain.ErrNotFound)
		wantChanges(t, db, func(ctx context.Context) error { return db.DeleteTrust(ctx, "shop", full.ID) }, "client shop")
		same(t, must(db.FindClient(t.Context(), "shop"))(t).Trusts, []domain.Trust{short})
		_, err := db.InsertTrust(t.Context(), "none", full)
		wantErr(t, err, domain.ErrNotFound)
	},
	"consents and assignments go with a client": func(t *testing.T, db *store.DB) {
		w := makeWorld(t, db)
		check(t, db.PutConsent(t.Context(), domain.Consent{UserID: w.user, ClientID: w.client, Audience: audience}))
		check(t, db.PutAssignment(t.Context(), domain.Assignment{Role: "clerk", SubjectKind: domain.SubjectClient, Subject: "shop"}))
		wantChanges(t, db, func(ctx context.Context) error { return db.DeleteClients(ctx, []string{"shop"}) }, "client shop", "client-access shop")
		_, err := db.FindConsent(t.Context(), w.user, w.client, audience)
		wantErr(t, err, domain.ErrNotFound)
		same(t, len(must(db.ListAssignments(t.Context(), domain.AssignmentFilter{Role: "clerk"}, domain.Page{Limit: 10}))(t)), 0)
	},
	"clients are listed page by page with their parts": func(t *testing.T, db *store.DB) {
		makeWorld(t, db)
		for _, id := range []string{"c", "a", "b"} {
			must(db.InsertClient(t.Context(), domain.Client{ClientID: id, IDTokenAlg: domain.ES256, Serves: []string{audience},
				APIs: []domain.ClientAPI{{Audience: audience}}, Secrets: []domain.ClientSecret{{Hint: id}}}))(t)
		}
		must(db.InsertClient(t.Context(), domain.Client{ClientID: "bb", IDTokenAlg: domain.ES256, Origin: domain.OriginMetadata}))(t)
		same(t, must(db.ListClients(t.Context(), domain.ClientFilter{Origin: domain.OriginMetadata}, domain.Page{Limit: 9}))(t)[0].ClientID, "bb")
		var got []string
		for _, c := range append(must(db.ListClients(t.Context(), domain.ClientFilter{}, domain.Page{Limit: 2}))(t),
			must(db.ListClients(t.Context(), domain.ClientFilter{Origin: domain.OriginAdministrator}, domain.Page{After: "b", Limit: 1}))(t)...) {
			got = append(got, c.ClientID, c.Secrets[0].Hint, c.APIs[0].Audience, c.Serves[0])
		}
		same(t, got, []string{"a", "a", audience, audience, "b", "b", audience, audience, "c", "c", audience, audience})
	},
	"a list is read from any place in both directions, and searched": func(t *testing.T, db *store.DB) {
		for id, name := range map[string]string{"a": "Shop", "b": "The shop", "c": "SHOPPING", "d": "", "shop%": "50% off", "Shop_1": "", "é": "Été"} {
			must(db.InsertClient(t.Context(), domain.Client{ClientID: id, Name: name, IDTokenAlg: domain.ES256}))(t)
		}
		find := func(p domain.Page) (ids []string) {
			p.Limit = max(p.Limit, 2)
			for _, client := range must(db.ListClients(t.Context(), domain.ClientFilter{}, p))(t) {
				ids = append(ids, client.ClientID)
			}
			return ids
		}
		same(t, find(domain.Page{Before: "d"}), []string{"b", "c"})
		same(t, find(domain.Page{Before: "b"}), []string{"Shop_1", "a"})
		for search, want := range map[string][]string{
			"sHoP": {"shop%", "Shop_1", "a", "c"}, "shop%": {"shop%"}, "shop_": {"Shop_1"}, "the": {"b"}, "50%": {"shop%"}, "Ét": {"é"}, "hop": nil, "\xff": nil, "a\x00": nil,
		} {
			same(t, find(domain.Page{Search: search, Limit: 10}), want)
		}
		for place, want := range map[string][]string{"": {"shop%", "Shop_1"}, "shop%": {"Shop_1", "a"}, "Shop_1": {"a", "c"}, "a": {"c"}, "c": nil, "gone": {"shop%", "Shop_1"}, "b": {"shop%", "Shop_1"}} {
			same(t, find(domain.Page{Search: "shop", After: place}), want)
		}
		for place, want := range map[string][]string{"shop%": nil, "Shop_1": {"shop%"}, "a": {"shop%", "Shop_1"}, "c": {"Shop_1", "a"}, "gone": {"shop%", "Shop_1"}} {
			same(t, find(domain.Page{Search: "shop", Before: place}), want)
		}
	},
}
