package registry_test

import (
	"crypto/rand"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/google/go-cmp/cmp"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// world is a registry over a database, at a time that the test sets.
type world struct {
	*registry.Registry
	t       *testing.T
	db      *store.DB
	replica *servicetest.Replica
	now     time.Time
}

func each(t *testing.T, test func(*world)) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := &world{t: t, db: db, now: time.Now().UTC().Truncate(time.Microsecond)}
		w.replica = servicetest.NewReplica(t, db, keys.NewMaster(), func() time.Time { return w.now })
		w.Registry = w.replica.Registry
		test(w)
	})
}

func (w *world) refresh() {
	w.t.Helper()
	w.replica.Refresh(w.t)
}

func (w *world) check(err error) {
	w.t.Helper()
	servicetest.Must(w.t, err)
}

func (w *world) refused(err, want error, fragments ...string) {
	w.t.Helper()
	servicetest.Refused(w.t, err, want, fragments...)
}

func (w *world) lastEvent() domain.Event {
	w.t.Helper()
	last, err := w.replica.Log.Verify(eventtest.Context(w.t))
	w.check(err)
	return last
}

func (w *world) api(audience string, permissions ...string) domain.API {
	w.t.Helper()
	return w.replica.AddAPI(w.t, audience, permissions...)
}

func (w *world) service(clientID string) (domain.Client, string) {
	w.t.Helper()
	return w.replica.AddService(w.t, clientID)
}

func (w *world) lookup(clientID string) *domain.Client {
	w.t.Helper()
	client, err := w.LookupClient(eventtest.Context(w.t), clientID)
	w.check(err)
	return client
}

// issue puts a live token of the client into the index.
func (w *world) issue(client, api int64) domain.TokenRef {
	w.t.Helper()
	token := domain.IssuedToken{
		Kind: domain.TokenAccess, KeyID: 1, ClientID: client, APIID: api, ExpiresAt: w.now.Add(time.Hour),
	}
	rand.Read(token.ID[:])
	w.refresh()
	_, err := w.db.InsertIssuedTokens(eventtest.Context(w.t), []domain.IssuedToken{token}, []int64{w.replica.Cache.Revision()})
	w.check(err)
	ref := token.Ref()
	if w.revoked(ref) {
		w.t.Fatal("a new token is revoked")
	}
	return ref
}

func (w *world) revoked(ref domain.TokenRef) bool {
	w.t.Helper()
	found, _, err := w.db.FindIssuedTokens(eventtest.Context(w.t), []domain.TokenRef{ref})
	w.check(err)
	token, ok := found[ref.ID]
	if !ok {
		w.t.Fatal("the token is not in the index")
	}
	open, err := w.db.OpenRevocations(eventtest.Context(w.t))
	w.check(err)
	return !token.RevokedAt.IsZero() || slices.ContainsFunc(open, func(r domain.Revocation) bool { return r.Covers(token) })
}

func TestAClientIsStoredAsRegistered(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		w.api("https://orders.example", "orders:read", "orders:write")
		want := domain.Client{
			ClientID:     "web",
			Name:         "Web shop",
			FirstParty:   true,
			RequirePKCE:  true,
			GrantTypes:   []string{domain.GrantAuthorizationCode, domain.GrantRefreshToken},
			RedirectURIs: []string{"https://shop.example/cb"},
			APIs:         []domain.ClientAPI{{Audience: "https://orders.example", Permissions: []string{"orders:read"}}},
			Serves:       []string{"https://orders.example"},
		}
		created, secret, err := w.CreateClient(ctx, want)
		w.check(err)
		want.ID, want.IDTokenAlg, want.Version, want.CreatedAt, want.UpdatedAt = created.ID, domain.RS256, 1, w.now, w.now
		want.Origin, want.SubjectType, want.GroupNames = domain.OriginAdministrator, domain.SubjectTypePublic, domain.GroupsByName
		want.Secrets = created.Secrets
		found, err := w.FindClient(ctx, "web")
		w.check(err)
		if diff := cmp.Diff([]domain.Client{want, want}, []domain.Client{created, found}); diff != "" {
			w.t.Error(diff)
		}
		if len(found.Secrets) != 1 || strings.Contains(found.Secrets[0].Hash, secret) || !strings.HasSuffix(secret, found.Secrets[0].Hint) {
			w.t.Errorf("secrets = %+v", found.Secrets)
		}
		if !strings.HasPrefix(secret, "signet_cs_") || len(secret) != len("signet_cs_")+43 {
			w.t.Errorf("secret = %q", secret)
		}
		event := w.lastEvent()
		if event.Action != "client.create" || event.Target != "client:web" || strings.Contains(event.Details, secret) {
			w.t.Errorf("event = %+v", event)
		}
		_, _, err = w.CreateClient(ctx, want)
		w.refused(err, domain.ErrExists, `client "web": already exists`)
	})
}

