package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminapi"
	"github.com/signet-auth/signet/internal/adminui"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/forwardauth"
	"github.com/signet-auth/signet/internal/interaction"
	"github.com/signet-auth/signet/internal/limits"
	"github.com/signet-auth/signet/internal/login"
	"github.com/signet-auth/signet/internal/metrics"
	"github.com/signet-auth/signet/internal/oauth"
	"github.com/signet-auth/signet/internal/page"
	"github.com/signet-auth/signet/internal/pdp"
	"github.com/signet-auth/signet/internal/readiness"
	"github.com/signet-auth/signet/internal/registration"
	"github.com/signet-auth/signet/internal/ssf"
	"github.com/signet-auth/signet/internal/store"
	"github.com/signet-auth/signet/internal/wellknown"
)

const (
	setupLinkLifetime = 24 * time.Hour
	shutdownTimeout   = 10 * time.Second
	prepareTimeout    = 5 * time.Second

	settleTime = 5 * time.Second // after which each job ran once

	gcPercent = 300 // the live heap is small, so that a larger limit costs little memory and saves collections
)

// prepare creates partitions of the index, so that the first requests need not.
func (s *Services) prepare(ctx context.Context, log *slog.Logger) {
	bounded, cancel := context.WithTimeout(ctx, prepareTimeout)
	defer cancel()
	if err := s.DB.PreparePartitions(bounded, s.now(), time.Time{}); err != nil {
		log.WarnContext(ctx, "the index is not prepared for the next day", "error", err)
	}
}

// Run serves, as a version of the program, until ctx ends, then finishes the requests in progress. The address and the setup link are written to out.
func Run(ctx context.Context, cfg config.Config, version string, out io.Writer, log *slog.Logger) error {
	log = slog.New(newBoundedLog(log.Handler()))
	s, err := Open(ctx, cfg, ModeServe)
	if err != nil {
		return err
	}
	defer s.Close()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if err := s.Keys.Ensure(ctx); err != nil {
		return err
	}
	if hosts := store.ClearHosts(string(cfg.Database)); len(hosts) > 0 {
		log.WarnContext(ctx, "connections to the database may be without TLS: who is between can read and change all that Signet stores; "+
			"add sslmode=verify-full to its URL", "hosts", hosts)
	}
	s.prepare(ctx, log)
	s.Statistics.Version = version
	s.Events.Log, s.Statuses.Log, s.SignIn.Log, s.Logouts.Log, s.Registrations.Log = log, log, log, log, log
	s.Ready = s.readiness(cfg, log)
	var notice string
	if s.certificates, notice, err = s.openCertificates(ctx, cfg, log); err != nil {
		return err
	}
	if s.certificates != nil {
		defer s.certificates.stop(context.WithoutCancel(ctx))
		s.Ready.Add("certificate", func(context.Context) error { return s.certificates.check() })
	}
	if cfg.Metrics.Listen != "" {
		s.metrics = metrics.New(s.figures(cfg))
	}
	if s.tracer, err = openTracer(ctx, cfg.Tracing, version, log); err != nil {
		return err
	}
	if s.tracer != nil {
		defer s.tracer.Stop(ctx)
		s.Events.Tracer = s.tracer
	}
	handler, envoy, err := s.handler(cfg, log)
	if err != nil {
		return err
	}
	drain := &drain{wait: cfg.Drain, ready: s.Ready}
	listeners, err := openListeners(cfg, s.certificates, drain.handler(handler), envoy, s.metrics, log)
	if err != nil {
		return err
	}
	defer listeners.close()
	for _, bounded := range []*connections{listeners.connections, listeners.ofEnvoy} {
		bounded.refused = func() { s.refused(limits.KindConns) }
	}
	welcome, err := s.welcome(event.WithActor(ctx, event.System), cfg.Issuer)
	if err != nil {
		return err
	}
	time.AfterFunc(settleTime, releaseMemory) // a replica that idles would keep it
	fmt.Fprintf(out, "Signet is at %s (%s, database %s)\n%s%s", cfg.Issuer, listeners, cfg.Database, notice, welcome)
	if err := notify("READY=1"); err != nil {
		log.WarnContext(ctx, "systemd does not hear that the server has started", "error", err)
	}
	context.AfterFunc(ctx, func() { _ = notify("STOPPING=1") }) // it has asked for that
	err = s.serve(drain.after(ctx), cfg, listeners, log)
	s.stopStatistics(ctx, log)
	return err
}

