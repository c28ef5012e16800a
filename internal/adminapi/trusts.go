package adminapi

import (
	"context"
	"encoding/json"
	"net/url"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// NewTrust says which JWTs authenticate a client.
type NewTrust struct {
	Issuer   string            `json:"issuer" minLength:"1" maxLength:"2000" doc:"As the JWTs have it"`
	Subject  string            `json:"subject" minLength:"1" maxLength:"2000" doc:"A pattern: * stands for characters other than : and /, ** at the end for any"`
	Audience string            `json:"audience,omitempty" minLength:"1" maxLength:"2000" doc:"The only one that a JWT names; left out: this server's issuer"`
	Claims   map[string]string `json:"claims,omitempty" doc:"Other claims that a JWT must have with just these values"`
	JWKS     *map[string]any   `json:"jwks,omitempty" doc:"The issuer's public keys (RFC 7517 §5); left out: they are fetched"`
	JWKSURI  string            `json:"jwks_uri,omitempty" minLength:"1" maxLength:"2000" doc:"From there; left out: from where the issuer's metadata says"`
	Private  bool              `json:"private,omitempty" doc:"That may be at a private address"`
	Reusable bool              `json:"reusable,omitempty" doc:"A JWT serves until it expires, not just once"`
}

type addTrustInput struct {
	NamedInput
	Body NewTrust
}

func (s *surface) addTrust(ctx context.Context, caller authn.Caller, in *addTrustInput) (*objectOutput[admin.ClientTrust], error) {
	b := &in.Body
	trust := domain.Trust{
		Issuer: b.Issuer, Subject: b.Subject, Audience: b.Audience, Claims: b.Claims, JWKSURI: b.JWKSURI, Private: b.Private, Reusable: b.Reusable,
	}
	if b.JWKS != nil {
		text, err := json.Marshal(*b.JWKS)
		if err != nil {
			return nil, invalid("body.jwks", domain.RuleFormat, "Give the keys as a JWK Set.")
		}
		trust.JWKS = string(text)
	}
	added, err := s.Admin.AddTrust(ctx, caller, in.Name, trust)
	return created(added, 0, "/clients/"+url.PathEscape(in.Name), err)
}

type removeTrustInput struct {
	NamedInput
	Trust int64 `path:"trust" minimum:"1"`
}

func (s *surface) removeTrust(ctx context.Context, caller authn.Caller, in *removeTrustInput) (*done, error) {
	return nil, s.Admin.RemoveTrust(ctx, caller, in.Name, in.Trust)
}