func TestAClientWithoutANameOfItsOwnGetsOne(t *testing.T) {
	each(t, func(w *world) {
		client, _ := w.service("")
		if client.ClientID == "" || client.Name != client.ClientID {
			w.t.Errorf("client_id = %q, name = %q", client.ClientID, client.Name)
		}
	})
}

func TestNoAudienceIsAClientIDWithOrWithoutASlashAtItsEnd(t *testing.T) {
	each(t, func(w *world) {
		for i, spelling := range [][2]string{{"", ""}, {"", "/"}, {"/", ""}, {"/", "/"}} {
			name := "https://app.example/" + strconv.Itoa(i)
			client := domain.Client{ClientID: name + spelling[0], GrantTypes: []string{domain.GrantClientCredentials}}
			_, _, err := w.CreateClient(eventtest.Context(w.t), client)
			w.check(err)
			_, err = w.CreateAPI(eventtest.Context(w.t), domain.API{Audience: name + spelling[1]})
			w.refused(err, domain.ErrInvalid, "it is the client_id of a client")

			name += "x"
			_, err = w.CreateAPI(eventtest.Context(w.t), domain.API{Audience: name + spelling[1]})
			w.check(err)
			client.ClientID = name + spelling[0]
			_, _, err = w.CreateClient(eventtest.Context(w.t), client)
			w.refused(err, domain.ErrInvalid, "it is the audience of an API")
		}
	})
}

func TestAPublicClientHasNoSecret(t *testing.T) {
	each(t, func(w *world) {
		app := domain.Client{
			ClientID: "app", Public: true,
			GrantTypes: []string{domain.GrantAuthorizationCode}, RedirectURIs: []string{"com.example.app:/cb"},
		}
		client, secret, err := w.CreateClient(eventtest.Context(w.t), app)
		w.check(err)
		if secret != "" || len(client.Secrets) != 0 || w.secretIs(&client, "") || w.secretIs(&client, "x") {
			w.t.Errorf("secret %q of %+v", secret, client)
		}
		_, _, err = w.AddSecret(eventtest.Context(w.t), "app", time.Time{})
		w.refused(err, domain.ErrInvalid, "a public client has none")
		app.Public, app.RedirectURIs = false, []string{"https://app.example"}
		_, err = w.UpdateClient(eventtest.Context(w.t), "app", servicetest.Become(app))
		w.refused(err, domain.ErrInvalid, "stays public or confidential")
	})
}

const publicKey = `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`

func TestAClientHasKeysOrSecrets(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		keyed := domain.Client{ClientID: "batch", GrantTypes: []string{domain.GrantClientCredentials}, JWKS: " " + publicKey}
		client, secret, err := w.CreateClient(ctx, keyed)
		w.check(err)
		if secret != "" || len(client.Secrets) != 0 || client.JWKS != publicKey || client.AuthMethod() != domain.PrivateKeyJWT {
			w.t.Errorf("secret %q of %+v", secret, client)
		}
		_, _, err = w.AddSecret(ctx, "batch", time.Time{})
		w.refused(err, domain.ErrInvalid, "authenticates with its keys")
		keyed.ClientID = "other"
		_, err = w.ImportClient(ctx, keyed, "ZXhhbXBsZS1hcHAtc2VjcmV0")
		w.refused(err, domain.ErrInvalid, "authenticates with its keys")

		_, secret = w.service("reporting")
		client, err = w.UpdateClient(ctx, "reporting", func(c *domain.Client) error { c.JWKSURI = "https://app.example/jwks"; return nil })
		w.check(err)
		if len(client.Secrets) != 0 || w.secretIs(&client, secret) {
			w.t.Errorf("it has keys, and still the secret: %+v", client)
		}
		client, err = w.UpdateClient(ctx, "reporting", func(c *domain.Client) error { c.JWKSURI = ""; return nil })
		w.check(err)
		if client.AuthMethod() != domain.SecretBasic || w.secretIs(&client, secret) {
			w.t.Error("a secret came back")
		}
		_, _, err = w.AddSecret(ctx, "reporting", time.Time{})
		w.check(err)
	})
}

