package token

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
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
		if err != nil || newest <= revision {
			return active, err
		}
		if err := t.cache.Refresh(ctx); err != nil {
			return nil, err
		}
	}
	return nil, errRestless
}

// introspect judges a token by the index and the snapshot, and says at which revision the index was asked (0: it was not).
func (t *Tokens) introspect(ctx context.Context, token string) (*Active, int64, error) {
	// Read before the index: a revocation that is done by then has marked what it covers, any later one moves the revision.
	open, err := t.openRevocations(ctx)
	if err != nil {
		return nil, 0, err
	}
	claims, l, err := t.locate(ctx, token)
	record := l.token
	if err != nil || !l.found || record.Kind != domain.TokenAccess || claims.Issuer != t.issuer ||
		!t.now().Before(record.ExpiresAt) || !record.RevokedAt.IsZero() || !record.SuspendedAt.IsZero() || covered(open, record) {
		return nil, l.revision, err
	}
	active, err := t.standing(ctx, claims, record)
	return active, l.revision, err
}

// locate finds a token in the index by the jti and exp that it claims. That it is the very token which was issued is
// proved by its digest in the index, which is cheaper than its signature and as strong. Claims are to be believed only if
// it was found.
func (t *Tokens) locate(ctx context.Context, token string) (Claims, lookup, error) {
	claims, ok := peek(token)
	if !ok {
		return Claims{}, lookup{}, nil
	}
	id, err := domain.ParseTokenID(claims.ID)
	if err != nil {
		return Claims{}, lookup{}, nil
	}
	l, err := t.find(ctx, domain.TokenRef{ID: id, ExpiresAt: time.Unix(claims.ExpiresAt, 0)})
	if err != nil {
		return Claims{}, lookup{}, err
	}
	sum := digest(token)
	l.found = l.found && subtle.ConstantTimeCompare(sum[:], l.token.Digest[:]) == 1
	return claims, l, nil
}

// peek reads the claims of a compact JWS without looking at its signature.
func peek(token string) (claims Claims, ok bool) {
	const maxSize = 16 << 10 // bytes
	parts := strings.Split(token, ".")
	if len(token) > maxSize || len(parts) != 3 {
		return claims, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return Claims{}, false
	}
	return claims, true
}

// standing checks that a token's key is not revoked, and that its client, user and API are still there and enabled; and it
// narrows the claims to what the subject still has. nil, nil if the token does not stand.
func (t *Tokens) standing(ctx context.Context, claims Claims, record domain.IssuedToken) (*Active, error) {
	published, err := t.keys.Published(ctx, record.KeyID)
	if err != nil || !published {
		return nil, err
	}
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
		entry, err := t.Find(ctx, id)
		if err == nil {
			i.Entry = &entry
		} else if !isNotFound(err) {
			return i, err
		}
	}
	active, err := t.Introspect(ctx, token)
	i.Active = active != nil
	return i, err
}

func isNotFound(err error) bool { return errors.Is(err, domain.ErrNotFound) }
