// Package device lets devices ask for tokens that a user allows in a browser elsewhere (RFC 8628), with the measures of RFC 10027.
package device

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/keys"
)

const (
	countEvery     = time.Second
	slower         = 5 * time.Second // for a device that polls too soon (RFC 8628 §3.5)
	collect        = time.Minute     // that a device has at least to get what was allowed
	maxCollisions  = 5               // of new user codes with those that there are
	userAgentBytes = 255

	eventsAtOnce, eventsEvery     = 100, time.Second     // of requests, which anybody can make
	refusalsAtOnce, refusalsEvery = 20, 30 * time.Second // of codes that were not tried
)

// Store keeps requests of devices. Its methods join the transaction that ctx carries.
type Store interface {
	// InsertDeviceRequest stores a request and returns its id. ErrExists if another has one of its codes.
	InsertDeviceRequest(ctx context.Context, r domain.DeviceRequest) (int64, error)
	// FindDeviceRequest returns ErrNotFound if there is none; one that expired or was answered is found. So do FindDeviceCode and
	// FindUserCode, by the hash of a code.
	FindDeviceRequest(ctx context.Context, id int64) (domain.DeviceRequest, error)
	FindDeviceCode(ctx context.Context, code []byte) (domain.DeviceRequest, error)
	FindUserCode(ctx context.Context, code []byte) (domain.DeviceRequest, error)
	// NoteDevicePoll notes a poll. One that comes too soon makes the interval longer.
	NoteDevicePoll(ctx context.Context, id int64, now time.Time, slower time.Duration) (tooSoon bool, err error)
	// AnswerDeviceRequest stores the answer of a request, with its new expiry. ErrConsumed if it was answered before, or had expired.
	AnswerDeviceRequest(ctx context.Context, r domain.DeviceRequest) error
	// UseDeviceRequest marks an allowed request as used, and locks its grant. ErrConsumed if it was used before, ErrNotFound if it was
	// not allowed.
	UseDeviceRequest(ctx context.Context, id int64, now time.Time) error
	// Spend counts one attempt in each limit, or in none: ErrBusy, and how long to wait, if it does not fit into one.
	Spend(ctx context.Context, now time.Time, limits ...domain.Limit) (wait time.Duration, err error)
}

// Grants keeps grants.
type Grants interface {
	Tx(ctx context.Context, fn func(ctx context.Context) error) error
	// HoldRevision keeps the revision from changing for the rest of the transaction.
	HoldRevision(ctx context.Context) (int64, error)
	// InsertGrant stores a grant and returns its id, in a transaction that holds the revision.
	InsertGrant(ctx context.Context, grant domain.Grant) (int64, error)
}

// Config is what a Service is made of.
type Config struct {
	Store      Store
	Grants     Grants
	Events     *event.Recorder
	Key        []byte        // codes are hashed under it, 32 bytes
	CodeTTL    time.Duration // of a request that nobody answers
	Interval   time.Duration // between two polls, at first
	RefreshTTL time.Duration // of a grant with a refresh token
	Now        func() time.Time
}

// Service is the service.
type Service struct {
	Config
	requested, refused *event.Bounded
}

// New makes the service.
func New(c Config) *Service {
	return &Service{
		Config: c, requested: event.NewBounded(c.Events, eventsAtOnce, eventsEvery), refused: event.NewBounded(c.Events, refusalsAtOnce, refusalsEvery),
	}
}

// Ask is what a device asks for, and from where.
type Ask struct {
	APIs      []domain.GrantAPI
	Nonce     string
	Remote    string // address of the request
	UserAgent string
}

// Codes are what a device is answered (RFC 8628 §3.2).
type Codes struct {
	DeviceCode string // 256 random bits and a MAC over them, see Issued
	UserCode   string // XXXX-XXXX
	ExpiresIn  time.Duration
	Interval   time.Duration
}

