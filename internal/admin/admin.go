// Package admin is every operation by which Signet is managed, once: it decides whether the caller may, makes the change and
// records it, in one call. The command line, the admin API and the pages are thin on top of it.
package admin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/audit"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/config"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/policy"
	"github.com/signet-auth/signet/internal/registration"
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/secevent"
	"github.com/signet-auth/signet/internal/session"
	"github.com/signet-auth/signet/internal/signin"
	"github.com/signet-auth/signet/internal/statistics"
	"github.com/signet-auth/signet/internal/token"
)

// Config is what a Service is made of.
type Config struct {
	Directory     *directory.Directory
	Passwords     *signin.Passwords
	Links         *signin.PasswordLinks
	Sessions      *session.Sessions
	Registry      *registry.Registry
	Registrations *registration.Service
	Policies      *policy.Service
	Receivers     *secevent.Service
	Index         *index.Index
	Names         index.Resolver
	Revocation    *revocation.Service
	Introspection *introspection.Service
	Keys          *keys.Keys
	Minter        *token.Minter
	JWKSMaxAge    time.Duration // for how long services may cache the JWKS
	IDTTL         time.Duration // of ID tokens
	RotateEvery   time.Duration // for how long a key signs
	Audit         *audit.Log
	Statistics    *statistics.Service
	Attention     Attention
	Settings      []config.Setting
	Issuer        string
	Cache         *cache.Cache
	Events        *event.Recorder
	Files         Files
	Named         Named
	Requests      Requests
	Sealer        Sealer
	CursorKey     []byte // authenticates cursors, 32 bytes
	RequestKey    []byte // tells requests with a key apart, 32 bytes
	Now           func() time.Time
}

// Service has a method for each operation. Every method returns a DeniedError, which is a domain.ErrDenied, if the caller lacks
// the operation's permission; the zero Caller lacks them all.
type Service struct {
	config   Config
	refusals *event.Bounded
	live     liveCache
}

// New makes a Service.
func New(c Config) *Service {
	return &Service{config: c, refusals: event.NewBounded(c.Events, refusalsAtOnce, refusalsEvery)}
}

// Refused calls are recorded, so many at once and then one in a time, so that a flood of them cannot fill the log.
const (
	refusalsAtOnce = 20
	refusalsEvery  = 30 * time.Second
)

// DeniedError says that a caller lacks a permission of urn:signet:admin.
type DeniedError struct{ Operation, Permission string }

func (e *DeniedError) Error() string {
	if e.OfTarget() {
		return fmt.Sprintf("%s: %v: it concerns what has the permission %s of %s", e.Operation, domain.ErrDenied, e.Permission, domain.AdminAudience)
	}
	return fmt.Sprintf("%s: %v: it needs the permission %s of %s", e.Operation, domain.ErrDenied, e.Permission, domain.AdminAudience)
}

// Unwrap makes it a domain.ErrDenied.
func (e *DeniedError) Unwrap() error { return domain.ErrDenied }

// OfTarget reports whether the permission is not that of the operation, but one that its target has: a user, client, role or group.
func (e *DeniedError) OfTarget() bool { return e.Permission != permissionOf(e.Operation) }

// authorize lets a caller who may run an operation go on, under a ctx that names the caller as the actor.
func (s *Service) authorize(ctx context.Context, caller authn.Caller, operation string) (context.Context, error) {
	permission := permissionOf(operation)
	if permission == "" {
		return nil, fmt.Errorf("operation %q is not declared", operation)
	}
	return event.WithActor(ctx, caller.Actor()), s.require(ctx, caller, operation, permission)
}

// require refuses a caller who lacks one of the permissions, and records that.
func (s *Service) require(ctx context.Context, caller authn.Caller, operation string, permissions ...string) error {
	return s.recordDenied(ctx, caller, lacks(caller, operation, permissions))
}

// lacks is a DeniedError for the first permission that the caller lacks.
func lacks(caller authn.Caller, operation string, permissions []string) error {
	for _, permission := range permissions {
		if !caller.May(permission) {
			return &DeniedError{operation, permission}
		}
	}
	return nil
}

// recordDenied records err if it is a DeniedError, outside the transaction that it ended, and returns it.
func (s *Service) recordDenied(ctx context.Context, caller authn.Caller, err error) error {
	denied, ok := errors.AsType[*DeniedError](err)
	if !ok || isWithin(ctx) || caller.IsZero() { // there is nobody to name
		return err
	}
	failed := s.refusals.Record(event.WithActor(ctx, caller.Actor()), func(omitted int64) event.Event {
		return event.ManagementRefused{Operation: denied.Operation, Permission: denied.Permission, Omitted: omitted}
	})
	if failed != nil {
		return failed
	}
	return err
}

type withinKey struct{}

// within marks a ctx within a transaction of several operations: who is refused there is recorded after it, and the cache is not refreshed,
// which would wait for another connection.
func within(ctx context.Context) context.Context { return context.WithValue(ctx, withinKey{}, true) }

func isWithin(ctx context.Context) bool { return ctx.Value(withinKey{}) != nil }

// sameVersion refuses to edit an object that is not the one that the author of the edit saw; nil stands for any.
func sameVersion(seen *int64, current int64) error {
	if seen != nil && *seen != current {
		return domain.ErrConflict
	}
	return nil
}

// list shows objects of a list.
func list[T, V any](objects []T, err error, show func(T) V) ([]V, error) {
	if err != nil {
		return nil, err
	}
	shown := make([]V, len(objects))
	for i, o := range objects {
		shown[i] = show(o)
	}
	return shown, nil
}

// array makes nil an empty list, so that JSON shows [].
func array(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