func TestAClientThatNamesWhatIsNotThereIsRefused(t *testing.T) {
	each(t, func(w *world) {
		w.api("https://orders.example", "orders:read")
		for _, tc := range []struct {
			client domain.Client
			want   string
		}{
			{domain.Client{APIs: []domain.ClientAPI{{Audience: "https://x.example"}}}, `invalid API "https://x.example": there is none`},
			{domain.Client{Serves: []string{"https://x.example"}}, `invalid API "https://x.example": there is none`},
			{domain.Client{APIs: []domain.ClientAPI{{Audience: "https://orders.example", Permissions: []string{"orders:raed"}}}},
				`invalid permission "orders:raed": API "https://orders.example" does not have it`},
		} {
			tc.client.ClientID, tc.client.GrantTypes = "svc", []string{domain.GrantClientCredentials}
			_, _, err := w.CreateClient(eventtest.Context(w.t), tc.client)
			w.refused(err, domain.ErrInvalid, tc.want)
		}
		_, err := w.FindClient(eventtest.Context(w.t), "svc")
		w.refused(err, domain.ErrNotFound, `client "svc": not found`)
	})
}

func TestSecretsRotateWithoutAGap(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		client, first := w.service("svc")
		second, stored, err := w.AddSecret(ctx, "svc", w.now.Add(time.Hour))
		w.check(err)
		valid := func(want ...bool) {
			w.t.Helper()
			w.refresh()
			got := []bool{w.secretIs(w.lookup("svc"), first), w.secretIs(w.lookup("svc"), second)}
			if diff := cmp.Diff(want, got); diff != "" {
				w.t.Error(diff)
			}
		}
		valid(true, true)
		w.check(w.RemoveSecret(ctx, "svc", client.Secrets[0].ID))
		valid(false, true)
		w.now = stored.ExpiresAt.Add(-time.Microsecond)
		valid(false, true)
		w.now = stored.ExpiresAt // no refresh is needed for an expiry to count
		valid(false, false)

		w.refused(w.RemoveSecret(ctx, "svc", client.Secrets[0].ID), domain.ErrNotFound, `client "svc": secret`)
		_, _, err = w.AddSecret(ctx, "svc", w.now)
		w.refused(err, domain.ErrInvalid, "still to come")
		_, _, err = w.AddSecret(ctx, "nobody", time.Time{})
		w.refused(err, domain.ErrNotFound)
	})
}

func TestAClientHasAtMostFiveLiveSecretsEvenWhenAddedAtOnce(t *testing.T) {
	each(t, func(w *world) {
		w.service("svc")
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if _, _, err := w.AddSecret(eventtest.Context(w.t), "svc", w.now.Add(time.Minute)); err != nil && !errors.Is(err, domain.ErrInvalid) {
					w.t.Error(err)
				}
			})
		}
		wg.Wait()
		client, err := w.FindClient(eventtest.Context(w.t), "svc")
		w.check(err)
		if len(client.Secrets) != 5 {
			w.t.Errorf("%d secrets", len(client.Secrets))
		}
		w.now = w.now.Add(time.Minute)
		_, _, err = w.AddSecret(eventtest.Context(w.t), "svc", time.Time{})
		w.check(err) // expired ones do not count
	})
}

func TestOnlyTheExactSecretOfAnEnabledClientIsRight(t *testing.T) {
	each(t, func(w *world) {
		client, secret := w.service("svc")
		_, other := w.service("other")
		for s, want := range map[string]bool{
			secret: true, other: false, "": false, secret[:len(secret)-1]: false, secret + "x": false, strings.ToUpper(secret): false,
			client.Secrets[0].Hash: false, strings.Repeat("x", 1<<16): false,
		} {
			if got := w.secretIs(&client, s); got != want {
				w.t.Errorf("CheckSecret(%.20q) = %t", s, got)
			}
			if w.secretIs(nil, s) {
				w.t.Errorf("%.20q is the secret of a client that is not there", s)
			}
		}
		client.DisabledAt = w.now
		if w.secretIs(&client, secret) {
			w.t.Error("the secret of a disabled client is right")
		}
	})
}

