package secevent

import (
	"context"
	"crypto/subtle"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/outbound"
)

const (
	maxEndpoint = 2000 // bytes
	maxBearer   = 4096 // bytes
)

var (
	bearerRule   = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)                          // RFC 6750 §2.1
	endpointRule = regexp.MustCompile(`^https?://[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+$`) // RFC 3986 §2, no fragment
)

// sealName names a sealed bearer token, so that it fits no other receiver.
func sealName(clientID string) string { return "receiver:" + clientID }

// Create makes a client a receiver, of all events if none are named; of r only Client, Method, Endpoint, AllowPrivate and Events
// count. It hears of what happens from now on. The bearer token, if any, is sent with every push. domain.ErrInvalid if it breaks
// a rule, domain.ErrNotFound if there is no such client, domain.ErrExists if that is a receiver already.
func (s *Service) Create(ctx context.Context, r domain.Receiver, bearer string) (domain.Receiver, error) {
	if len(r.Events) == 0 {
		r.Events = domain.SecurityEvents
	}
	if err := check(r, bearer); err != nil {
		return domain.Receiver{}, err
	}
	if bearer != "" {
		r.SealedToken = s.Master.Seal(sealName(r.Client), []byte(bearer))
	}
	r.CreatedAt = s.Now()
	created := event.ReceiverCreated{ClientID: r.Client, Method: r.Method, Events: r.Events, AllowPrivate: r.AllowPrivate}
	if u, err := url.Parse(r.Endpoint); err == nil && r.Endpoint != "" {
		created.Endpoint = u.Scheme + "://" + u.Host // its path and query may be secret
	}
	err := s.change(ctx, r.Client, created, func(ctx context.Context) error {
		client, err := s.Registry.FindClient(ctx, r.Client)
		switch {
		case err != nil:
			return err
		case client.Public:
			return fmt.Errorf("%w client: it is public; only one with a secret can receive events", domain.ErrInvalid)
		case len(client.Serves) == 0:
			return fmt.Errorf("%w client: it serves no API; add one with client update --serves", domain.ErrInvalid)
		}
		r.ClientID = client.ID
		_, err = s.Store.InsertReceiver(ctx, r)
		return err
	})
	if err != nil {
		return domain.Receiver{}, err
	}
	return s.Find(ctx, r.Client)
}

func check(r domain.Receiver, bearer string) error {
	for _, name := range r.Events {
		if !slices.Contains(domain.SecurityEvents, name) {
			return fmt.Errorf("%w event %q: there are %v", domain.ErrInvalid, name, domain.SecurityEvents)
		}
	}
	switch {
	case bearer != "" && (len(bearer) > maxBearer || !bearerRule.MatchString(bearer)):
		return fmt.Errorf("%w bearer token: use at most %d letters, digits or - . _ ~ + /", domain.ErrInvalid, maxBearer)
	case r.Method == domain.DeliveryPoll && (r.Endpoint != "" || bearer != "" || r.AllowPrivate):
		return fmt.Errorf("%w receiver: one that polls has no endpoint", domain.ErrInvalid)
	case r.Method == domain.DeliveryPoll:
		return nil
	case r.Method != domain.DeliveryPush:
		return fmt.Errorf("%w way of delivery %q: use poll or push", domain.ErrInvalid, r.Method)
	}
	u, err := url.Parse(r.Endpoint)
	switch {
	case len(r.Endpoint) > maxEndpoint, !endpointRule.MatchString(r.Endpoint), err != nil || u.Hostname() == "":
		return fmt.Errorf("%w endpoint: write an https URL of at most %d bytes", domain.ErrInvalid, maxEndpoint)
	case u.User != nil:
		return fmt.Errorf("%w endpoint: remove the user name before the @", domain.ErrInvalid)
	case u.Scheme == "http" && !outbound.IsLoopback(u.Hostname()):
		return fmt.Errorf("%w endpoint: http is only allowed for loopback (127.0.0.1, [::1], localhost); use https", domain.ErrInvalid)
	}
	return nil
}

// HasBearer says whether a bearer token is the one that is sent to a receiver.
func (s *Service) HasBearer(r domain.Receiver, bearer string) bool {
	sent, err := s.Master.Open(sealName(r.Client), r.SealedToken)
	return err == nil && subtle.ConstantTimeCompare(sent, []byte(bearer)) == 1
}

// Find finds a receiver by client_id. domain.ErrNotFound if that client is none.
func (s *Service) Find(ctx context.Context, clientID string) (domain.Receiver, error) {
	r, err := s.Store.FindReceiver(ctx, clientID)
	if err != nil {
		return r, fmt.Errorf("receiver %q: %w", clientID, err)
	}
	return r, nil
}

// List returns receivers by client_id; a page of them.
func (s *Service) List(ctx context.Context, p domain.Page) ([]domain.Receiver, error) {
	return s.Store.ListReceivers(ctx, p)
}

// SetPaused pauses a receiver, or lets it hear again: then also of what happened meanwhile, and at once if pushes had failed.
// domain.ErrNotFound if that client is no receiver.
func (s *Service) SetPaused(ctx context.Context, clientID string, paused bool) error {
	var changed event.Event = event.ReceiverResumed{ClientID: clientID}
	var at time.Time
	if paused {
		changed, at = event.ReceiverPaused{ClientID: clientID}, s.Now()
	}
	return s.change(ctx, clientID, changed, func(ctx context.Context) error {
		return s.Store.PauseReceiver(ctx, clientID, at, s.Now())
	})
}

// Delete makes a client a receiver no more. domain.ErrNotFound if it is none.
func (s *Service) Delete(ctx context.Context, clientID string) error {
	return s.change(ctx, clientID, event.ReceiverDeleted{ClientID: clientID}, func(ctx context.Context) error {
		return s.Store.DeleteReceiver(ctx, clientID)
	})
}

func (s *Service) change(ctx context.Context, clientID string, e event.Event, change func(ctx context.Context) error) error {
	if err := s.Recorder.Change(ctx, e, change); err != nil {
		return fmt.Errorf("receiver %q: %w", clientID, err)
	}
	return nil
}
