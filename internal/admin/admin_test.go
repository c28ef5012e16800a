package admin_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/policy"
	"github.com/signet-auth/signet/internal/secevent"
	"github.com/signet-auth/signet/internal/servicetest"
	"github.com/signet-auth/signet/internal/statistics"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/store/pgtest"
	"github.com/signet-auth/signet/internal/store/storetest"
	"github.com/signet-auth/signet/internal/token"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// world is the services of one server, and a caller at the command line.
type world struct {
	*admin.Service
	*servicetest.Replica
	Statistics *statistics.Service
	t          *testing.T
	db         *store.DB
	master     *keys.Master
	requests   *keeping
	root       authn.Caller
	meanwhile  func() // before the next transaction of files, once
	applied    int    // such transactions
}

// planned are the Files of a world.
type planned struct {
	admin.Files
	w *world
}

func (p planned) TxWithin(ctx context.Context, limit time.Duration, fn func(ctx context.Context) error) error {
	p.w.applied++
	if do := p.w.meanwhile; do != nil {
		p.w.meanwhile = nil
		do()
	}
	return p.Files.TxWithin(ctx, limit, fn)
}

func each(t *testing.T, test func(*world)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db, keys.NewMaster())
		servicetest.Must(t, w.Sync(t.Context()))
		test(w)
	})
}

func newWorld(t *testing.T, db *store.DB, master *keys.Master) *world {
	t.Helper()
	return newWorldOf(t, db, master, servicetest.NewReplica(t, db, master, time.Now))
}

func newWorldOf(t *testing.T, db *store.DB, master *keys.Master, r *servicetest.Replica) *world {
	t.Helper()
	recorder := r.Recorder
	w := &world{Replica: r, t: t, db: db, master: master, requests: &keeping{Requests: db}}
	w.Statistics = statistics.New(statistics.Config{
		Store: db, Counters: statistics.NewCounters(nil), Fetches: statistics.NewFetches(time.Now), Cache: r.Cache, Keys: r.Keys, Key: make([]byte, 32), Now: time.Now,
	})
	policies, err := policy.New(policy.Config{
		Store: db, Subjects: db, Resources: db, Candidates: db, Registry: r.Registry, Directory: r.Directory, Introspection: r.Introspection, Cache: r.Cache, CacheSize: 10,
		Events: recorder, Now: time.Now,
	})
	servicetest.Must(t, err)
	w.Service = admin.New(admin.Config{
		Policies: policies, Files: planned{db, w}, Named: db, Sessions: r.Sessions, Requests: w.requests, Sealer: master, RequestKey: make([]byte, 32),
		Directory: r.Directory, Passwords: r.Passwords, Links: r.Links, Registry: r.Registry, Index: r.Index, Names: index.Resolver{Users: r.Directory, Registry: r.Registry},
		Receivers: secevent.New(secevent.Config{
			Store: db, Outbox: db, Deliveries: db, Keys: r.Keys, Master: master, Registry: r.Registry, Directory: r.Directory, Cache: r.Cache, Recorder: recorder, Now: time.Now,
		}),
		Revocation: r.Revocation, Keys: r.Keys, Audit: r.Log, Statistics: w.Statistics, Attention: db, Issuer: servicetest.Issuer, JWKSMaxAge: time.Minute, RotateEvery: 24 * time.Hour, Cache: r.Cache, Events: recorder, Now: time.Now,
	})
	w.root, err = authn.OperatingSystemUser()
	servicetest.Must(t, err)
	return w
}

// live is an introspector that knows one token.
type live introspection.Active

func (l *live) Introspect(context.Context, string) (*introspection.Active, error) {
	return (*introspection.Active)(l), nil
}

// caller is a client with permissions of urn:signet:admin.
func caller(t *testing.T, permissions ...string) authn.Caller {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer x")
	made, err := authn.NewBearer(&live{Claims: token.Claims{
		Audience: domain.AdminAudience, ClientID: "ops", Entitlements: permissions,
	}}).Authenticate(r)
	servicetest.Must(t, err)
	return made
}