func TestAbsenceIsRememberedUntilTheClientOrAPIIsThere(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		for range 2 {
			_, err := w.LookupClient(ctx, "svc")
			w.refused(err, domain.ErrNotFound)
			_, err = w.LookupAPI(ctx, "https://orders.example")
			w.refused(err, domain.ErrNotFound)
		}
		w.service("svc")
		w.api("https://orders.example")
		if _, err := w.LookupClient(ctx, "svc"); !errors.Is(err, domain.ErrNotFound) {
			w.t.Error("absence was not remembered: every request of an unknown client costs a query")
		}
		w.refresh()
		w.lookup("svc")
		_, err := w.LookupAPI(ctx, "https://orders.example")
		w.check(err)

		w.check(w.DeleteClient(ctx, "svc"))
		w.check(w.DeleteAPI(ctx, "https://orders.example"))
		w.refresh()
		_, err = w.LookupClient(ctx, "svc")
		w.refused(err, domain.ErrNotFound)
		_, err = w.LookupAPI(ctx, "https://orders.example")
		w.refused(err, domain.ErrNotFound)
	})
}

func TestDisablingOrDeletingAClientEndsItsTokensAndGrants(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		bystander, _ := w.service("bystander")
		for name, end := range map[string]func(clientID string) error{
			"disable": func(id string) error { return w.DisableClient(ctx, id, "") },
			"delete":  func(id string) error { return w.DeleteClient(ctx, id) },
		} {
			client, secret := w.service(name)
			userID, err := w.db.InsertUser(ctx, domain.User{Username: name, Subject: name})
			w.check(err)
			token, other := w.issue(client.ID, 0), w.issue(bystander.ID, 0)
			grant, err := w.db.InsertGrant(ctx, domain.Grant{ClientID: client.ID, UserID: userID, APIs: []domain.GrantAPI{{Audience: "https://a.example"}}, CreatedAt: w.now, ExpiresAt: w.now.Add(time.Hour)})
			w.check(err)
			w.check(end(name))
			w.refresh()
			if !w.revoked(token) || w.revoked(other) {
				w.t.Errorf("%s: its token revoked: %t, another's: %t", name, w.revoked(token), w.revoked(other))
			}
			if err := w.db.HoldGrant(ctx, grant, "https://a.example", w.now); !errors.Is(err, domain.ErrRevoked) {
				w.t.Errorf("%s: its grant is held: %v", name, err)
			}
			if client, err := w.LookupClient(ctx, name); err == nil && w.secretIs(client, secret) {
				w.t.Errorf("%s: its secret is right", name)
			}
		}
		// Other changes leave a client disabled, and enabling it brings no token back.
		token := w.issue(bystander.ID, 0)
		w.check(w.DisableClient(ctx, "bystander", ""))
		_, err := w.UpdateClient(ctx, "bystander", servicetest.Become(domain.Client{GrantTypes: bystander.GrantTypes, Name: "Renamed"}))
		w.check(err)
		w.refresh()
		if w.lookup("bystander").DisabledAt.IsZero() {
			w.t.Error("an update enabled the client")
		}
		w.check(w.EnableClient(ctx, "bystander"))
		w.refresh()
		if !w.lookup("bystander").DisabledAt.IsZero() || !w.revoked(token) {
			w.t.Error("enabling went wrong")
		}
		w.refused(w.DisableClient(ctx, "nobody", ""), domain.ErrNotFound, `client "nobody": not found`)
		w.refused(w.DeleteClient(ctx, "nobody"), domain.ErrNotFound)
	})
}

