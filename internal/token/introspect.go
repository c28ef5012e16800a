package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
)

// maxAttempts bounds how often a request is judged anew because something changed meanwhile.
const maxAttempts = 10

// errRestless says that changes kept coming in faster than a request could be judged.
var errRestless = fmt.Errorf("too many changes at once: %w", domain.ErrUnavailable)

// Active is a live access token: its claims, narrowed to what still holds, and its user.
type Active struct {
	Claims Claims
	Record domain.IssuedToken
	User   *domain.User // nil: the client acts for itself
}

// Introspect judges an access token as of now. nil, nil: not a live token of this server, for whatever reason.
// Any error means that the answer is not known.
func (t *Tokens) Introspect(ctx context.Context, token string) (*Active, error) {
	for range maxAttempts {
		revision := t.cache.Revision()
		active, newest, err := t.introspect(ctx, token)
		switch {
		case errors.Is(err, keys.ErrUnknownKey):
			// Another replica may have made that key a moment ago.
			if err := t.cache.Refresh(ctx); err != nil {
				return nil, err
			}
			if t.cache.Revision() == revision {
				return nil, nil
			}
		case errors.Is(err, keys.ErrNotOurs):
			return nil, nil
		case err != nil:
			return nil, err
		case newest > revision:
			if err := t.cache.Refresh(ctx); err != nil {
				return nil, err
			}
		default:
			return active, nil
		}
	}
	return nil, errRestless
}

// introspect judges a token by the snapshot and the index, and says at which revision the index was asked (0: it was not).
func (t *Tokens) introspect(ctx context.Context, token string) (*Active, int64, error) {
	claims, keyID, err := t.verify(ctx, token)
	if err != nil {
		return nil, 0, err
	}
	id, err := domain.ParseTokenID(claims.ID)
	if err != nil || claims.Issuer != t.issuer {
		return nil, 0, keys.ErrNotOurs
	}
	expires := time.Unix(claims.ExpiresAt, 0)
	if !t.now().Before(expires) {
		return nil, 0, nil
	}
	l, err := t.find(ctx, domain.TokenRef{ID: id, ExpiresAt: expires})
	if err != nil {
		return nil, 0, err
	}
	record := l.token
	if !l.found || !record.RevokedAt.IsZero() || record.Kind != domain.TokenAccess || record.KeyID != keyID {
		return nil, l.revision, nil
	}
	active, err := t.standing(ctx, claims, record)
	return active, l.revision, err
}

// standing checks that client, user and API of a token are still there and enabled, and narrows the claims to what
// the subject still has. nil, nil if the token does not stand any more.
func (t *Tokens) standing(ctx context.Context, claims Claims, record domain.IssuedToken) (*Active, error) {
	client, err := t.registry.LookupClient(ctx, claims.ClientID)
	if isNotFound(err) || err == nil && (client.ID != record.ClientID || !client.DisabledAt.IsZero()) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("find the token's client: %w", err)
	}
	active := &Active{Claims: claims, Record: record}
	subject := directory.Subject{Kind: domain.SubjectClient, ID: client.ID, Name: client.ClientID}
	if record.UserID != 0 {
		active.User, err = t.activeUser(ctx, record.UserID)
		if errors.Is(err, domain.ErrRevoked) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
		subject = directory.Subject{Kind: domain.SubjectUser, ID: record.UserID}
	}
	if record.APIID == 0 {
		return active, nil
	}
	api, err := t.registry.LookupAPI(ctx, claims.Audience)
	if isNotFound(err) || err == nil && (api.ID != record.APIID || !client.MayUse(api.Audience)) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("find the token's API: %w", err)
	}
	access, err := t.directory.Access(ctx, subject, api.Audience)
	if err != nil {
		return nil, fmt.Errorf("find the subject's access: %w", err)
	}
	scopes, entitlements := narrow(strings.Fields(claims.Scope), client, api.Audience, access)
	active.Claims.Scope, active.Claims.Entitlements = joinScopes(scopes), entitlements
	active.Claims.Roles = intersect(claims.Roles, access.Roles)
	active.Claims.Groups = intersect(claims.Groups, access.Groups)
	return active, nil
}

func intersect(had, has []string) []string {
	var both []string
	for _, s := range had {
		if slices.Contains(has, s) {
			both = append(both, s)
		}
	}
	return both
}

// verify checks signature and type of an access token, not its expiry.
func (t *Tokens) verify(ctx context.Context, token string) (Claims, int64, error) {
	payload, keyID, err := t.keys.Verify(ctx, keys.TypeAccessToken, token)
	if err != nil {
		return Claims{}, 0, err
	}
	var claims Claims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return Claims{}, 0, keys.ErrNotOurs
	}
	return claims, keyID, nil
}

// VerifyIDToken checks an ID token of ours, whether expired or not, and returns its "sub" (for id_token_hint, OpenID Connect Core §3.1.2.1). keys.ErrNotOurs if it is not one.
func (t *Tokens) VerifyIDToken(ctx context.Context, token string) (subject string, err error) {
	payload, _, err := t.keys.Verify(ctx, keys.TypeJWT, token)
	if err != nil {
		return "", err
	}
	var claims struct {
		Issuer  string `json:"iss"`
		Subject string `json:"sub"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Issuer != t.issuer {
		return "", keys.ErrNotOurs
	}
	return claims.Subject, nil
}

// Inspection is what can be said of a token for an administrator.
type Inspection struct {
	Claims  Claims
	Genuine bool               // signed by a published key of this server, as an access token
	Expired bool               //
	Entry   *domain.TokenEntry // what the index says, nil: it is not there
	Active  bool               // what introspection answers
}

// Inspect tells all about an access token.
func (t *Tokens) Inspect(ctx context.Context, token string) (Inspection, error) {
	var i Inspection
	claims, _, err := t.verify(ctx, token)
	if errors.Is(err, keys.ErrNotOurs) {
		return i, nil
	} else if err != nil {
		return i, err
	}
	i.Claims, i.Genuine = claims, true
	i.Expired = !t.now().Before(time.Unix(claims.ExpiresAt, 0))
	if id, err := domain.ParseTokenID(claims.ID); err == nil {
		entries, err := t.List(ctx, domain.TokenFilter{ID: id, Limit: 1})
		if err != nil {
			return i, err
		}
		if len(entries) == 1 {
			i.Entry = &entries[0]
		}
	}
	active, err := t.Introspect(ctx, token)
	i.Active = active != nil
	return i, err
}

func isNotFound(err error) bool { return errors.Is(err, domain.ErrNotFound) }