// Begin stores what a device of the client asks for. A domain.WaitError if too many ask.
func (s *Service) Begin(ctx context.Context, client *domain.Client, ask Ask) (Codes, error) {
	ctx = event.WithActor(ctx, event.Client(client.ClientID))
	codes := Codes{DeviceCode: s.newDeviceCode(), ExpiresIn: s.CodeTTL, Interval: s.Interval}
	now := s.Now()
	r := domain.DeviceRequest{
		DeviceCode: s.hash("device code", codes.DeviceCode), ClientID: client.ID, APIs: ask.APIs, Nonce: ask.Nonce,
		IP: domain.ClipText(domain.Network(ask.Remote), userAgentBytes), UserAgent: domain.ClipText(ask.UserAgent, userAgentBytes),
		Interval: s.Interval, CreatedAt: now, ExpiresAt: now.Add(s.CodeTTL),
	}
	err := s.Grants.Tx(ctx, func(ctx context.Context) (err error) {
		if err := s.spend(ctx, askLimits(client.ID, ask.Remote)); err != nil {
			return err
		}
		for range maxCollisions {
			codes.UserCode = newUserCode()
			r.UserCode = s.hash("user code", codes.UserCode)
			if r.ID, err = s.Store.InsertDeviceRequest(ctx, r); !errors.Is(err, domain.ErrExists) {
				break
			}
		}
		if err != nil {
			return err
		}
		return s.requested.Record(ctx, func(omitted int64) event.Event {
			return event.DeviceRequested{APIs: event.AskedAPIs(r.APIs), ClientID: client.ClientID, IP: r.IP, Omitted: omitted, Request: r.ID}
		})
	})
	if err != nil {
		return Codes{}, fmt.Errorf("begin a request of a device of %q: %w", client.ClientID, err)
	}
	return codes, nil
}

const (
	codeBytes = 32
	macBytes  = 16 // of a device code, after its random bytes
)

func (s *Service) newDeviceCode() string {
	secret := make([]byte, codeBytes)
	rand.Read(secret) // never fails
	return base64.RawURLEncoding.EncodeToString(append(secret, s.codeMAC(secret)...))
}

func (s *Service) codeMAC(secret []byte) []byte {
	return s.hash("issued device code", string(secret))[:macBytes]
}

// Issued says of a device code, without looking it up, whether this server made it; it may be over.
func (s *Service) Issued(deviceCode string) bool {
	decoded, err := base64.RawURLEncoding.DecodeString(deviceCode)
	return err == nil && len(decoded) == codeBytes+macBytes && base64.RawURLEncoding.EncodeToString(decoded) == deviceCode &&
		hmac.Equal(decoded[codeBytes:], s.codeMAC(decoded[:codeBytes]))
}

// Find returns the request of a device code. ErrNotFound if there is none.
func (s *Service) Find(ctx context.Context, deviceCode string) (domain.DeviceRequest, error) {
	r, err := s.Store.FindDeviceCode(ctx, s.hash("device code", deviceCode))
	if err != nil {
		return r, fmt.Errorf("find a device code: %w", err)
	}
	return r, nil
}

// NotePoll notes that the device of a request that is not answered polls. One that comes too soon has to wait longer from then on; of
// a flood one in countEvery is noted, by whichever replica, so that it does not become one of writes.
func (s *Service) NotePoll(ctx context.Context, r domain.DeviceRequest) (tooSoon bool, err error) {
	now := s.Now()
	if r.Interval > s.Interval && now.Sub(r.PolledAt) < countEvery {
		return true, nil
	}
	tooSoon, err = s.Store.NoteDevicePoll(ctx, r.ID, now, slower)
	if err != nil {
		return false, fmt.Errorf("note a poll of a device: %w", err)
	}
	return tooSoon, nil
}

// Use marks a request as used, in the transaction that stores its tokens. ErrConsumed if it was used before.
func (s *Service) Use(ctx context.Context, id int64) error {
	return s.Store.UseDeviceRequest(ctx, id, s.Now())
}

// Enter returns the request whose code, as ParseUserCode returns it, a user has entered. Only a wrong one counts. ErrNotFound if none
// waits for an answer under this code, a domain.WaitError, which is recorded, if this user, this network or all have entered too many wrong ones.
func (s *Service) Enter(ctx context.Context, userCode string, user domain.User, remote string) (r domain.DeviceRequest, err error) {
	right := errors.New("the code is right") // undoes the count
	err = s.Grants.Tx(ctx, func(ctx context.Context) error {
		if err := s.spend(ctx, guessLimits(user.ID, remote)); err != nil {
			return err
		}
		found, err := s.Store.FindUserCode(ctx, s.hash("user code", userCode))
		switch {
		case errors.Is(err, domain.ErrNotFound):
			return nil
		case err != nil:
			return err
		case s.pending(found):
			r = found
			return right
		}
		return nil
	})
	switch {
	case errors.Is(err, right):
		return r, nil
	case err == nil:
		err = domain.ErrNotFound
	}
	if _, tooMany := errors.AsType[*domain.WaitError](err); tooMany {
		recorded := s.refused.Record(event.WithActor(ctx, event.User(user.Username)), func(omitted int64) event.Event {
			return event.UserCodeRefused{Username: user.Username, IP: domain.ClipText(domain.Network(remote), userAgentBytes), Omitted: omitted}
		})
		err = errors.Join(err, recorded)
	}
	return domain.DeviceRequest{}, fmt.Errorf("enter a user code: %w", err)
}