func TestAPIsLoseTokensWhenDeletedAndPermissionsWhenUpdated(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		api := w.api("https://orders.example", "orders:read", "orders:write")
		if api.SigningAlg != domain.ES256 || api.Name != api.Audience {
			w.t.Errorf("api = %+v", api)
		}
		client, _, err := w.CreateClient(ctx, domain.Client{
			ClientID: "svc", GrantTypes: []string{domain.GrantClientCredentials},
			APIs: []domain.ClientAPI{{Audience: api.Audience, Permissions: []string{"orders:read", "orders:write"}}},
		})
		w.check(err)
		token := w.issue(client.ID, api.ID)
		w.lookup("svc")
		_, err = w.LookupAPI(ctx, api.Audience)
		w.check(err)

		updated, _, err := w.UpdateAPI(ctx, api.Audience, servicetest.Become(domain.API{
			Name: "Orders", AccessTokenTTL: time.Minute, Permissions: []domain.Permission{{Name: "orders:read", Description: "Read"}},
		}))
		w.check(err)
		w.refresh()
		found, err := w.LookupAPI(ctx, api.Audience)
		w.check(err)
		if diff := cmp.Diff(updated, *found); diff != "" || len(found.Permissions) != 1 || found.AccessTokenTTL != time.Minute {
			w.t.Errorf("api = %+v %s", found, diff)
		}
		want := []domain.ClientAPI{{Audience: api.Audience, Permissions: []string{"orders:read"}}}
		if diff := cmp.Diff(want, w.lookup("svc").APIs); diff != "" {
			w.t.Error("the client may still ask for a permission that is gone: " + diff)
		}

		w.check(w.DeleteAPI(ctx, api.Audience))
		w.refresh()
		if !w.revoked(token) {
			w.t.Error("a token of a deleted API is live")
		}
		if apis := w.lookup("svc").APIs; len(apis) != 0 {
			w.t.Errorf("the client may still ask for %v", apis)
		}
		w.refused(w.DeleteAPI(ctx, api.Audience), domain.ErrNotFound)
		_, _, err = w.UpdateAPI(ctx, api.Audience, servicetest.Become(domain.API{}))
		w.refused(err, domain.ErrNotFound, `API "https://orders.example": not found`)
	})
}

// A client that lists only permissions which are then removed must not end up with "all of them".
func TestLosingTheLastPermissionIsNotGainingAll(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		api := w.api("https://orders.example", "orders:read", "orders:write")
		_, _, err := w.CreateClient(ctx, domain.Client{
			ClientID: "svc", GrantTypes: []string{domain.GrantClientCredentials},
			APIs: []domain.ClientAPI{{Audience: api.Audience, Permissions: []string{"orders:read"}}},
		})
		w.check(err)
		_, _, err = w.UpdateAPI(ctx, api.Audience, servicetest.Become(domain.API{Permissions: []domain.Permission{{Name: "orders:write"}}}))
		w.check(err)
		w.refresh()
		if apis := w.lookup("svc").APIs; len(apis) != 0 {
			w.t.Errorf("the client may ask for %+v", apis)
		}
	})
}

// secretIs is CheckSecret, which must not fail.
func (w *world) secretIs(client *domain.Client, secret string) bool {
	w.t.Helper()
	right, err := w.CheckSecret(eventtest.Context(w.t), client, secret)
	w.check(err)
	return right
}

// A hash of another system is checked once, and replaced then; as many requests at a time as like to may be the first.
func TestASecretIsTakenOverByItsHash(t *testing.T) {
	const secret, hash = "correct horse battery", "$2b$05$abcdefghijklmnopqrstuuD3mHdCr44zlIZ.VZCaYRpfQhXMYnEo."
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		service := domain.Client{ClientID: "moved", GrantTypes: []string{domain.GrantClientCredentials}}
		for _, bad := range []string{"", "x", "$2b$31$abcdefghijklmnopqrstuuD3mHdCr44zlIZ.VZCaYRpfQhXMYnEo.", "hmac-sha256:AAAA", hash + "x"} {
			if _, err := w.ImportClientByHash(ctx, service, bad); !errors.Is(err, domain.ErrInvalid) {
				w.t.Errorf("hash %q: %v, want ErrInvalid", bad, err)
			}
		}
		_, err := w.ImportClientByHash(ctx, service, hash)
		w.check(err)
		if w.secretIs(w.lookup("moved"), secret+"x") || w.secretIs(w.lookup("moved"), hash) {
			w.t.Error("a wrong secret, or the hash, passes for the secret")
		}
		before := w.lookup("moved")
		var group errgroup.Group
		for range 8 {
			group.Go(func() error {
				right, err := w.CheckSecret(ctx, before, secret)
				if err == nil && !right {
					err = errors.New("the right secret is refused")
				}
				return err
			})
		}
		w.check(group.Wait())
		after, err := w.FindClient(ctx, "moved")
		w.check(err)
		if stored := after.Secrets[0].Hash; !strings.HasPrefix(stored, "hmac-sha256:") {
			w.t.Errorf("the hash is still %.8s", stored)
		}
		if !w.secretIs(&after, secret) || w.secretIs(&after, secret+"x") {
			w.t.Error("the new hash is not that of the secret")
		}
		_, err = w.ImportSecretHash(ctx, "moved", "$pbkdf2-sha512$1000$c2FsdHNhbHRzaGE1MTI$mBP4YJ3Hai9vvUNSWHxEj2Wl5Au3f1X6Ot9GXX9fkTU", w.now.Add(time.Hour))
		w.check(err)
	})
}

