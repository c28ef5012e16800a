package authn

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/keysource"
)

// assertionType is the client_assertion_type of a JWT (RFC 7523 §2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

const (
	maxAssertionLife = time.Hour
	clockLeeway      = 30 * time.Second // of nbf and iat
	maxClaimBytes    = 512
	refusalsAtOnce   = 20 // recorded, then one in refusalsEvery
	refusalsEvery    = 30 * time.Second
)

// AssertionError is an ErrInvalidClient that says what is wrong with a client assertion, in words for whoever sent it.
type AssertionError struct{ Problem string }

func (e *AssertionError) Error() string { return "client assertion: " + e.Problem }

// Unwrap makes it an ErrInvalidClient.
func (e *AssertionError) Unwrap() error { return ErrInvalidClient }

// Assertions keeps which assertions were used.
type Assertions interface {
	// UseAssertion stores the hash of an assertion until it expires. ErrConsumed if it is stored already.
	UseAssertion(ctx context.Context, hash []byte, expires time.Time) error
}

type requestKey struct{}

// oneRequest is what is known of a request that may be judged more than once.
type oneRequest struct {
	assertion       string // the hash of the one that has authenticated its client
	counted, failed bool   // what limits have counted of it
	public          string // the client_id of its client, if that is known and proves nothing
}

// OneRequest marks the ctx of a request that authenticates its client more than once, and counts as one: the request is judged anew
// where something changed meanwhile.
func OneRequest(ctx context.Context) context.Context {
	return context.WithValue(ctx, requestKey{}, new(oneRequest))
}

// requestOf is that of a ctx that OneRequest marked, or else a new one.
func requestOf(ctx context.Context) *oneRequest {
	if request, ok := ctx.Value(requestKey{}).(*oneRequest); ok {
		return request
	}
	return new(oneRequest)
}

// assertion is a JWT as it is presented, with the claims that every one has.
type assertion struct {
	keys.ForeignToken
	issuer, subject, id         string
	audience                    string // empty: not exactly one
	expires, notBefore, created time.Time
}

// byAssertion authenticates a client by a JWT (RFC 7523 §2.2): one that it signed itself (private_key_jwt, OpenID Connect Core §9), or one
// of an issuer that it trusts.
func (c *Clients) byAssertion(r *http.Request, form url.Values) (*domain.Client, error) {
	if len(r.Header.Values("Authorization")) > 0 || form.Has("client_secret") {
		return nil, ErrSeveralMethods
	}
	if form.Get("client_assertion_type") != assertionType {
		return nil, &AssertionError{"The client_assertion_type must be '" + assertionType + "'."}
	}
	a, err := readAssertion(form.Get("client_assertion"))
	if err != nil {
		return nil, c.unknown(r, err)
	}
	if a.issuer != a.subject {
		return c.byWorkload(r, form, a)
	}
	if form.Has("client_id") && form.Get("client_id") != a.subject {
		return nil, ErrOtherClient
	}
	signed := func() bool {
		client, ok := c.registry.PeekClient(a.subject)
		return ok && c.now().Before(a.expires) && client.AuthMethod() == domain.PrivateKeyJWT &&
			c.verify(r.Context(), a.ForeignToken, client.JWKS, publishedKeys(client)) == nil
	}
	return c.limited(r, form, a.subject, signed, func() (*domain.Client, error) {
		client, err := c.registry.LookupClient(r.Context(), a.subject)
		if errors.Is(err, domain.ErrNotFound) {
			client = &domain.Client{} // which has no keys
		} else if err != nil {
			return nil, err
		}
		return c.checkOwn(r.Context(), client, a)
	})
}

