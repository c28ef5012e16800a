// Package policy keeps the policies of APIs, and decides by them what subjects may do.
package policy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/statistics"
)

// keptVersions is how many versions of a policy are kept.
const keptVersions = 50

// Store keeps policies. Every method that changes something bumps the revision and names the policy, in the transaction that ctx carries
// or in one of its own. All return domain.ErrNotFound if there is no such API.
type Store interface {
	// FindPolicy finds an API's policy; one of number 0 if the API has none.
	FindPolicy(ctx context.Context, audience string) (domain.Policy, error)
	// HoldPolicy is FindPolicy that keeps others from changing the policy until the transaction ends.
	HoldPolicy(ctx context.Context, audience string) (domain.Policy, error)
	// SavePolicy adds a version, which decides from now on, and deletes all but the newest ones that are to be kept.
	SavePolicy(ctx context.Context, audience string, v domain.PolicyVersion, keep int64) (number int64, err error)
	// ActivatePolicy lets another version decide. ErrNotFound also if there is none of the number.
	ActivatePolicy(ctx context.Context, audience string, number int64, now time.Time) error
	// DeletePolicy deletes all versions; those that follow have other numbers. ErrNotFound also if there is none.
	DeletePolicy(ctx context.Context, audience string, now time.Time) error
	// ListPolicyVersions lists the versions without their texts, the newest first.
	ListPolicyVersions(ctx context.Context, audience string) ([]domain.PolicyVersion, error)
	// PolicyTexts returns the texts that decide, by audience, of those APIs that have a policy.
	PolicyTexts(ctx context.Context, audiences []string) (map[string]string, error)
	// FindPolicyVersion finds a version. ErrNotFound also if there is none of the number.
	FindPolicyVersion(ctx context.Context, audience string, number int64) (domain.PolicyVersion, error)
}

// Subjects finds users by the "sub" of tokens.
type Subjects interface {
	// UserOfSubject returns the database id of a user. ErrNotFound if there is none.
	UserOfSubject(ctx context.Context, subject string) (int64, error)
}

// Config is what a Service is made of.
type Config struct {
	Store         Store
	Subjects      Subjects
	Resources     Resources
	Candidates    Candidates
	Registry      *registry.Registry
	Directory     *directory.Directory
	Keys          *keys.Keys
	Issuer        string
	Introspection *introspection.Service
	Cache         *cache.Cache
	CacheSize     int // of users
	Events        *event.Recorder
	Counters      *statistics.Counters
	Now           func() time.Time
}

// Service keeps policies and decides. Every change is recorded in the audit log, in its own transaction.
type Service struct {
	Config
	users *lru.Cache[string, int64] // by "sub", which a user keeps for ever
}

// New makes a Service.
func New(c Config) (*Service, error) {
	users, err := lru.New[string, int64](c.CacheSize)
	if err != nil {
		return nil, fmt.Errorf("make the cache of subjects: %w", err)
	}
	return &Service{c, users}, nil
}

// Find reads an API's policy from the database; one of number 0 if the API has none. ErrNotFound if there is no such API.
func (s *Service) Find(ctx context.Context, audience string) (domain.Policy, error) {
	found, err := s.Store.FindPolicy(ctx, audience)
	if err != nil {
		return domain.Policy{}, fmt.Errorf("policy of %q: %w", audience, err)
	}
	return found, nil
}

// Set makes the text that edit returns the API's policy. edit gets the policy as it is in the transaction of the change, and may run again;
// what it fails with ends the change. The same text changes nothing. ErrNotFound if there is no such API, decision.Problems, which are an
// ErrInvalid, if the text is no policy.
func (s *Service) Set(ctx context.Context, audience string, edit func(domain.Policy) (string, error)) (domain.Policy, error) {
	return s.update(ctx, audience, func(ctx context.Context, now domain.Policy) (event.Event, error) {
		text, err := edit(now)
		if err != nil {
			return nil, err
		}
		compiled, err := decision.Compile(text)
		if err != nil || now.Number > 0 && text == now.Text {
			return nil, err
		}
		v := domain.PolicyVersion{Text: text, Author: string(event.ActorOf(ctx)), CreatedAt: s.Now()}
		number, err := s.Store.SavePolicy(ctx, audience, v, keptVersions)
		sum := sha256.Sum256([]byte(text))
		return event.PolicySaved{Audience: audience, Number: number, Rules: len(compiled.Rules()), SHA256: hex.EncodeToString(sum[:])}, err
	})
}

