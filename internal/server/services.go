// Package server opens the services over one database, mounts the surfaces and runs the jobs.
package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/audit"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/device"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/limits"
	"github.com/signet-auth/signet/internal/logout"
	"github.com/signet-auth/signet/internal/metrics"
	"github.com/signet-auth/signet/internal/oauth"
	"github.com/signet-auth/signet/internal/policy"
	"github.com/signet-auth/signet/internal/readiness"
	"github.com/signet-auth/signet/internal/registration"
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/secevent"
	"github.com/signet-auth/signet/internal/session"
	"github.com/signet-auth/signet/internal/signin"
	"github.com/signet-auth/signet/internal/statistics"
	"github.com/signet-auth/signet/internal/status"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/token"
	"github.com/signet-auth/signet/internal/tracing"
)

// Mode is the purpose that services are opened for.
type Mode int

// The modes.
const (
	// ModeManage is for a command on the database. A SQLite database is created and migrated;
	// a Postgres one must be migrated already, since servers of another version may run on it.
	ModeManage Mode = iota
	// ModeServe is for a server: the database is migrated.
	ModeServe
	// ModeRead changes and makes nothing: ErrNotMigrated if the database is not there, or not as this program needs it.
	ModeRead
)

// ErrNotMigrated says that the schema of the database is older than this program.
var ErrNotMigrated = errors.New("the database is not up to date: run `signet migrate up`, or start the server, which does it too")

// Services is everything below the surfaces.
type Services struct {
	DB            *store.DB
	Clock         *clock.Clock
	Cache         *cache.Cache
	Audit         *audit.Log
	Admin         *admin.Service
	Statistics    *statistics.Service
	Limits        *limits.Limits
	Keys          *keys.Keys
	Registry      *registry.Registry
	Clients       *authn.Clients
	Registrations *registration.Service
	Directory     *directory.Directory
	Passwords     *signin.Passwords
	Links         *signin.PasswordLinks
	Sessions      *session.Sessions
	Devices       *device.Service
	Logouts       *logout.Service
	SignIn        *signin.Service
	Names         index.Resolver
	Index         *index.Index
	Revocation    *revocation.Service
	Minter        *token.Minter
	Introspection *introspection.Service
	Statuses      *status.Publisher
	Policies      *policy.Service
	Events        *secevent.Service

	Ready   *readiness.Checks // of a server
	metrics *metrics.Metrics  // of a server that shows some; nil: nothing
	runs    runs              // of jobs, where there are metrics
	tracer  *tracing.Tracer   // nil: nothing is traced

	recorder     *event.Recorder
	certificates certificates // of HTTPS; nil: a proxy speaks it

	secret    *keys.Master // the installation secret
	masterKey *keys.Master // opens the secret
	now       func() time.Time
	stop      context.CancelFunc
}

// commandPatience is how long a command waits for the write lock of a SQLite database beside a busy server, longer than a request.
const commandPatience = 10 * time.Second

