package admin

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/introspection"
)

// Inspection is what is known about a token. Unless it is genuine, header and claims are not authentic.
type Inspection struct {
	Active    bool            `json:"active"`
	Reason    string          `json:"reason,omitempty" doc:"Why it is not active"`
	Genuine   bool            `json:"genuine" doc:"Signed by a published key, as an access token"`
	Encrypted bool            `json:"encrypted" doc:"To its API; header and claims are those of the token inside"`
	Header    json.RawMessage `json:"header"`
	Claims    json.RawMessage `json:"claims"`
	Index     *Token          `json:"index,omitempty" doc:"Its entry in the index of issued tokens"`
}

// InspectToken reads an access token and says whether it is active. domain.ErrInvalid if it is no JWT.
func (s *Service) InspectToken(ctx context.Context, caller authn.Caller, text string) (Inspection, error) {
	ctx, err := s.authorize(ctx, caller, "token.inspect")
	if err != nil {
		return Inspection{}, err
	}
	opened := s.config.Minter.Open(text)
	header, claims, err := decodeJWT(opened)
	if err != nil {
		return Inspection{}, err
	}
	i, err := s.config.Introspection.Inspect(ctx, opened)
	if err != nil {
		return Inspection{}, err
	}
	shown := Inspection{Encrypted: opened != text, Active: i.Active, Reason: inactive(i), Genuine: i.Genuine, Header: header, Claims: claims}
	if i.Entry != nil {
		entry := ShowToken(*i.Entry, s.config.Now())
		shown.Index = &entry
	}
	return shown, nil
}

// Opened is the access token that is in an encrypted one, any other text as it is: for its jti, by which pages find it.
func (s *Service) Opened(text string) string { return s.config.Minter.Open(text) }

// inactive says why a token is not active, empty if it is.
func inactive(i introspection.Inspection) string {
	switch {
	case i.Active:
		return ""
	case !i.Genuine:
		return "no published key of this server signed it as an access token; do not trust its claims"
	case i.Claims.Issuer != i.Issuer:
		return fmt.Sprintf("its issuer is %s, and the issuer here is %s: set SIGNET_ISSUER as at the server", i.Claims.Issuer, i.Issuer)
	case i.Expired:
		return "it has expired"
	case i.Entry == nil:
		return "it is not in the index of issued tokens"
	case !i.Entry.RevokedAt.IsZero():
		return "it was revoked at " + i.Entry.RevokedAt.UTC().Format(time.RFC3339)
	case i.Pending:
		return "a revocation that is under way has revoked it"
	case !i.Entry.SuspendedAt.IsZero():
		return "it has been suspended since " + i.Entry.SuspendedAt.UTC().Format(time.RFC3339)
	default:
		return "its client, user or API is disabled or gone"
	}
}

// decodeJWT decodes a JWT (RFC 7519 §7.2) without verifying it.
func decodeJWT(text string) (header, claims json.RawMessage, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, nil, domain.Invalid("token", domain.RuleFormat, "token: this is not a JWT: three parts divided by dots are expected")
	}
	for i, into := range []*json.RawMessage{&header, &claims} {
		decoded, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || !json.Valid(decoded) {
			return nil, nil, domain.Invalid("token", domain.RuleFormat, "token: this is not a JWT: header and claims must be JSON in base64url")
		}
		*into = decoded
	}
	return header, claims, nil
}
