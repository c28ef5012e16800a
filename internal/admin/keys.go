package admin

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// Key is a signing key.
type Key struct {
	KID         string          `json:"kid"`
	Alg         string          `json:"alg"`
	State       domain.KeyState `json:"state" enum:"next,active,retired,revoked"`
	CreatedAt   time.Time       `json:"created_at"`
	ActivatedAt time.Time       `json:"activated_at,omitzero"`
	RetiredAt   time.Time       `json:"retired_at,omitzero"`
	RevokedAt   time.Time       `json:"revoked_at,omitzero"`
	RotatesAt   time.Time       `json:"rotates_at,omitzero" doc:"When servers put the next key in the place of this active one"`
}

func (s *Service) showKey(k domain.SigningKey) Key {
	shown := Key{
		KID: k.KID, Alg: k.Alg, State: k.State, CreatedAt: k.CreatedAt,
		ActivatedAt: k.ActivatedAt, RetiredAt: k.RetiredAt, RevokedAt: k.RevokedAt,
	}
	if k.State == domain.KeyActive {
		shown.RotatesAt = k.ActivatedAt.Add(s.config.RotateEvery)
	}
	return shown
}

// FindKey shows a signing key. domain.ErrNotFound if there is none of the kid.
func (s *Service) FindKey(ctx context.Context, caller authn.Caller, kid string) (Key, error) {
	ctx, err := s.authorize(ctx, caller, "key.find")
	if err != nil {
		return Key{}, err
	}
	stored, err := s.config.Keys.Find(ctx, kid)
	return s.showKey(stored), err
}

// KeyFilter chooses keys that fulfil all that is given.
type KeyFilter struct {
	Alg    string          // empty: any
	State  domain.KeyState // empty: any
	Search string          // what the kid begins with, whatever the case
}

func (f KeyFilter) chooses(k domain.SigningKey) bool {
	return (f.Alg == "" || k.Alg == f.Alg) && (f.State == "" || k.State == f.State) &&
		len(k.KID) >= len(f.Search) && strings.EqualFold(k.KID[:len(f.Search)], f.Search)
}

// ListKeys lists the signing keys that a filter chooses, the oldest first.
func (s *Service) ListKeys(ctx context.Context, caller authn.Caller, f KeyFilter) ([]Key, error) {
	ctx, err := s.authorize(ctx, caller, "key.list")
	if err != nil {
		return nil, err
	}
	stored, err := s.config.Keys.List(ctx)
	stored = slices.DeleteFunc(slices.Clone(stored), func(k domain.SigningKey) bool { return !f.chooses(k) })
	return list(stored, err, s.showKey)
}

// RotateKeys retires the active keys of algorithms, of all that sign if none is given, all or none, and returns those that sign from now on,
// although they may not have been published for JWKSMaxAge if it is forced. The errors of keys.Rotate.
func (s *Service) RotateKeys(ctx context.Context, caller authn.Caller, algs []string, force bool) ([]Key, error) {
	prepared, err := s.PrepareRotation(ctx, caller, algs)
	if err != nil {
		return nil, err
	}
	return s.RotatePrepared(ctx, caller, prepared, force)
}

// PreparedRotation has the keys that become the next ones.
type PreparedRotation struct{ spares []domain.SigningKey }

// PrepareRotation is the part of RotateKeys that takes its time, and is not for a transaction.
func (s *Service) PrepareRotation(ctx context.Context, caller authn.Caller, algs []string) (PreparedRotation, error) {
	ctx, err := s.authorize(ctx, caller, "key.rotate")
	if err != nil {
		return PreparedRotation{}, err
	}
	spares, err := s.config.Keys.Spares(ctx, algs)
	return PreparedRotation{spares}, err
}

// RotatePrepared is the other part of RotateKeys.
func (s *Service) RotatePrepared(ctx context.Context, caller authn.Caller, p PreparedRotation, force bool) ([]Key, error) {
	ctx, err := s.authorize(ctx, caller, "key.rotate")
	if err != nil {
		return nil, err
	}
	published := s.config.JWKSMaxAge
	if force {
		published = 0
	}
	signs, err := s.config.Keys.RotateWith(ctx, p.spares, published)
	return list(signs, err, s.showKey)
}

// RevokeKey revokes a key and all that it signed. The replacement's KID is empty unless the key was the active one. The errors of
// keys.Revoke.
func (s *Service) RevokeKey(ctx context.Context, caller authn.Caller, kid string) (replacement Key, begun domain.Revocation, err error) {
	if ctx, err = s.authorize(ctx, caller, "key.revoke"); err != nil {
		return replacement, begun, err
	}
	signs, begun, err := s.config.Keys.Revoke(ctx, kid)
	return s.showKey(signs), begun, err
}
