// Package session keeps browser sessions, and what users allowed clients to ask for.
package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const (
	tokenBytes     = 32
	touchInterval  = time.Minute
	userAgentBytes = 255
)

// Limits say how long a session lasts. Both are positive.
type Limits struct {
	Idle     time.Duration // without a request
	Lifetime time.Duration // at most, whatever happens
}

// Sessions is the service.
type Sessions struct {
	store    Store
	consents Consents
	revoker  Revoker
	events   *event.Recorder
	clock    *clock.Clock
	now      func() time.Time
	lim      Limits
}

// Config is what Sessions is made of.
type Config struct {
	Store    Store
	Consents Consents
	Revoker  Revoker
	Events   *event.Recorder
	Clock    *clock.Clock
	Now      func() time.Time
	Limits   Limits
}

// New makes the service.
func New(c Config) *Sessions {
	return &Sessions{store: c.Store, consents: c.Consents, revoker: c.Revoker, events: c.Events, clock: c.Clock, now: c.Now, lim: c.Limits}
}

// Start begins a session of a user who has just signed in. The token is the cookie's
// value, 256 random bits in base64url; the store learns only its SHA-256.
// ErrReferenced if the user was deleted.
func (s *Sessions) Start(ctx context.Context, a domain.Authentication, userAgent, ip string) (string, domain.Session, error) {
	secret := make([]byte, tokenBytes)
	rand.Read(secret) // never fails
	token := base64.RawURLEncoding.EncodeToString(secret)

	now := s.now()
	session := domain.Session{
		Hash:       hash(token),
		UserID:     a.User.ID,
		AuthTime:   a.At,
		ACR:        a.ACR,
		AMR:        a.Methods,
		UserAgent:  domain.ClipText(userAgent, userAgentBytes),
		IP:         ip,
		CreatedAt:  now,
		LastSeenAt: now,
		ExpiresAt:  now.Add(s.lim.Lifetime),
	}
	ctx = event.WithActor(ctx, event.User(a.User.Username))
	started := event.SessionStarted{Session: session.SID(), AMR: a.Methods, IP: ip, Via: a.Via}
	err := s.events.Change(ctx, started, func(ctx context.Context) (err error) {
		session.ID, err = s.store.InsertSession(ctx, session)
		return err
	})
	if err != nil {
		return "", domain.Session{}, fmt.Errorf("start a session of %q: %w", a.User.Username, err)
	}
	return token, session, nil
}

// Find returns the live session that the token belongs to, and notes that it was seen, once a minute at most.
// ErrNotFound if there is none, or it has ended, was idle for too long or is past its end.
func (s *Sessions) Find(ctx context.Context, token string) (domain.Session, error) {
	session, err := s.store.FindSession(ctx, hash(token))
	if err != nil {
		return domain.Session{}, fmt.Errorf("find a session: %w", err)
	}
	now := s.now()
	if !s.live(session, now) {
		return domain.Session{}, fmt.Errorf("session %d is over: %w", session.ID, domain.ErrNotFound)
	}
	if now.Sub(session.LastSeenAt) >= touchInterval {
		if err := s.store.TouchSession(ctx, session.ID, now); err != nil {
			return domain.Session{}, fmt.Errorf("touch session %d: %w", session.ID, err)
		}
		session.LastSeenAt = now
	}
	return session, nil
}

// Confirm returns ErrNotFound if a session, by database id, is over. It is not noted as seen.
func (s *Sessions) Confirm(ctx context.Context, id int64) error {
	session, err := s.store.FindSessionByID(ctx, id)
	if err == nil && !s.live(session, s.now()) {
		err = domain.ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("confirm session %d: %w", id, err)
	}
	return nil
}

func (s *Sessions) live(session domain.Session, now time.Time) bool {
	return session.EndedAt.IsZero() &&
		now.Before(session.ExpiresAt) &&
		now.Before(session.LastSeenAt.Add(s.lim.Idle))
}

func hash(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}
