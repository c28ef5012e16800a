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

// eventTypes are the URIs of the security events: of CAEP 1.0 §3, RISC 1.0 §2, of no standard, and of the Shared Signals Framework 1.0
// §8.1.4.1 and §8.1.5.
var eventTypes = map[string]string{
	domain.EventSessionRevoked:    "https://schemas.openid.net/secevent/caep/event-type/session-revoked",
	domain.EventTokenClaimsChange: "https://schemas.openid.net/secevent/caep/event-type/token-claims-change",
	domain.EventCredentialChange:  "https://schemas.openid.net/secevent/caep/event-type/credential-change",
	domain.EventAccountPurged:     "https://schemas.openid.net/secevent/risc/event-type/account-purged",
	domain.EventAccountDisabled:   "https://schemas.openid.net/secevent/risc/event-type/account-disabled",
	domain.EventAccountEnabled:    "https://schemas.openid.net/secevent/risc/event-type/account-enabled",
	domain.EventPolicyChange:      "urn:signet:event-type:policy-change",
	domain.EventVerification:      "https://schemas.openid.net/secevent/ssf/event-type/verification",
	domain.EventStreamUpdated:     "https://schemas.openid.net/secevent/ssf/event-type/stream-updated",
}

// EventType is the URI of a security event; empty: there is no such event.
func EventType(kind string) string { return eventTypes[kind] }

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
	State string `json:"state,omitempty"`
}

// payload is what CAEP says of an event (§2, §3.2.1, §3.3.1), and the others too. Times are seconds since 1970.
type payload struct {
	Timestamp      int64             `json:"event_timestamp"`
	Initiator      string            `json:"initiating_entity"`
	Reason         map[string]string `json:"reason_admin"` // by language
	Claims         *claims           `json:"claims,omitempty"`
	CredentialType string            `json:"credential_type,omitempty"`
	ChangeType     string            `json:"change_type,omitempty"`
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
	of := func(content any) map[string]any { return map[string]any{eventTypes[i.cause.Kind]: content} }
	switch i.cause.Kind {
	case domain.EventVerification:
		return of(verification{queue.receiver.Verification.State}), nil
	case domain.EventStreamUpdated:
		return of(i.cause.Members), nil
	}
	content := payload{
		Timestamp: i.cause.At.Unix(), Initiator: i.cause.Initiator, Reason: map[string]string{"en": i.cause.Reason},
		CredentialType: i.cause.Members["credential_type"], ChangeType: i.cause.Members["change_type"],
	}
	if i.cause.Kind == domain.EventTokenClaimsChange {
		var err error
		if content.Claims, err = s.claims(ctx, i); err != nil {
			return nil, fmt.Errorf("find the claims for receiver %q: %w", queue.receiver.Client, err)
		}
	}
	return of(content), nil
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