// The methods of Service are found by reflection, so that a new one cannot be forgotten here.
func TestEveryOperationIsDeclaredAndRefusesWhoMayNot(t *testing.T) {
	each(t, func(w *world) {
		var declared, seen []string
		for _, o := range admin.Operations {
			declared = append(declared, o.Name)
			if o.Summary == "" || !slices.ContainsFunc(admin.Permissions, func(p admin.Permission) bool { return p.Name == o.Permission }) {
				t.Errorf("%s: summary %q, permission %q", o.Name, o.Summary, o.Permission)
			}
		}
		service := reflect.ValueOf(w.Service)
		for i := range service.NumMethod() {
			name, method := service.Type().Method(i).Name, service.Method(i)
			if slices.Contains([]string{"Sync", "Once", "Done", "Undo", "Opened"}, name) { // the server's own; of any operation; it knows nothing of what there is
				continue
			}
			if method.Type().NumIn() < 2 || method.Type().In(1) != reflect.TypeFor[authn.Caller]() {
				t.Errorf("%s takes no caller", name)
				continue
			}
			for _, caller := range []authn.Caller{{}, caller(t, "unknown:permission")} {
				in := []reflect.Value{reflect.ValueOf(t.Context()), reflect.ValueOf(caller)}
				for j := 2; j < method.Type().NumIn(); j++ {
					in = append(in, reflect.Zero(method.Type().In(j)))
				}
				out := method.Call(in)
				err, _ := reflect.TypeAssert[error](out[len(out)-1])
				denied, ok := errors.AsType[*admin.DeniedError](err)
				if !ok || !errors.Is(err, domain.ErrDenied) {
					t.Errorf("%s: %v, want a refusal", name, err)
					continue
				}
				seen = append(seen, denied.Operation)
			}
		}
		slices.Sort(declared)
		slices.Sort(seen)
		if diff := cmp.Diff(declared, slices.Compact(seen)); diff != "" {
			t.Errorf("operations that are declared (-) and that methods are (+): %s", diff)
		}
	})
}

func TestRefusalsAreRecordedButCannotFillTheLog(t *testing.T) {
	each(t, func(w *world) {
		before := len(w.events())
		for range 200 {
			if _, err := w.ListUsers(t.Context(), caller(t, "groups:read"), domain.UserFilter{}, admin.Query{Limit: 1}); !errors.Is(err, domain.ErrDenied) {
				t.Fatal(err)
			}
		}
		recorded := w.events()[before:]
		if len(recorded) == 0 || len(recorded) > 50 {
			t.Fatalf("%d events of 200 refusals", len(recorded))
		}
		first := recorded[0]
		if first.Action != "management.refuse" || first.Actor != "client:ops" || first.Target != "operation:user.list" || first.Details != `{"permission":"users:read"}` {
			t.Errorf("recorded %+v", first)
		}
	})
}

func (w *world) events() []domain.Event {
	w.t.Helper()
	events, err := w.db.ListEvents(w.t.Context(), 0, 10_000)
	servicetest.Must(w.t, err)
	return events
}

func TestTheAdministratorRoleAlwaysHasEveryPermission(t *testing.T) {
	each(t, func(w *world) {
		ctx := t.Context()
		role, err := w.FindRole(ctx, w.root, domain.RoleAdministrator)
		servicetest.Must(t, err)
		if len(role.Permissions) != len(admin.Permissions) {
			t.Errorf("the role gives %d of %d permissions", len(role.Permissions), len(admin.Permissions))
		}
		_, err = w.UpdateRole(ctx, w.root, domain.RoleAdministrator, nil, func(role *domain.Role) error {
			role.Permissions = slices.Delete(role.Permissions, 0, 1)
			return nil
		})
		servicetest.Refused(t, err, domain.ErrInvalid, "stay as they are")
		_, err = w.UpdateAPI(ctx, w.root, domain.AdminAudience, nil, func(api *domain.API) error { api.Permissions = nil; return nil })
		servicetest.Refused(t, err, domain.ErrInvalid, "built in")
		before := len(w.events())
		servicetest.Must(t, w.Sync(ctx)) // nothing differs
		if after := len(w.events()); after != before {
			t.Errorf("%d events of a change that changes nothing", after-before)
		}
	})
}

