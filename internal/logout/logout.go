// Package logout tells clients of ended sessions (OpenID Connect Back-Channel Logout 1.0). What is to be told is stored in the transaction
// that ends the session.
package logout

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/errgroup"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/outbound"
	"github.com/signet-auth/signet/internal/token"
)

const (
	timeout     = 10 * time.Second // of one request
	firstRetry  = 15 * time.Second // longer than a request: two replicas never send the same token at once
	lastRetry   = 10 * time.Minute
	maxAttempts = 12 // in about an hour
	tokenTTL    = 2 * time.Minute
	roundSize   = 64
	atOnce      = 16
	silentFor   = time.Minute // no request to a client for so long after one without an answer
	remembered  = 8192        // clients that did not answer
	maxAnswer   = 4 << 10     // bytes that are read of an answer, so that its connection can be reused
)

// Store keeps what clients have yet to hear of.
type Store interface {
	// DueLogouts returns those that are due, at most limit.
	DueLogouts(ctx context.Context, now time.Time, limit int) ([]domain.Logout, error)
	// ClaimLogout counts an attempt and says when the next is due. ErrConsumed if another replica claimed it.
	ClaimLogout(ctx context.Context, l domain.Logout, next time.Time) error
	// DeleteLogout removes one.
	DeleteLogout(ctx context.Context, id int64) error
}

// Service delivers logout tokens.
type Service struct {
	store    Store
	keys     *keys.Keys
	subjects token.Subjects
	issuer   string
	clients  outbound.Clients
	silent   *lru.Cache[string, time.Time] // until when, by URI
	now      func() time.Time

	Log *slog.Logger
}

var errSilent = errors.New("it did not answer a moment ago")

// New makes the service.
func New(store Store, keys *keys.Keys, subjects token.Subjects, issuer string, now func() time.Time) *Service {
	silent, err := lru.New[string, time.Time](remembered)
	if err != nil {
		panic(err) // the size is positive
	}
	return &Service{
		store: store, keys: keys, subjects: subjects, issuer: issuer, clients: outbound.NewClients(timeout), silent: silent, now: now,
		Log: slog.New(slog.DiscardHandler),
	}
}

// Deliver tells clients what is due. What a client does not accept is told again, later and later, for about an hour.
func (s *Service) Deliver(ctx context.Context) error {
	for {
		due, err := s.store.DueLogouts(ctx, s.now(), roundSize)
		if err != nil {
			return fmt.Errorf("find the logouts that are due: %w", err)
		}
		byURI := make(map[string][]domain.Logout)
		for _, l := range due {
			byURI[l.URI] = append(byURI[l.URI], l)
		}
		var group errgroup.Group
		group.SetLimit(atOnce)
		for _, list := range byURI { // one after the other: who does not answer must not keep others waiting
			group.Go(func() error {
				for _, l := range list {
					if err := s.deliver(ctx, l); err != nil {
						return err
					}
				}
				return nil
			})
		}
		if err := group.Wait(); err != nil || len(due) < roundSize {
			return err
		}
	}
}

func (s *Service) deliver(ctx context.Context, l domain.Logout) error {
	if l.URI == "" {
		return s.store.DeleteLogout(ctx, l.ID)
	}
	wait := min(firstRetry<<l.Attempts, lastRetry)
	err := s.store.ClaimLogout(ctx, l, s.now().Add(wait))
	if errors.Is(err, domain.ErrConsumed) {
		return nil
	} else if err != nil {
		return err
	}
	signed, err := s.token(ctx, l)
	if err != nil {
		return err
	}
	failure := errSilent
	if until, ok := s.silent.Get(l.URI); !ok || !s.now().Before(until) {
		failure = s.post(ctx, l, signed)
	}
	switch {
	case failure == nil:
		return s.store.DeleteLogout(ctx, l.ID)
	case ctx.Err() != nil:
		return nil // the server stops
	case l.Attempts+1 >= maxAttempts:
		s.Log.WarnContext(ctx, "a client was not told of an ended session: no more attempts", "client", l.ClientID, "error", failure)
		return s.store.DeleteLogout(ctx, l.ID)
	case l.Attempts == 0:
		s.Log.WarnContext(ctx, "a client was not told of an ended session yet", "client", l.ClientID, "error", failure)
	}
	return nil
}

// token makes a logout token (§2.4).
func (s *Service) token(ctx context.Context, l domain.Logout) (string, error) {
	now := s.now()
	claims := map[string]any{
		"iss": s.issuer, "aud": l.ClientID, "iat": now.Unix(), "exp": now.Add(tokenTTL).Unix(), "jti": rand.Text(), "sub": s.subject(l),
		"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
	}
	if l.SID != "" {
		claims["sid"] = l.SID
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("write a logout token: %w", err)
	}
	signed, _, err := s.keys.Sign(ctx, l.Alg, keys.TypeLogout, payload)
	return string(signed), err
}

// subject is that by which the client knows the user.
func (s *Service) subject(l domain.Logout) string {
	return s.subjects.Of(&domain.Client{SubjectType: l.SubjectType, SectorIdentifier: l.Sector}, l.Subject)
}

// post sends a logout token (§2.5); nil if the client accepted it.
func (s *Service) post(ctx context.Context, l domain.Logout, signed string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	body := strings.NewReader(url.Values{"logout_token": {signed}}.Encode())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.URI, body)
	if err != nil {
		return errors.New("its back-channel logout URI is not a URL")
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := s.clients.Do(request, l.AllowPrivate)
	if err != nil {
		s.silent.Add(l.URI, s.now().Add(silentFor))
		if errors.Is(err, outbound.ErrNotPublic) {
			err = fmt.Errorf("%w: register the client with --backchannel-logout-private if it should be", err)
		}
		return err
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.CopyN(io.Discard, response.Body, maxAnswer)
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("it answered %d, not 200", response.StatusCode)
	}
	return nil
}