// FindRequest returns a request by its id, whether or not it can be answered. ErrNotFound if there is none that has the user code: a
// failover that lost the newest commits gives their ids out again.
func (s *Service) FindRequest(ctx context.Context, id int64, userCode string) (domain.DeviceRequest, error) {
	r, err := s.Store.FindDeviceRequest(ctx, id)
	if err == nil && !hmac.Equal(r.UserCode, s.hash("user code", userCode)) {
		err = domain.ErrNotFound
	}
	if err != nil {
		return r, fmt.Errorf("find a request of a device: %w", err)
	}
	return r, nil
}

func (s *Service) pending(r domain.DeviceRequest) bool {
	return r.AnsweredAt.IsZero() && s.Now().Before(r.ExpiresAt)
}

// Answer is what a user says to a request of a device.
type Answer struct {
	Request  int64
	UserCode string // of the request
	Allowed  bool
	Client   *domain.Client // the request's
	// SignedIn returns who answers, and in which session, as of the transaction that ctx carries.
	SignedIn func(ctx context.Context) (domain.Session, domain.User, error)
}

// Answer stores an answer, and if it is yes the grant. The grant belongs to no browser session: the device stays connected when the user
// signs out in the browser. The same answer of the same user twice is no error; ErrConsumed if there is another, or the request has
// expired. Errors of SignedIn are returned.
func (s *Service) Answer(ctx context.Context, a Answer) error {
	err := s.Events.Update(ctx, func(ctx context.Context) (event.Event, error) {
		// A password change, say, ends all sessions and grants: none may slip in that was decided on before.
		if _, err := s.Grants.HoldRevision(ctx); err != nil {
			return nil, err
		}
		session, user, err := a.SignedIn(ctx)
		if err != nil {
			return nil, err
		}
		r, err := s.FindRequest(ctx, a.Request, a.UserCode)
		if errors.Is(err, domain.ErrNotFound) || err == nil && r.ClientID != a.Client.ID {
			return nil, domain.ErrConsumed
		} else if err != nil {
			return nil, err
		}
		if r.AnsweredBy == user.ID && (r.GrantID != 0) == a.Allowed {
			return nil, nil
		}
		e, err := s.answer(ctx, a, r, session, user)
		if err != nil {
			return nil, err
		}
		return event.Attribute(event.WithActor(ctx, event.User(user.Username)), e)
	})
	if err != nil {
		return fmt.Errorf("answer request %d of a device: %w", a.Request, err)
	}
	return nil
}

func (s *Service) answer(ctx context.Context, a Answer, r domain.DeviceRequest, session domain.Session, user domain.User) (event.Event, error) {
	now := s.Now()
	r.AnsweredAt, r.AnsweredBy = now, user.ID
	if !a.Allowed {
		e := event.DeviceDenied{ClientID: a.Client.ClientID, IP: r.IP, Request: r.ID}
		return e, s.Store.AnswerDeviceRequest(ctx, r)
	}
	if earliest := now.Add(collect); s.pending(r) && r.ExpiresAt.Before(earliest) {
		r.ExpiresAt = earliest
	}
	ttl := r.ExpiresAt.Sub(now) + keys.MaxTokenLifetime
	if slices.Contains(domain.Scopes(r.APIs), domain.ScopeOfflineAccess) {
		ttl = s.RefreshTTL
	}
	var err error
	r.GrantID, err = s.Grants.InsertGrant(ctx, domain.Grant{
		ClientID: r.ClientID, UserID: user.ID, APIs: r.APIs,
		AuthTime: session.AuthTime, ACR: session.ACR, AMR: session.AMR, CreatedAt: now, ExpiresAt: now.Add(ttl),
	})
	if err != nil {
		return nil, fmt.Errorf("store the grant: %w", err)
	}
	e := event.DeviceApproved{APIs: event.AskedAPIs(r.APIs), ClientID: a.Client.ClientID, Grant: r.GrantID, IP: r.IP, Request: r.ID}
	return e, s.Store.AnswerDeviceRequest(ctx, r)
}

func (s *Service) spend(ctx context.Context, limits []domain.Limit) error {
	wait, err := s.Store.Spend(ctx, s.Now(), limits...)
	if errors.Is(err, domain.ErrBusy) && wait > 0 {
		return &domain.WaitError{For: wait}
	}
	return err
}

func (s *Service) hash(kind, code string) []byte {
	mac := hmac.New(sha256.New, s.Key)
	mac.Write([]byte(kind + " " + code))
	return mac.Sum(nil)
}