// A caller who could give a permission that the caller lacks, or act as somebody who has it, would have it.
func TestNobodyGivesOrTakesOverPermissionsThatTheyLack(t *testing.T) {
	each(t, func(w *world) {
		ctx := t.Context()
		w.AddUser(t, "boss", "correct horse battery staple")
		w.AddUser(t, "mallory", "correct horse battery staple")
		w.AddClient(t, domain.Client{ClientID: "deploy", GrantTypes: []string{domain.GrantClientCredentials}, APIs: []domain.ClientAPI{{Audience: domain.AdminAudience}}})
		_, err := w.CreateGroup(ctx, w.root, "admins", "")
		servicetest.Must(t, err)
		for kind, subject := range map[domain.SubjectKind]string{
			domain.SubjectUser: "boss", domain.SubjectClient: "deploy", domain.SubjectGroup: "admins",
		} {
			servicetest.Must(t, w.Assign(ctx, w.root, domain.RoleAdministrator, kind, subject, time.Time{}))
		}
		mallory := caller(t, "users:write", "users:disable", "groups:write", "roles:write", "assignments:write", "clients:write", "clients:disable")
		powers := []domain.RolePermission{{Audience: domain.AdminAudience, Permission: "keys:revoke"}}
		_, errCreate := w.CreateRole(ctx, mallory, domain.Role{Name: "mine", Permissions: powers})
		servicetest.Must(t, func() error { _, err := w.CreateRole(ctx, mallory, domain.Role{Name: "harmless"}); return err }())
		_, errUpdate := w.UpdateRole(ctx, mallory, "harmless", nil, func(role *domain.Role) error { role.Permissions = powers; return nil })
		_, errEmail := w.UpdateUser(ctx, mallory, "boss", nil, func(user *domain.User) error { user.Email = "mallory@x.example"; return nil })
		_, errSecret := w.AddSecret(ctx, mallory, "deploy", admin.GivenSecret{}, time.Time{})
		ask := []domain.ClientAPI{{Audience: domain.AdminAudience, Permissions: []string{"keys:revoke"}}}
		console := domain.Client{ClientID: "console", GrantTypes: []string{domain.GrantAuthorizationCode}, RedirectURIs: []string{"https://x.example/"}, APIs: ask}
		w.AddClient(t, console)
		console.ClientID = "mine"
		_, errRegister := w.CreateClient(ctx, mallory, console, admin.GivenSecret{})
		console.ClientID, console.APIs = "harmless", nil
		w.AddClient(t, console)
		_, errAsk := w.UpdateClient(ctx, mallory, "harmless", nil, func(client *domain.Client) error { client.APIs = ask; return nil })
		_, errRedirect := w.UpdateClient(ctx, mallory, "console", nil, func(client *domain.Client) error { client.APIs = nil; return nil })
		_, errClient := w.UpdateClient(ctx, mallory, "deploy", nil, func(client *domain.Client) error { client.RedirectURIs = nil; return nil })
		for what, err := range map[string]error{
			"make a role": errCreate, "change a role": errUpdate, "change an administrator's address": errEmail,
			"add a secret": errSecret, "change a client": errClient,
			"register a client that may ask for it": errRegister, "let a client ask for it": errAsk, "change a client that may ask for it": errRedirect,
			"assign a role":      w.Assign(ctx, mallory, domain.RoleAdministrator, domain.SubjectUser, "mallory", time.Time{}),
			"join a group":       w.AddMember(ctx, mallory, "admins", "mallory"),
			"set a password":     w.SetPassword(ctx, mallory, "boss", "correct horse battery staple"),
			"disable the boss":   w.DisableUser(ctx, mallory, "boss", ""),
			"delete a client":    w.DeleteClient(ctx, mallory, "deploy"),
			"delete the boss":    w.DeleteUser(ctx, mallory, "boss"),
			"disable the client": w.DisableClient(ctx, mallory, "deploy", ""),
		} {
			if !errors.Is(err, domain.ErrDenied) {
				t.Errorf("%s: %v, want a refusal", what, err)
			}
		}
		servicetest.Must(t, w.SetPassword(ctx, mallory, "mallory", "correct horse battery staple"))
		refused := slices.DeleteFunc(w.events(), func(e domain.Event) bool { return e.Action != "management.refuse" })
		if len(refused) != 15 {
			t.Errorf("%d refusals are recorded, want 15", len(refused))
		}
	})
}

func TestActorsOfOperationsAreTheirCallers(t *testing.T) {
	each(t, func(w *world) {
		_, err := w.CreateGroup(t.Context(), caller(t, "groups:write"), "ops", "")
		servicetest.Must(t, err)
		_, err = w.CreateGroup(t.Context(), w.root, "sales", "")
		servicetest.Must(t, err)
		events := w.events()
		last := events[len(events)-2:]
		if last[0].Actor != "client:ops" || !strings.HasPrefix(last[1].Actor, "os:") {
			t.Errorf("actors %s and %s", last[0].Actor, last[1].Actor)
		}
	})
}

func TestNobodyErasesTheTrailOfWhoMayStillChangeSomething(t *testing.T) {
	each(t, func(w *world) {
		ctx := t.Context()
		w.AddUser(t, "mallory", "")
		_, err := w.Directory.CreateGroup(event.WithActor(ctx, event.User("mallory")), domain.Group{Name: "ops"})
		servicetest.Must(t, err)
		before := w.events()
		_, err = w.EraseUser(ctx, caller(t, "audit:erase"), "Mallory")
		servicetest.Refused(t, err, domain.ErrInvalid, "delete the user first")
		if diff := cmp.Diff(before, w.events()); diff != "" {
			t.Errorf("the log was changed: %s", diff)
		}
		servicetest.Must(t, w.DeleteUser(ctx, w.root, "mallory"))
		n, err := w.EraseUser(ctx, caller(t, "audit:erase"), "Mallory")
		if servicetest.Must(t, err); n != 3 {
			t.Errorf("%d events are erased, want those of the user and by the user, 3", n)
		}
	})
}