func TestListsGoOnAfterTheLastOneSeen(t *testing.T) {
	each(t, func(w *world) {
		for _, name := range []string{"c", "a", "b"} {
			w.service(name)
			w.api("urn:" + name)
		}
		var got []string
		clients, err := w.ListClients(eventtest.Context(w.t), domain.ClientFilter{}, domain.Page{After: "a", Limit: 1})
		w.check(err)
		apis, err := w.ListAPIs(eventtest.Context(w.t), domain.Page{After: "urn:a", Limit: 5})
		w.check(err)
		for _, c := range clients {
			got = append(got, c.ClientID)
		}
		for _, a := range apis {
			got = append(got, a.Audience)
		}
		if diff := cmp.Diff([]string{"b", "urn:b", "urn:c", domain.AdminAudience}, got); diff != "" {
			w.t.Error(diff)
		}
	})
}

func TestAClientMayBringItsSecretUnlessItIsEasyToGuess(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		service := domain.Client{ClientID: "moved", GrantTypes: []string{domain.GrantClientCredentials}}
		for _, bad := range []string{
			"", "short", strings.Repeat("x", 15), strings.Repeat("x", 40), strings.Repeat("xy", 129), "sixteen bytes \x00 ", "sixteen bytes\n and more", "ünïcode ünïcode ü",
		} {
			_, err := w.ImportClient(ctx, service, bad)
			w.refused(err, domain.ErrInvalid, "secret")
		}
		public := domain.Client{ClientID: "app", Public: true, GrantTypes: []string{domain.GrantAuthorizationCode}, RedirectURIs: []string{"https://a.example"}}
		_, err := w.ImportClient(ctx, public, "a secret of a public client")
		w.refused(err, domain.ErrInvalid, "public")

		const secret = "ZXhhbXBsZS1hcHAtc2VjcmV0"
		moved, err := w.ImportClient(ctx, service, secret)
		w.check(err)
		if len(moved.Secrets) != 1 || strings.Contains(moved.Secrets[0].Hash, secret) || strings.Contains(w.lastEvent().Details, secret) {
			w.t.Errorf("secrets = %+v, the event says %s", moved.Secrets, w.lastEvent().Details)
		}
		w.refresh()
		if !w.secretIs(&moved, secret) || w.secretIs(&moved, secret+"x") {
			w.t.Error("its secret does not open, or another does")
		}
		_, err = w.ImportSecret(ctx, "moved", "short", time.Time{})
		w.refused(err, domain.ErrInvalid, "secret")
		const second = "YW5vdGhlci1zZWNyZXQtMQ"
		added, err := w.ImportSecret(ctx, "moved", second, time.Time{})
		w.check(err)
		moved, err = w.FindClient(ctx, "moved")
		w.check(err)
		if !w.secretIs(&moved, second) || !w.secretIs(&moved, secret) || added.Hint != second[len(second)-2:] {
			w.t.Errorf("two secrets of its own: %+v", moved.Secrets)
		}
	})
}

func TestNoClientHasANameOfSignetItself(t *testing.T) {
	each(t, func(w *world) {
		for _, id := range []string{
			servicetest.Issuer, strings.ToUpper(servicetest.Issuer) + "/", domain.AdminAudience, "URN:signet:admin", servicetest.Issuer + "/oauth2/userinfo",
		} {
			_, _, err := w.CreateClient(eventtest.Context(t), domain.Client{ClientID: id, GrantTypes: []string{domain.GrantClientCredentials}})
			w.refused(err, domain.ErrInvalid, "choose another")
		}
	})
}
