package secevent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
)

const (
	eventTypes       = "https://schemas.openid.net/secevent/caep/event-type/"            // the beginning of CAEP's (CAEP 1.0 §3)
	policyChangeType = "urn:signet:event-type:policy-change"                             // of no standard
	verificationType = "https://schemas.openid.net/secevent/ssf/event-type/verification" // Shared Signals Framework 1.0 §8.1.4.1
)

// securityEvent is a Security Event Token (RFC 8417 §2.2). It has no "sub" and no "exp", so that nobody takes it for a token
// that lets somebody in (§4.5, §4.6).
type securityEvent struct {
	Issuer      string         `json:"iss"`
	IssuedAt    int64          `json:"iat"` // when it happened: a token that is delivered again stays the same
	ID          string         `json:"jti"`
	Audience    string         `json:"aud"` // client_id of the receiver
	Transaction string         `json:"txn"` // the seq of the audit log
	Subject     SubjectID      `json:"sub_id"`
	Events      map[string]any `json:"events"`
}

// verification is what a verification event says.
type verification struct {
	State string `json:"state"`
}

// payload is what CAEP says of an event (§2, §3.2.1). Times are seconds since 1970.
type payload struct {
	Timestamp int64             `json:"event_timestamp"`
	Initiator string            `json:"initiating_entity"`
	Reason    map[string]string `json:"reason_admin"` // by language
	Claims    *claims           `json:"claims,omitempty"`
}

// claims are what the subject has at the audience now. A token has them all at most. Those of an API are all of its permissions.
type claims struct {
	Audience     string   `json:"aud"`
	Roles        []string `json:"roles,omitzero"`
	Groups       []string `json:"groups,omitzero"`
	Entitlements []string `json:"entitlements"`
}

// make makes and signs the token of an item.
func (s *Service) make(ctx context.Context, queue pending, i item) (string, error) {
	events, err := s.events(ctx, queue, i)
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(securityEvent{
		Issuer: s.Issuer, IssuedAt: i.cause.At.Unix(), ID: queue.jti(i), Audience: queue.receiver.Client,
		Transaction: strconv.FormatInt(i.cause.Seq, 10), Subject: s.subjectID(i.cause), Events: events,
	})
	if err != nil {
		return "", fmt.Errorf("write a security event: %w", err)
	}
	token, _, err := s.Keys.Sign(ctx, domain.RS256, keys.TypeSecurityEvent, body)
	return string(token), err
}

// events are the event of an item, by its type.
func (s *Service) events(ctx context.Context, queue pending, i item) (map[string]any, error) {
	if i.cause.Kind == domain.EventVerification {
		return map[string]any{verificationType: verification{queue.receiver.Verification.State}}, nil
	}
	content := payload{Timestamp: i.cause.At.Unix(), Initiator: i.cause.Initiator, Reason: map[string]string{"en": i.cause.Reason}}
	if i.cause.Kind == domain.EventTokenClaimsChange {
		var err error
		if content.Claims, err = s.claims(ctx, i); err != nil {
			return nil, fmt.Errorf("find the claims for receiver %q: %w", queue.receiver.Client, err)
		}
	}
	if i.cause.Kind == domain.EventPolicyChange {
		return map[string]any{policyChangeType: content}, nil
	}
	return map[string]any{eventTypes + i.cause.Kind: content}, nil
}

func (s *Service) claims(ctx context.Context, i item) (*claims, error) {
	if i.cause.Format == domain.FormatURI {
		api, err := s.Registry.LookupAPI(ctx, i.audience)
		if err != nil && !errors.Is(err, domain.ErrNotFound) {
			return nil, err
		}
		all := claims{Audience: i.audience, Entitlements: []string{}}
		if api != nil {
			for _, p := range api.Permissions {
				all.Entitlements = append(all.Entitlements, p.Name)
			}
		}
		return &all, nil
	}
	access, err := s.Directory.Access(ctx, i.who(), i.audience)
	if err != nil {
		return nil, err
	}
	if i.cause.UserID == 0 { // a client, whose tokens say no more than it may ask for
		client, err := s.Registry.LookupClient(ctx, i.cause.Subject)
		if err != nil {
			return nil, err
		}
		access.Permissions = slices.DeleteFunc(access.Permissions, func(p string) bool { return !client.MayAsk(i.audience, p) })
	}
	return &claims{i.audience, list(access.Roles), list(access.Groups), list(access.Permissions)}, nil
}

// list is [] in JSON when it is empty.
func list(values []string) []string { return append([]string{}, values...) }
