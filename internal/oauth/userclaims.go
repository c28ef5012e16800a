package oauth

import (
	"context"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
)

// addUserClaims adds what a client gets about a user in ID tokens and userinfo: what the scopes ask for, the claims asked for one by one,
// lists with at most limit names, and what the client's mappings give. It returns the names of the claims that an ID token can do without,
// those first that it does without first.
func (p *Provider) addUserClaims(
	ctx context.Context, claims map[string]any, client *domain.Client, user *domain.User, scopes, single []string, limit int,
) (optional []string, err error) {
	attributes := token.AddUserClaims(claims, user, scopes, single)
	// The claims "groups" and "roles" are named as their scopes.
	if optional, err = p.addMemberships(ctx, claims, client, user, slices.Concat(scopes, single), limit); err != nil {
		return nil, err
	}
	optional = append(optional, attributes...)
	if client.Claims == nil {
		return optional, nil
	}
	known := *user // to the client
	known.Subject = p.Minter.SubjectOf(client, user)
	mapped, failures, err := p.Minter.MapClaims(ctx, client.Claims, client, &known, nil)
	if err != nil {
		return nil, err
	}
	p.logLeftOut(ctx, "client", client.ClientID, failures)
	for name, value := range mapped {
		if _, said := claims[name+"_verified"]; said && claims[name] != value {
			claims[name+"_verified"] = false // what was verified is the user's own address or number
		}
		claims[name] = value
		optional = append(optional, name)
	}
	return optional, nil
}

// logLeftOut says which claims of a client's or an API's mappings were left out; the log is bounded.
func (p *Provider) logLeftOut(ctx context.Context, kind, name string, failures []domain.ClaimFailure) {
	for _, f := range failures {
		p.Log.WarnContext(ctx, "claim left out: its expression failed", kind, name, "claim", f.Claim, "reason", f.Reason)
	}
}