// readAssertion reads what can be judged without a client.
func readAssertion(text string) (a assertion, err error) {
	if text == "" {
		return a, &AssertionError{"The assertion is missing."}
	}
	if a.ForeignToken, err = keys.ParseForeign(text); err != nil {
		problem := "The assertion is not acceptable: " + strings.TrimPrefix(err.Error(), keys.ErrForeignToken.Error()+": ") + "."
		if a.UsesSecret() {
			problem = "The method client_secret_jwt is not supported, because no secret is stored that could verify it: use private_key_jwt."
		}
		return a, &AssertionError{problem}
	}
	for claim, to := range map[string]*string{"iss": &a.issuer, "sub": &a.subject, "jti": &a.id} {
		*to = a.Text(claim)
		_, has := a.Claims[claim]
		if has && *to == "" || claim != "jti" && *to == "" || len(*to) > maxClaimBytes || !clean(*to) {
			return a, &AssertionError{"The '" + claim + "' of the assertion must be text of at most 512 bytes."}
		}
	}
	for claim, to := range map[string]*time.Time{"exp": &a.expires, "nbf": &a.notBefore, "iat": &a.created} {
		raw, has := a.Claims[claim]
		if !has {
			continue
		}
		var ok bool
		if *to, ok = numericDate(raw); !ok {
			return a, &AssertionError{"The '" + claim + "' of the assertion must be a time in seconds."}
		}
	}
	if a.expires.IsZero() {
		return a, &AssertionError{"The 'exp' of the assertion is missing."}
	}
	a.audience = soleAudience(a.Claims["aud"])
	return a, nil
}

// numericDate reads a time (RFC 7519 §2).
func numericDate(raw json.RawMessage) (time.Time, bool) {
	var seconds float64
	if json.Unmarshal(raw, &seconds) != nil || !(seconds > 0 && seconds < 1<<36) {
		return time.Time{}, false
	}
	whole, fraction := math.Modf(seconds)
	return time.Unix(int64(whole), int64(fraction*1e9)), true
}

// soleAudience is the audience if there is exactly one, as text or in a list.
func soleAudience(raw json.RawMessage) (audience string) {
	if json.Unmarshal(raw, &audience) == nil {
		return audience
	}
	var list []string
	if json.Unmarshal(raw, &list) == nil && len(list) == 1 {
		return list[0]
	}
	return ""
}

// checkOwn judges an assertion that its client has signed itself. Only what is wrong with the assertion as such is said to its sender.
func (c *Clients) checkOwn(ctx context.Context, client *domain.Client, a assertion) (*domain.Client, error) {
	if err := c.checkTimes(ctx, client, a, maxAssertionLife); err != nil {
		return nil, err
	}
	if kind := strings.ToLower(strings.TrimPrefix(a.Type, "application/")); kind != "" && kind != "jwt" && kind != "client-authentication+jwt" {
		return nil, c.refuse(ctx, client, a, "its typ is another", "The 'typ' of the assertion must be 'client-authentication+jwt' or 'JWT'.")
	}
	if a.id == "" {
		return nil, c.refuse(ctx, client, a, "it has no jti", "The 'jti' of the assertion is missing.")
	}
	wrongAudience := "The 'aud' of the assertion must be '" + c.issuer + "' alone, the issuer of this server (RFC 7523, as updated)."
	if a.audience != c.issuer && (a.audience != c.issuer+"/oauth2/token" || !client.EndpointAudience) {
		return nil, c.refuse(ctx, client, a, "its aud is not the issuer alone", wrongAudience)
	}
	problem := "" // nothing that tells whether there is such a client
	if a.audience != c.issuer {
		problem = wrongAudience
	}
	if client.AuthMethod() != domain.PrivateKeyJWT || !client.DisabledAt.IsZero() {
		return nil, c.refuse(ctx, client, a, "the client is disabled or has no keys", problem)
	}
	err := c.verify(ctx, a.ForeignToken, client.JWKS, publishedKeys(client))
	if errors.Is(err, keys.ErrForeignSignature) {
		renewed, failed := c.renewed(ctx, client)
		if failed != nil {
			return nil, failed
		} else if renewed.Version != client.Version {
			return c.checkOwn(ctx, renewed, a)
		}
	}
	if err != nil {
		return nil, c.refuseUnverified(ctx, client, a, err, problem)
	}
	return client, c.use(ctx, client, a, a.subject+"\x00"+a.id)
}