// OpenDatabase connects to the configured database, making the folder of a SQLite one. It does not migrate.
func OpenDatabase(ctx context.Context, cfg config.Config) (*store.DB, error) {
	if path, ok := cfg.Database.SQLite(); ok {
		for _, file := range []string{path, path + "-wal", path + "-shm"} {
			if err := checkDatabaseFile(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
		}
	}
	return store.Open(ctx, string(cfg.Database), store.Options{
		MaxConns: cfg.DatabasePool.MaxConnections, OpTimeout: cfg.DatabaseTimeout,
	})
}

// Open opens the services. Close them in the end.
func Open(ctx context.Context, cfg config.Config, mode Mode) (*Services, error) {
	return open(ctx, cfg, mode, time.Now)
}

func open(ctx context.Context, cfg config.Config, mode Mode, now func() time.Time) (_ *Services, err error) {
	master, err := readMaster(ctx, cfg)
	if err != nil {
		return nil, err
	}
	path, onSQLite := cfg.Database.SQLite()
	if onSQLite && mode == ModeManage {
		cfg.DatabaseTimeout = max(cfg.DatabaseTimeout, commandPatience)
	}
	if mode == ModeRead && onSQLite && errors.Is(store.FindSQLite(path), store.ErrNoDatabase) {
		return nil, ErrNotMigrated
	}
	db, err := OpenDatabase(ctx, cfg)
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Services{DB: db, Clock: clock.New(db, now), now: now, stop: stop}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	if master == nil {
		if master, err = makeMaster(ctx, cfg, db, mode); err != nil {
			return nil, err
		}
	}
	if err := s.migrate(ctx, cfg, mode); err != nil {
		return nil, err
	}
	s.masterKey = master
	if s.secret, err = unlock(ctx, db, master, mode, now()); err != nil {
		return nil, err
	}
	if mode == ModeServe {
		if err := db.Recognize(ctx, now()); err != nil && !errors.Is(err, domain.ErrRestored) {
			return nil, err
		}
	}
	if s.Cache, err = cache.New(db, cfg.CacheSize); err != nil {
		return nil, err
	}
	chain := event.NewChain(s.secret.Derive("audit log", 32))
	recorder := event.NewRecorder(db, chain, now)
	s.recorder = recorder
	s.Audit = audit.New(db, chain, recorder, s.Clock, now)
	s.Index = index.New(running, db, s.Clock, now)
	s.Revocation = revocation.New(running, revocation.Config{
		Store: db, Statuses: db, Grants: db, Losses: db, Index: s.Index, Cache: s.Cache, Events: recorder, Now: now,
	})
	s.Keys = keys.New(db, s.Cache, recorder, s.Revocation, s.secret, s.Clock, now)
	s.Statistics = statistics.New(statistics.Config{
		Store: db, Counters: statistics.NewCounters(oauth.GrantTypes()), Fetches: statistics.NewFetches(now), Cache: s.Cache, Keys: s.Keys,
		Key: s.secret.Derive("verifiers", 32), Now: now,
	})
	s.Registry = registry.New(registry.Config{
		APIs: db, Permissions: db, Clients: db, Sets: db, Secrets: db, Trusts: db, Cache: s.Cache, Events: recorder, Revoker: s.Revocation, Keys: s.Keys, GrantTypes: oauth.GrantTypes(),
		SecretKey: s.secret.Derive("client secrets", 32), Issuer: cfg.Issuer, Now: now,
		Ceiling: cfg.SelfRegistration.Ceiling(), MetadataDocuments: cfg.SelfRegistration.MetadataDocuments != registration.Nobody,
	})
	shared := sharedLimits{db, s.Clock}
	s.Registrations = registration.New(registration.Config{
		Store: db, Limits: shared, Registry: s.Registry, Cache: s.Cache, Events: recorder, Issuer: cfg.Issuer, Clock: s.Clock, Now: now,
		Rules: registration.Rules{
			Documents: cfg.SelfRegistration.MetadataDocuments, Hosts: cfg.SelfRegistration.MetadataHosts,
			PrivateDocuments: cfg.SelfRegistration.MetadataPrivate, Endpoint: cfg.SelfRegistration.Endpoint,
			MaxClients: cfg.SelfRegistration.MaxClients, UnusedTTL: cfg.SelfRegistration.UnusedTTL,
		},
	})
	s.Clients = authn.NewClients(s.Registry, db, recorder, cfg.Issuer, now)
	s.Clients.Documents = s.Registrations
	s.Limits = limits.New(limits.Rates{
		FailuresPerAddress: cfg.Limits.FailuresPerAddress, PagesPerAddress: cfg.Limits.PagesPerAddress,
		RequestsPerClient: cfg.Limits.RequestsPerClient, RequestsPerUser: cfg.Limits.RequestsPerUser, AdminRequests: cfg.AdminAPI.RequestsPerSecond,
	}, shared, now, s.refused)
	s.Clients.Failures, s.Clients.Requests = s.Limits.Failures, s.Limits.Clients
	s.Directory = directory.New(directory.Config{
		Users: db, Attributes: db, Groups: db, Members: db, Roles: db, Assignments: db, Sets: db, Setup: db, Sessions: db,
		Cache: s.Cache, Events: recorder, Revoker: s.Revocation, Clock: s.Clock, Now: now,
	})
	s.Passwords = signin.NewPasswords(db, s.Directory, cfg.Passwords.MinLength, now)
	s.Links = signin.NewPasswordLinks(db, s.Passwords, s.Cache, cfg.Passwords.LinkTTL)
	s.Logouts = logout.New(db, s.Keys, s.subjects(), cfg.Issuer, now)
	s.Sessions = session.New(session.Config{
		Store: db, Browsers: db, Frontchannel: db, Consents: db, Lists: db, Revoker: s.Revocation, Events: recorder, Clock: s.Clock, Now: now,
		Limits: session.Limits{Idle: cfg.Sessions.Idle, Lifetime: cfg.Sessions.Lifetime},
	})
	s.Devices = device.New(device.Config{
		Store: shared, Grants: db, Events: recorder, Key: s.secret.Derive("codes of devices", 32),
		CodeTTL: cfg.Devices.CodeTTL, Interval: cfg.Devices.Interval, RefreshTTL: cfg.Tokens.RefreshAbsoluteTTL, Now: now,
	})
	s.SignIn, err = signin.New(signin.Config{
		Methods:      []signin.Method{s.Passwords},
		Transactions: db, Directory: s.Directory, Sessions: s.Sessions, Events: recorder, Counters: s.Statistics.Counters, Shared: shared, SharedKey: s.secret.Derive("sign-in limits", 32), Now: now,
	})
	if err != nil {
		return nil, err
	}
	s.openTokens(cfg, now)
	if s.Policies, err = policy.New(policy.Config{
		Store: db, Subjects: db, Resources: db, Candidates: db, Registry: s.Registry, Directory: s.Directory, Keys: s.Keys, Issuer: cfg.Issuer, Introspection: s.Introspection, Cache: s.Cache, CacheSize: cfg.CacheSize,
		Events: recorder, Counters: s.Statistics.Counters, Now: now,
	}); err != nil {
		return nil, err
	}
	s.Events = secevent.New(secevent.Config{
		Store: db, Outbox: db, Deliveries: db, Subjects: db, Keys: s.Keys, Master: s.secret, Registry: s.Registry, Directory: s.Directory, Cache: s.Cache, Recorder: recorder,
		Clock: s.Clock, Retention: cfg.Events.Retention, Issuer: cfg.Issuer, Now: now,
	})
	s.Admin = admin.New(admin.Config{
		Links: s.Links, Sessions: s.Sessions, Introspection: s.Introspection,
		Files: db, Named: db,
		Directory: s.Directory, Passwords: s.Passwords, Registry: s.Registry, Registrations: s.Registrations, Policies: s.Policies, Receivers: s.Events, Index: s.Index, Names: s.Names, Revocation: s.Revocation, Keys: s.Keys, Minter: s.Minter, JWKSMaxAge: cfg.Keys.JWKSMaxAge, IDTTL: cfg.Tokens.IDTTL, RotateEvery: cfg.Keys.RotateEvery,
		Audit: s.Audit, Statistics: s.Statistics, Attention: db, Settings: cfg.Settings(), Issuer: cfg.Issuer, Cache: s.Cache, Events: recorder, CursorKey: s.secret.Derive("cursors", 32),
		Requests: db, Sealer: s.secret, RequestKey: s.secret.Derive("keyed requests", 32), Now: now,
	})
	if mode != ModeRead {
		if err := s.sync(ctx); err != nil {
			return nil, err
		}
	}
	return s, s.Cache.Refresh(ctx)
}

// refused counts what a limit of a kind has refused.
func (s *Services) refused(kind string) { s.Statistics.Counters.Count(statistics.Limited + kind) }

// subjects derives the key of pairwise subjects. Clients keep them for ever.
func (s *Services) subjects() token.Subjects {
	return token.NewSubjects(s.secret.Derive("pairwise subjects", 32))
}

// syncPatience is how long replicas that start together wait for one another to write what is built in.
const syncPatience = 15 * time.Second

// sync brings built-in objects up to date. The database answered before, so if it does not now, others are writing.
func (s *Services) sync(ctx context.Context) error {
	patient, cancel := context.WithTimeout(ctx, syncPatience)
	defer cancel()
	for {
		err := s.Admin.Sync(patient)
		if err == nil || !domain.IsTemporary(err) || patient.Err() != nil {
			return err
		}
		select {
		case <-patient.Done():
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// openTokens opens the services that issue and introspect tokens.
func (s *Services) openTokens(cfg config.Config, now func() time.Time) {
	s.Names = index.Resolver{Users: s.Directory, Registry: s.Registry}
	s.Minter = token.New(token.Config{
		Keys: s.Keys, Directory: s.Directory, Statuses: status.NewAllocator(s.DB, s.secret.Derive("status lists", 32), now),
		Subjects: s.subjects(),
		Issuer:   cfg.Issuer, AccessTTL: cfg.Tokens.AccessTTL, MaxSize: cfg.Tokens.MaxSize, Now: s.Clock.IssuingTime,
	})
	s.Introspection = introspection.New(introspection.Config{
		Minter: s.Minter, Index: s.Index, Revocations: s.Revocation, Keys: s.Keys, Registry: s.Registry, Directory: s.Directory,
		Cache: s.Cache, Issuer: cfg.Issuer, Now: now,
	})
	s.Statuses = status.NewPublisher(s.DB, s.Keys, cfg.Issuer, cfg.Tokens.StatusTTL, now)
}

// Close ends what Open began.
func (s *Services) Close() {
	s.stop()
	s.DB.Close()
}

func (s *Services) migrate(ctx context.Context, cfg config.Config, mode Mode) error {
	if mode == ModeServe || mode == ModeManage && !cfg.Database.Postgres() {
		return s.DB.Migrate(ctx)
	}
	upToDate, err := s.DB.UpToDate(ctx)
	if err == nil && !upToDate {
		return ErrNotMigrated
	}
	return err
}

// welcome is printed when a server starts without an administrator: a link that makes one, once. If the link
// was used before, it says how to assign the role. Empty if there is an administrator.
func (s *Services) welcome(ctx context.Context, issuer string) (string, error) {
	needed, err := s.Directory.SetupNeeded(ctx)
	if err != nil || !needed {
		return "", err
	}
	secret, err := s.Directory.NewSetupLink(ctx, setupLinkLifetime)
	switch {
	case errors.Is(err, domain.ErrConsumed):
		return "There is no administrator any more. Make a user one with\n  signet assign " + domain.RoleAdministrator + " --user NAME\n", nil
	case err != nil:
		return "", fmt.Errorf("make the first administrator's link: %w", err)
	}
	return "There is no administrator yet. Make one within 24 hours, once, at\n  " + issuer + "/setup?token=" + secret + "\n", nil
}