func (s *Services) serve(ctx context.Context, cfg config.Config, listeners *listeners, log *slog.Logger) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, l := range listeners.all {
		group.Go(func() error { return l.serve(ctx, log) })
	}
	system := event.WithActor(ctx, event.System)
	group.Go(func() error { s.Events.Run(system); return nil })
	jobs := s.jobs(cfg, log)
	if s.certificates != nil {
		jobs = append(append(jobs, s.certificates.jobs(log)...), warnOfExpiry(s.certificates.shown, s.now, log))
	}
	if s.metrics != nil {
		s.runs.watch(jobs, s.now)
	}
	traceJobs(jobs, s.tracer)
	for _, j := range jobs {
		group.Go(func() error { j.run(system, log); return nil })
	}
	group.Go(func() error {
		s.DB.Listen(ctx, func() {
			s.Events.Wake()
			for _, j := range jobs {
				j.wake()
			}
		})
		return nil
	})
	return group.Wait()
}

// handler is the surfaces under the path of the issuer, with what goes with every request; envoy is what Envoy asks elsewhere.
func (s *Services) handler(cfg config.Config, log *slog.Logger) (_, envoy http.Handler, err error) {
	mux, pages, proxies, err := s.mount(cfg, log)
	if err != nil {
		return nil, nil, err
	}
	bounded := limited(limitsOf(cfg), boundPages(pages, s.Limits.Pages, s.now, mux))
	handler := observed(s.metrics, s.tracer, fromProxies(cfg.TrustedProxies), recovered(log, logged(log, s.Probe().answering(cfg.TrustedProxies, s.now, realAddress(cfg.TrustedProxies, under(cfg.Issuer, bounded))))))
	// Every client of the address for Envoy counts as a trusted proxy.
	envoy = identified(nil, observed(s.metrics, s.tracer, func(*http.Request) bool { return true }, recovered(log, logged(log, limited(limitsOf(cfg), proxies.ExtAuthz(judged))))))
	return secured(cfg.Issuer, identified(cfg.TrustedProxies, handler)), envoy, nil
}

// limitsOf says how long a request of a path may take: a little more than the database timeout, so that the error is still answered.
func limitsOf(cfg config.Config) func(path string) time.Duration {
	limit := cfg.DatabaseTimeout + 300*time.Millisecond
	return func(path string) time.Duration {
		switch path {
		case "/oauth2/authorize", "/oauth2/token":
			if cfg.SelfRegistration.MetadataDocuments != registration.Nobody {
				return limit + registration.FetchTimeout
			}
		case domain.AdminPath + "/apply": // a large transaction, and its answer within writeTimeout
			return max(limit, writeTimeout-5*time.Second)
		}
		return limit
	}
}