// publishedKeys is where the keys of a client are that does not have them with it.
func publishedKeys(client *domain.Client) keysource.Source {
	return keysource.Source{URI: client.JWKSURI, Private: client.JWKSURIPrivate, Strange: client.SelfRegistered()}
}

// renewed is the client as its metadata document describes it now, if it has one that can be had.
func (c *Clients) renewed(ctx context.Context, client *domain.Client) (*domain.Client, error) {
	if client.Origin != domain.OriginMetadata || c.Documents == nil {
		return client, nil
	}
	if err := c.Documents.Refetch(ctx, client.ClientID); domain.IsTemporary(err) {
		return nil, err
	} else if err != nil {
		return client, nil
	}
	return c.registry.LookupClient(ctx, client.ClientID)
}

func (c *Clients) checkTimes(ctx context.Context, client *domain.Client, a assertion, life time.Duration) error {
	now := c.now()
	latest := now.Add(clockLeeway)
	switch {
	case !now.Before(a.expires):
		return c.refuse(ctx, client, a, "it has expired", "The assertion has expired.")
	case a.expires.Sub(now) > life:
		return c.refuse(ctx, client, a, "its exp is too far away", fmt.Sprintf("The 'exp' of the assertion is more than %v away.", life))
	case a.notBefore.After(latest) || a.created.After(latest):
		return c.refuse(ctx, client, a, "its nbf or iat is in the future", "The assertion is of the future: check the clock.")
	}
	return nil
}

// verify checks the signature with the keys in a set, or else with those that are published.
func (c *Clients) verify(ctx context.Context, token keys.ForeignToken, set string, from keysource.Source) error {
	if set == "" {
		return c.verifyPublished(ctx, token, from)
	}
	parsed, err := keys.ParseKeySet([]byte(set))
	if err != nil {
		return fmt.Errorf("read the keys of a client: %w", err)
	}
	return parsed.Verify(token)
}

// verifyPublished checks the signature with the keys of a source, fetched anew if they lack the token's key. keysource.ErrUnknown if there
// are none.
func (c *Clients) verifyPublished(ctx context.Context, token keys.ForeignToken, from keysource.Source) error {
	set, err := c.published.Get(ctx, from, false)
	if err != nil {
		return err
	}
	if err = set.Verify(token); errors.Is(err, keys.ErrForeignKey) {
		if set, err = c.published.Get(ctx, from, true); err == nil {
			err = set.Verify(token)
		}
	}
	return err
}

// refuseUnverified refuses what verify did not accept; an error that is no refusal is returned as it is.
func (c *Clients) refuseUnverified(ctx context.Context, client *domain.Client, a assertion, err error, problem string) error {
	if !errors.Is(err, keys.ErrForeignSignature) && !errors.Is(err, keysource.ErrUnknown) {
		return err
	}
	return c.refuse(ctx, client, a, err.Error(), problem)
}

// use takes an assertion, which nobody may use again (RFC 7523 §3).
func (c *Clients) use(ctx context.Context, client *domain.Client, a assertion, key string) error {
	sum := sha256.Sum256([]byte(a.issuer + "\x00" + key))
	request := requestOf(ctx)
	if request.assertion == string(sum[:]) {
		return nil
	}
	err := c.assertions.UseAssertion(ctx, sum[:], a.expires)
	if errors.Is(err, domain.ErrConsumed) {
		return c.refuse(ctx, client, a, "it was used before", "")
	}
	if err == nil {
		request.assertion = string(sum[:])
	}
	return err
}

// refuse records why an assertion of a client is refused. To its sender it says the problem alone; nothing if that is empty.
func (c *Clients) refuse(ctx context.Context, client *domain.Client, a assertion, reason, problem string) error {
	if client.ID != 0 {
		err := c.refusals.Record(event.WithActor(ctx, event.System), func(omitted int64) event.Event {
			return event.AssertionRefused{ClientID: client.ClientID, Issuer: a.issuer, Subject: a.subject, Reason: domain.ClipText(reason, maxClaimBytes), Omitted: omitted}
		})
		if err != nil {
			return err
		}
	}
	if problem == "" {
		return ErrInvalidClient
	}
	return &AssertionError{problem}
}
