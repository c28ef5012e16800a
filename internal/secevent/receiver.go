package secevent

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"fmt"
	"net/url"
	"regexp"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/outbound"
)

const (
	maxDescription = 500            // bytes
	maxEndpoint    = 2000           // bytes
	maxBearer      = 4096           // bytes
	bearerPrefix   = "signet_push_" // lets one be found where it does not belong
)

var (
	bearerRule   = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)                          // RFC 6750 §2.1
	endpointRule = regexp.MustCompile(`^https?://[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+$`) // RFC 3986 §2, no fragment
)

// sealName names a sealed bearer token, so that it fits no other receiver.
func sealName(clientID string) string { return "receiver:" + clientID }

// Create makes a client a receiver, of all events if Events is nil; of r only Client, Description, Method, Endpoint, AllowPrivate
// and Events count. It is sent the events from now on. The bearer token, if any, is sent with every push. domain.ErrInvalid if it breaks
// a rule, domain.ErrNotFound if there is no such client, domain.ErrExists if that is a receiver already.
func (s *Service) Create(ctx context.Context, r domain.Receiver, bearer string) (domain.Receiver, error) {
	if r.Events == nil {
		r.Events = domain.SecurityEvents
	}
	if err := check(r, bearer); err != nil {
		return domain.Receiver{}, err
	}
	if bearer != "" {
		r.SealedToken = s.Master.Seal(sealName(r.Client), []byte(bearer))
	}
	r.CreatedAt = s.Now()
	created := event.ReceiverCreated{ClientID: r.Client, ReceiverDetails: details(r)}
	err := s.change(ctx, r.Client, created, func(ctx context.Context) error {
		client, err := s.Registry.FindClient(ctx, r.Client)
		switch {
		case err != nil:
			return err
		case client.Public:
			return domain.Invalid("client_id", domain.RuleState, "client: it is public; only one with a secret can receive events")
		case len(client.Serves) == 0:
			return domain.Invalid("client_id", domain.RuleState, "client: it serves no API; add one with client update --serves")
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

func details(r domain.Receiver) event.ReceiverDetails {
	return event.ReceiverDetails{
		Description: r.Description, Method: r.Method, Endpoint: r.Origin(), Events: append([]string{}, r.Events...), AllowPrivate: r.AllowPrivate,
	}
}

func check(r domain.Receiver, bearer string) error {
	if err := domain.CheckText("description", "receiver description", r.Description, maxDescription); err != nil {
		return err
	}
	for i, name := range r.Events {
		if !slices.Contains(domain.SecurityEvents, name) {
			return domain.Invalid(domain.Element("events", i), domain.RuleOneOf, "event %q: there are %v", name, domain.SecurityEvents)
		}
	}
	switch {
	case bearer != "" && (len(bearer) > maxBearer || !bearerRule.MatchString(bearer)):
		return domain.Invalid("bearer_token", domain.RuleFormat, "bearer token: use at most %d letters, digits or - . _ ~ + /", maxBearer)
	case r.Method == domain.DeliveryPoll && (r.Endpoint != "" || bearer != "" || r.AllowPrivate):
		return domain.Invalid("endpoint", domain.RuleConflict, "receiver: one that polls has no endpoint")
	case r.Method == domain.DeliveryPoll:
		return nil
	case r.Method != domain.DeliveryPush:
		return domain.Invalid("method", domain.RuleOneOf, "way of delivery %q: use poll or push", r.Method)
	}
	u, err := url.Parse(r.Endpoint)
	switch {
	case len(r.Endpoint) > maxEndpoint, !endpointRule.MatchString(r.Endpoint), err != nil || u.Hostname() == "":
		return domain.Invalid("endpoint", domain.RuleFormat, "endpoint: write an https URL of at most %d bytes", maxEndpoint)
	case u.User != nil:
		return domain.Invalid("endpoint", domain.RuleFormat, "endpoint: remove the user name before the @")
	case u.Scheme == "http" && !outbound.IsLoopback(u.Hostname()):
		return domain.Invalid("endpoint", domain.RuleFormat, "endpoint: http is only allowed for loopback (127.0.0.1, [::1], localhost); use https")
	}
	return nil
}

// Update changes Description, Method, Endpoint, AllowPrivate and Events of a receiver by edit, which runs in the transaction of the change
// and may run again. Its error ends the change. Errors as Create's, but domain.ErrNotFound if the client is no receiver.
//
// bearer, if given, replaces the bearer token of pushes; empty means none. The stored one is dropped if the endpoint moves to another scheme,
// host or port, which must not get it. A receiver that changes to polling loses all settings of pushes.
func (s *Service) Update(ctx context.Context, clientID string, bearer *string, edit func(*domain.Receiver) error) (domain.Receiver, error) {
	err := s.edit(ctx, clientID, func(r *domain.Receiver) (event.Event, error) {
		was := *r
		if err := edit(r); err != nil {
			return nil, err
		}
		if r.Method == domain.DeliveryPoll && was.Method == domain.DeliveryPush && r.Endpoint == was.Endpoint {
			r.Endpoint, r.AllowPrivate = "", false
		}
		bearer := bearer // of this run
		if bearer == nil && r.Origin() != was.Origin() {
			bearer = new("")
		}
		changed := event.ReceiverUpdated{ClientID: clientID, ReceiverDetails: details(*r)}
		switch {
		case bearer == nil:
			return changed, check(*r, "")
		case *bearer != "":
			changed.Bearer, r.SealedToken = "replaced", s.Master.Seal(sealName(clientID), []byte(*bearer))
		case len(r.SealedToken) > 0:
			changed.Bearer, r.SealedToken = "removed", nil
		}
		if err := check(*r, *bearer); err != nil {
			return nil, err
		}
		return changed, nil
	})
	if err != nil {
		return domain.Receiver{}, err
	}
	return s.Find(ctx, clientID)
}

// RotateBearer makes another bearer token for a receiver's pushes, which carry it from now on, and returns it. domain.ErrInvalid for one
// that polls, domain.ErrNotFound if that client is no receiver; what check fails with, which gets the receiver as it is, ends the change.
func (s *Service) RotateBearer(ctx context.Context, clientID string, check func(domain.Receiver) error) (bearer string, err error) {
	bearer = bearerPrefix + rand.Text() + rand.Text()
	err = s.edit(ctx, clientID, func(r *domain.Receiver) (event.Event, error) {
		if err := check(*r); err != nil {
			return nil, err
		}
		if r.Method != domain.DeliveryPush {
			return nil, domain.Invalid("bearer_token", domain.RuleConflict, "receiver: one that polls has no bearer token; it signs in with the secret of its client")
		}
		r.SealedToken = s.Master.Seal(sealName(clientID), []byte(bearer))
		return event.ReceiverBearerRotated{ClientID: clientID}, nil
	})
	if err != nil {
		return "", err
	}
	return bearer, nil
}

// edit stores a receiver as change makes it, with the event that change returns.
func (s *Service) edit(ctx context.Context, clientID string, change func(*domain.Receiver) (event.Event, error)) error {
	err := s.Recorder.Update(ctx, func(ctx context.Context) (event.Event, error) {
		r, err := s.Store.FindReceiver(ctx, clientID)
		if err != nil {
			return nil, err
		}
		changed, err := change(&r)
		if err != nil {
			return nil, err
		}
		r.UpdatedAt = s.Now()
		return changed, s.Store.UpdateReceiver(ctx, r)
	})
	if err != nil {
		return fmt.Errorf("receiver %q: %w", clientID, err)
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
