package admin

import (
	"context"
	"encoding/json"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// ClientTrust is another issuer whose JWTs authenticate a client.
type ClientTrust struct {
	ID        int64             `json:"id"`
	Issuer    string            `json:"issuer"`
	Subject   string            `json:"subject" doc:"A pattern: * stands for characters other than : and /, ** at the end for any"`
	Audience  string            `json:"audience,omitempty" doc:"The only one that a JWT names; left out: this server's issuer"`
	Claims    map[string]string `json:"claims,omitempty" doc:"Other claims that a JWT has with just these values"`
	JWKS      json.RawMessage   `json:"jwks,omitempty" doc:"The issuer's public keys; left out: they are fetched"`
	JWKSURI   string            `json:"jwks_uri,omitempty" doc:"From there; left out: from where the issuer's metadata says"`
	Private   bool              `json:"private" doc:"That may be at a private address"`
	Reusable  bool              `json:"reusable" doc:"A JWT serves until it expires, not just once"`
	CreatedAt time.Time         `json:"created_at"`
}

func showTrust(t domain.Trust) ClientTrust {
	shown := ClientTrust{
		ID: t.ID, Issuer: t.Issuer, Subject: t.Subject, Audience: t.Audience, Claims: t.Claims, JWKSURI: t.JWKSURI,
		Private: t.Private, Reusable: t.Reusable, CreatedAt: t.CreatedAt,
	}
	if t.JWKS != "" {
		shown.JWKS = json.RawMessage(t.JWKS)
	}
	return shown
}

// AddTrust lets JWTs of another issuer authenticate a client. The errors of registry.AddTrust.
func (s *Service) AddTrust(ctx context.Context, caller authn.Caller, clientID string, trust domain.Trust) (added ClientTrust, err error) {
	err = s.changeClient(ctx, caller, "client.add_trust", clientID, func(ctx context.Context) error {
		stored, err := s.config.Registry.AddTrust(ctx, clientID, trust)
		added = showTrust(stored)
		return err
	})
	return added, err
}

// RemoveTrust takes a trust from a client. domain.ErrNotFound if it has none of the id.
func (s *Service) RemoveTrust(ctx context.Context, caller authn.Caller, clientID string, id int64) error {
	return s.changeClient(ctx, caller, "client.remove_trust", clientID, func(ctx context.Context) error {
		return s.config.Registry.RemoveTrust(ctx, clientID, id)
	})
}
