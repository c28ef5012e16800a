package servicetest

import (
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/audit"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/clock/clocktest"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/oauth"
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/session"
	"github.com/signet-auth/signet/internal/signin"
	"github.com/signet-auth/signet/internal/status"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/token"
)

// Replica is the services of one server over a shared database.
type Replica struct {
	Cache         *cache.Cache
	Recorder      *event.Recorder
	Log           *audit.Log
	Keys          *keys.Keys
	Registry      *registry.Registry
	Clients       *authn.Clients
	Directory     *directory.Directory
	Passwords     *signin.Passwords
	Links         *signin.PasswordLinks
	Sessions      *session.Sessions
	Minter        *token.Minter
	Index         *index.Index
	Revocation    *revocation.Service
	Introspection *introspection.Service
	Statuses      *status.Publisher
}

// NewReplica makes one with a clock of its own, from which the database's does not differ. Before it can sign, one of the replicas must call Keys.Ensure.
func NewReplica(t *testing.T, db *store.DB, master *keys.Master, now func() time.Time) *Replica {
	t.Helper()
	return NewReplicaWith(t, db, db, master, now)
}

// NewReplicaWith is NewReplica where the cache is told by others what changed.
func NewReplicaWith(t *testing.T, db *store.DB, changes cache.Store, master *keys.Master, now func() time.Time) *Replica {
	t.Helper()
	held, err := cache.New(changes, 1000)
	Must(t, err)
	chain := event.NewChain(master.Derive("audit log", 32))
	recorder := event.NewRecorder(db, chain, now)
	watched := clocktest.New(now)
	r := &Replica{Cache: held, Recorder: recorder, Log: audit.New(db, chain, recorder, watched, now)}
	r.Index = index.New(eventtest.Context(t), db, watched, now)
	r.Revocation = revocation.New(eventtest.Context(t), revocation.Config{
		Store: db, Statuses: db, Grants: db, Losses: db, Index: r.Index, Cache: held, Events: recorder, Now: now,
	})
	r.Keys = keys.New(db, held, recorder, r.Revocation, master, watched, now)
	r.Registry = registry.New(registry.Config{
		APIs: db, Permissions: db, Clients: db, Sets: db, Secrets: db, Trusts: db, Cache: held, Events: recorder, Revoker: r.Revocation, Keys: r.Keys, GrantTypes: oauth.GrantTypes(),
		SecretKey: master.Derive("client secrets", 32), Issuer: Issuer, Now: now,
	})
	r.Clients = authn.NewClients(r.Registry, db, recorder, Issuer, now)
	r.Directory = directory.New(directory.Config{
		Users: db, Attributes: db, Groups: db, Members: db, Roles: db, Assignments: db, Sets: db, Setup: db, Sessions: db,
		Cache: held, Events: recorder, Revoker: r.Revocation, Clock: watched, Now: now,
	})
	r.Passwords = signin.NewPasswords(db, r.Directory, MinPasswordLength, now)
	r.Links = signin.NewPasswordLinks(db, r.Passwords, held, PasswordLinkTTL)
	r.Sessions = session.New(session.Config{Store: db, Browsers: db, Frontchannel: db, Consents: db, Lists: db, Revoker: r.Revocation, Events: recorder, Clock: watched, Now: now, Limits: SessionLimits})
	r.Minter = token.New(token.Config{
		Keys: r.Keys, Directory: r.Directory, Statuses: status.NewAllocator(db, master.Derive("status lists", 32), now),
		Subjects: token.NewSubjects(master.Derive("pairwise subjects", 32)),
		Issuer:   Issuer, AccessTTL: AccessTTL, MaxSize: MaxTokenSize, Now: now,
	})
	r.Introspection = introspection.New(introspection.Config{
		Minter: r.Minter, Index: r.Index, Revocations: r.Revocation, Keys: r.Keys, Registry: r.Registry, Directory: r.Directory,
		Cache: held, Issuer: Issuer, Now: now,
	})
	r.Statuses = status.NewPublisher(db, r.Keys, Issuer, StatusTTL, now)
	r.Refresh(t)
	return r
}

// Refresh brings the cache up to date, as every request does.
func (r *Replica) Refresh(t *testing.T) {
	t.Helper()
	Must(t, r.Cache.Refresh(eventtest.Context(t)))
}

// AddAPI makes an API with permissions.
func (r *Replica) AddAPI(t *testing.T, audience string, permissions ...string) domain.API {
	t.Helper()
	api := domain.API{Audience: audience}
	for _, name := range permissions {
		api.Permissions = append(api.Permissions, domain.Permission{Name: name})
	}
	added, err := r.Registry.CreateAPI(eventtest.Context(t), api)
	Must(t, err)
	return added
}

// AddRole makes a role of permissions written as audience#permission.
func (r *Replica) AddRole(t *testing.T, name string, permissions ...string) {
	t.Helper()
	_, err := r.Directory.CreateRole(eventtest.Context(t), domain.Role{Name: name, Permissions: RolePermissions(permissions...)})
	Must(t, err)
}

// RolePermissions reads permissions written as audience#permission.
func RolePermissions(names ...string) []domain.RolePermission {
	var permissions []domain.RolePermission
	for _, n := range names {
		audience, permission, _ := strings.Cut(n, "#")
		permissions = append(permissions, domain.RolePermission{Audience: audience, Permission: permission})
	}
	return permissions
}

// AddClient makes a client and returns its secret too; a public client has none.
func (r *Replica) AddClient(t *testing.T, client domain.Client) (domain.Client, string) {
	t.Helper()
	added, secret, err := r.Registry.CreateClient(eventtest.Context(t), client)
	Must(t, err)
	return added, secret
}

// AddService makes a client that gets tokens for itself, for APIs.
func (r *Replica) AddService(t *testing.T, id string, audiences ...string) (domain.Client, string) {
	t.Helper()
	client := domain.Client{ClientID: id, GrantTypes: []string{domain.GrantClientCredentials}}
	for _, a := range audiences {
		client.APIs = append(client.APIs, domain.ClientAPI{Audience: a})
	}
	return r.AddClient(t, client)
}

// AddUser makes a user, without a password if that is empty.
func (r *Replica) AddUser(t *testing.T, username, password string) domain.User {
	t.Helper()
	return r.AddPerson(t, domain.User{Username: username}, password)
}

// AddPerson is AddUser with more than a username.
func (r *Replica) AddPerson(t *testing.T, user domain.User, password string) domain.User {
	t.Helper()
	var credential directory.Credential
	if password != "" {
		credential = r.Passwords.New(password)
	}
	user, err := r.Directory.CreateUser(eventtest.Context(t), user, credential)
	Must(t, err)
	return user
}

// AssignRole gives a role, until a time or, if that is zero, until it is taken away.
func (r *Replica) AssignRole(t *testing.T, role string, kind domain.SubjectKind, subject string, until time.Time) {
	t.Helper()
	Must(t, r.Directory.Assign(eventtest.Context(t), domain.Assignment{Role: role, SubjectKind: kind, Subject: subject, ExpiresAt: until}))
}