// mount mounts the surfaces, each on paths that begin with one of domain.OwnPaths.
func (s *Services) mount(cfg config.Config, log *slog.Logger) (*http.ServeMux, *page.Pages, *forwardauth.Surface, error) {
	pages, err := page.New(page.Config{
		Issuer: cfg.Issuer, HashKey: s.secret.Derive("cookie hash", 32), BlockKey: s.secret.Derive("cookie block", 32),
		Sessions: s.Sessions, Directory: s.Directory, Now: s.now, Log: log,
	})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("prepare the pages: %w", err)
	}
	sealer, err := interaction.NewSealer(s.secret.Derive("interactions", 32), s.now)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("prepare the interactions: %w", err)
	}
	callers := authn.NewSessions(s.Directory, s.Cache)
	signIn := login.New(login.Config{
		Issuer: cfg.Issuer,
		Pages:  pages, Sealer: sealer, SignIn: s.SignIn, Passwords: s.Passwords, Links: s.Links, Sessions: s.Sessions, Directory: s.Directory,
		Registry: s.Registry, Callers: callers, Devices: s.Devices, Now: s.now, Log: log,
	})
	bearer := authn.NewBearer(s.Introspection)
	bearer.Failures = s.Limits.Failures
	provider := oauth.New(oauth.Config{
		Issuer: cfg.Issuer, Secret: s.secret.Derive("codes and refresh tokens", 32),
		AccessTTL: cfg.Tokens.AccessTTL, IDTTL: cfg.Tokens.IDTTL, CodeTTL: cfg.Tokens.CodeTTL,
		RefreshIdleTTL: cfg.Tokens.RefreshIdleTTL, RefreshAbsoluteTTL: cfg.Tokens.RefreshAbsoluteTTL,
		RefreshOverlap: cfg.Tokens.RefreshOverlap,
		Clients:        s.Clients, Bearer: bearer,
		Transactions: s.DB, Grants: s.DB, Credentials: s.DB, Keys: s.Keys, Registry: s.Registry, Registrations: s.Registrations, Directory: s.Directory, Sessions: s.Sessions, Devices: s.Devices,
		Minter: s.Minter, Index: s.Index, Introspection: s.Introspection, Revocation: s.Revocation,
		Recorder: s.recorder, Pages: pages, Sealer: sealer, Cache: s.Cache, Counters: s.Statistics.Counters, Limits: s.Limits, Log: log, Now: s.now,
	})

	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", readiness.ServeHealth)
	mux.HandleFunc("GET /readyz", s.Ready.ServeReady)
	provider.Mount(mux)
	documents := &wellknown.Documents{
		Issuer: cfg.Issuer, GrantTypes: oauth.GrantTypes(), ResponseModes: oauth.ResponseModes, JWKSMaxAge: cfg.Keys.JWKSMaxAge, Keys: s.Keys,
		AdminScopes: admin.PermissionNames(), StreamScopes: []string{admin.ReadStream, admin.ManageStream}, Registration: cfg.SelfRegistration.Endpoint != registration.Nobody, MetadataDocuments: cfg.SelfRegistration.MetadataDocuments != registration.Nobody, Statuses: s.Statuses,
		Fetches: s.Statistics.Fetches, Cache: s.Cache, Log: log, Now: s.now,
	}
	documents.Mount(mux)
	signIn.Mount(mux)
	adminui.Mount(mux, adminui.Config{
		Issuer: cfg.Issuer, GrantTypes: oauth.GrantTypes(), Pages: pages, Sealer: sealer, Callers: callers, Admin: s.Admin, Limit: s.Limits.Admin,
		UndoKey: s.secret.Derive("what can be undone", 32), JWKSMaxAge: cfg.Keys.JWKSMaxAge, Now: s.now, Log: log,
	})
	ssf.Mount(mux, ssf.Config{
		Issuer: cfg.Issuer, Callers: bearer, Limits: s.Limits, Clients: s.Clients, Events: s.Events, Cache: s.Cache, Log: log, Now: s.now,
	})
	pdp.Mount(mux, pdp.Config{Issuer: cfg.Issuer, Callers: bearer, Limits: s.Limits, Clients: s.Clients, Admin: s.Admin, Policies: s.Policies, Cache: s.Cache, Log: log, Now: s.now})
	proxies, err := forwardauth.New(forwardauth.Config{
		Issuer: cfg.Issuer, Key: s.secret.Derive("sign-ins behind proxies", 32), Bearer: bearer, Codes: provider, Grants: s.DB, Sessions: s.Sessions,
		Registry: s.Registry, Directory: s.Directory, Policies: s.Policies, Minter: s.Minter, Cache: s.Cache, Log: log, Now: s.now,
	})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("prepare the answers to proxies: %w", err)
	}
	proxies.Mount(mux)
	adminapi.Mount(mux, adminapi.Config{Issuer: cfg.Issuer, Callers: bearer, Admin: s.Admin, Failed: adminapi.LogTo(log), Limit: s.Limits.Admin})
	return mux, pages, proxies, nil
}
