// Package session keeps browser sessions, and what users allowed clients to ask for.
package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/signet-auth/signet/internal/clock"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

const (
	tokenBytes     = 32
	sidBytes       = 8
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
	store        Store
	browsers     Browsers
	frontchannel Frontchannel
	consents     Consents
	lists        Lists
	revoker      Revoker
	events       *event.Recorder
	clock        *clock.Clock
	now          func() time.Time
	lim          Limits
}

// Config is what Sessions is made of.
type Config struct {
	Store        Store
	Browsers     Browsers
	Frontchannel Frontchannel
	Consents     Consents
	Lists        Lists
	Revoker      Revoker
	Events       *event.Recorder
	Clock        *clock.Clock
	Now          func() time.Time
	Limits       Limits
}

// New makes the service.
func New(c Config) *Sessions {
	return &Sessions{store: c.Store, browsers: c.Browsers, frontchannel: c.Frontchannel, consents: c.Consents, lists: c.Lists, revoker: c.Revoker, events: c.Events, clock: c.Clock, now: c.Now, lim: c.Limits}
}

// Browser is where a user signs in.
type Browser struct {
	Secret    string // that it keeps when somebody signs in, so that it has one session at most; empty: it has no other
	UserAgent string
	IP        string
}

// Start begins a session of a user who has just signed in. A session of this user in the browser is renewed instead: its grants stay, but
// only the new token opens it. Other sessions of the browser end. The token is the cookie's value, 256 random bits in base64url, of which
// the SHA-256 is stored. ErrReferenced if the user was deleted.
func (s *Sessions) Start(ctx context.Context, a domain.Authentication, b Browser) (token string, session domain.Session, err error) {
	secret := make([]byte, tokenBytes)
	rand.Read(secret) // never fails
	token = base64.RawURLEncoding.EncodeToString(secret)

	ctx = event.WithActor(ctx, event.User(a.User.Username))
	err = s.events.Update(ctx, func(ctx context.Context) (started event.Event, err error) {
		session, started, err = s.start(ctx, a, b, hash(token))
		return started, err
	})
	if err != nil {
		return "", domain.Session{}, fmt.Errorf("start a session of %q: %w", a.User.Username, err)
	}
	return token, session, nil
}

// start begins a session or renews that of the browser, in the transaction that ctx carries. That holds the audit log, so no other
// transaction begins, renews or ends a session meanwhile.
func (s *Sessions) start(ctx context.Context, a domain.Authentication, b Browser, hash []byte) (domain.Session, event.Event, error) {
	now := s.now()
	session := domain.Session{
		Hash:       hash,
		UserID:     a.User.ID,
		AuthTime:   a.At,
		ACR:        a.ACR,
		AMR:        a.Methods,
		UserAgent:  domain.ClipText(b.UserAgent, userAgentBytes),
		IP:         b.IP,
		CreatedAt:  now,
		LastSeenAt: now,
		ExpiresAt:  now.Add(s.lim.Lifetime),
	}
	if b.Secret != "" {
		session.Browser = hashBrowser(b.Secret)
		before, err := s.leave(ctx, session, now)
		if err != nil {
			return domain.Session{}, nil, err
		}
		if before.ID != 0 {
			session.ID, session.SID, session.CreatedAt = before.ID, before.SID, before.CreatedAt
			return session, event.SessionRenewed{Session: session.SID, AMR: a.Methods, IP: b.IP, Via: a.Via}, s.browsers.RenewSession(ctx, session)
		}
	}
	sid := make([]byte, sidBytes)
	rand.Read(sid) // never fails
	session.SID = hex.EncodeToString(sid)
	var err error
	session.ID, err = s.store.InsertSession(ctx, session)
	return session, event.SessionStarted{Session: session.SID, AMR: a.Methods, IP: b.IP, Via: a.Via}, err
}

// leave ends the sessions of a browser in which a session begins, but for the one that goes on, which it returns: its ID is zero if
// none does.
func (s *Sessions) leave(ctx context.Context, begins domain.Session, now time.Time) (before domain.Session, err error) {
	sessions, err := s.browsers.BrowserSessions(ctx, begins.Browser)
	if err != nil {
		return before, err
	}
	var others []domain.Session
	for _, session := range sessions {
		if before.ID == 0 && session.UserID == begins.UserID && s.live(session, now) {
			before = session
		} else {
			others = append(others, session)
		}
	}
	if len(others) == 0 {
		return before, nil
	}
	return before, s.end(ctx, now, others...)
}

// Find returns the live session that the token belongs to, and notes that it was seen, once a minute at most.
// ErrNotFound if there is none, or it has ended, was idle for too long or is past its end.
func (s *Sessions) Find(ctx context.Context, token string) (domain.Session, error) {
	session, err := s.store.FindSession(ctx, hash(token))
	if err != nil {
		return domain.Session{}, fmt.Errorf("find a session: %w", err)
	}
	return s.seen(ctx, session)
}

// Seen is Find by database id.
func (s *Sessions) Seen(ctx context.Context, id int64) (domain.Session, error) {
	session, err := s.store.FindSessionByID(ctx, id)
	if err != nil {
		return domain.Session{}, fmt.Errorf("find session %d: %w", id, err)
	}
	return s.seen(ctx, session)
}

func (s *Sessions) seen(ctx context.Context, session domain.Session) (domain.Session, error) {
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

func hashBrowser(secret string) []byte { return hash("session " + secret) }