// Rollback lets another version decide. check gets the policy as Set's edit does. ErrNotFound if there is no such API or version,
// ErrInvalid if this version of Signet does not take it any more.
func (s *Service) Rollback(ctx context.Context, audience string, number int64, check func(domain.Policy) error) (domain.Policy, error) {
	return s.update(ctx, audience, func(ctx context.Context, now domain.Policy) (event.Event, error) {
		if err := check(now); err != nil {
			return nil, err
		}
		v, err := s.Store.FindPolicyVersion(ctx, audience, number)
		if err != nil {
			return nil, fmt.Errorf("version %d: %w", number, err)
		}
		if v.Active {
			return nil, nil
		}
		if _, err := decision.Compile(v.Text); err != nil {
			return nil, err
		}
		return event.PolicyRolledBack{Audience: audience, From: now.Number, Number: number}, s.Store.ActivatePolicy(ctx, audience, number, s.Now())
	})
}

// Delete deletes a policy with all its versions: the API's permissions decide. ErrNotFound if there is no such API, or it has no policy.
func (s *Service) Delete(ctx context.Context, audience string, check func(domain.Policy) error) error {
	_, err := s.update(ctx, audience, func(ctx context.Context, now domain.Policy) (event.Event, error) {
		if err := check(now); err != nil {
			return nil, err
		}
		return event.PolicyDeleted{Audience: audience, Number: now.Number}, s.Store.DeletePolicy(ctx, audience, s.Now())
	})
	return err
}

// update makes a change of a policy, and returns the policy as stored.
func (s *Service) update(ctx context.Context, audience string, change func(context.Context, domain.Policy) (event.Event, error)) (stored domain.Policy, err error) {
	err = s.Events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		now, err := s.Store.HoldPolicy(ctx, audience)
		if err != nil {
			return nil, err
		}
		changed, err := change(ctx, now)
		if err != nil {
			return nil, err
		}
		stored, err = s.Store.FindPolicy(ctx, audience)
		return changed, err
	})
	if err != nil {
		return domain.Policy{}, fmt.Errorf("policy of %q: %w", audience, err)
	}
	return stored, nil
}

// Versions lists the versions that are kept, without their texts, the newest first. ErrNotFound if there is no such API.
func (s *Service) Versions(ctx context.Context, audience string) ([]domain.PolicyVersion, error) {
	versions, err := s.Store.ListPolicyVersions(ctx, audience)
	if err != nil {
		return nil, fmt.Errorf("policy of %q: %w", audience, err)
	}
	return versions, nil
}

// Version finds a version that is kept. ErrNotFound if there is no such API or version.
func (s *Service) Version(ctx context.Context, audience string, number int64) (domain.PolicyVersion, error) {
	v, err := s.Store.FindPolicyVersion(ctx, audience, number)
	if err != nil {
		return domain.PolicyVersion{}, fmt.Errorf("version %d of the policy of %q: %w", number, audience, err)
	}
	return v, nil
}

// Texts returns the texts that decide, by audience, of those APIs that have a policy.
func (s *Service) Texts(ctx context.Context, audiences []string) (map[string]string, error) {
	texts, err := s.Store.PolicyTexts(ctx, audiences)
	if err != nil {
		return nil, fmt.Errorf("read the policies: %w", err)
	}
	return texts, nil
}

// compiled is an entry of the cache.
type compiled struct {
	number int64
	text   string
	policy *decision.Policy
	reads  bool // properties of the resource
}

// compiled is an API's policy from the cache; that of permissions alone if it has none. ErrNotFound if there is no such API.
func (s *Service) compiled(ctx context.Context, audience string) (*compiled, error) {
	return cache.Get(ctx, s.Cache, domain.ChangePolicy, audience, func(ctx context.Context) (*compiled, error) {
		found, err := s.Store.FindPolicy(ctx, audience)
		if err != nil {
			return nil, err
		}
		if found.Number == 0 {
			return &compiled{policy: decision.Permissions}, nil
		}
		policy, err := decision.Compile(found.Text)
		if err != nil {
			// Not ErrInvalid: it is not the caller's fault.
			return nil, fmt.Errorf("this version of Signet does not take version %d of the policy of %q: %v", found.Number, audience, err)
		}
		return &compiled{found.Number, found.Text, policy, policy.Reads("resource.properties")}, nil
	})
}
