package authn

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/keysource"
	"github.com/signet-auth/signet/internal/limits"
)

var (
	// ErrInvalidClient says that client authentication failed; it does not say why.
	ErrInvalidClient = errors.New("client authentication failed")
	// ErrSeveralMethods says that a request authenticates its client in more than one way (RFC 6749 §2.3).
	ErrSeveralMethods = errors.New("more than one way of client authentication")
	// ErrOtherClient says that the client_id of the body is not that of the Authorization header or the assertion.
	ErrOtherClient = errors.New("the body names another client than the one that authenticates")
)

// Methods are those of confidential clients, as metadata lists them.
var Methods = []string{domain.SecretBasic, domain.SecretPost, domain.PrivateKeyJWT}

// Registry knows the clients.
type Registry interface {
	// LookupClient returns ErrNotFound if there is no such client_id. A disabled client is found.
	LookupClient(ctx context.Context, clientID string) (*domain.Client, error)
	// CheckSecret takes as long for an unknown client (nil) as for a known one. A disabled client has no secrets.
	CheckSecret(ctx context.Context, client *domain.Client, secret string) (bool, error)
	// PeekClient returns a client if that costs no question to the database.
	PeekClient(clientID string) (*domain.Client, bool)
	// IsIssuedSecret is CheckSecret of a secret that this server made, at the cost of one HMAC; false of any other.
	IsIssuedSecret(client *domain.Client, secret string) bool
}

// Documents are the metadata documents by which clients describe themselves.
type Documents interface {
	// Refetch makes a client what its document says now, if it was not fetched a moment ago. An error if it cannot be had.
	Refetch(ctx context.Context, clientID string) error
}

// Clients authenticates clients (RFC 6749 §2.3).
type Clients struct {
	Documents Documents // nil: there are none
	Failures  *limits.Failures
	Requests  *limits.Meter // of each client; of a public one, which anybody can name, at each address
	// IssuedToken names the code or token in a form that this server issued; "" if there is none. nil: it issues none.
	IssuedToken func(ctx context.Context, form url.Values) string
	registry    Registry
	assertions  Assertions
	issuer      string
	now         func() time.Time
	published   *keysource.Cache[keys.KeySet]
	refusals    *event.Bounded
}

// NewClients makes the service for an issuer.
func NewClients(registry Registry, assertions Assertions, events *event.Recorder, issuer string, now func() time.Time) *Clients {
	return &Clients{
		registry: registry, assertions: assertions, issuer: issuer, now: now,
		published: keysource.New(now, keys.ReadKeySet), refusals: event.NewBounded(events, refusalsAtOnce, refusalsEvery),
	}
}

// Authenticate returns the client that a request comes from, by client_secret_basic, client_secret_post, private_key_jwt, or none for
// a public client; form holds the parameters of the body. An unknown client costs the same as a wrong secret, and reads the same.
// ErrInvalidClient, ErrSeveralMethods, ErrOtherClient, or a domain.WaitError; any other error means that the question was not answered.
func (c *Clients) Authenticate(r *http.Request, form url.Values) (*domain.Client, Caller, error) {
	if form.Has("client_assertion") || form.Has("client_assertion_type") {
		found, err := c.byAssertion(r, form)
		if err != nil {
			return nil, Caller{}, err
		}
		return found, callerOf(found), nil
	}
	presented, err := credentials(r, form)
	if err != nil {
		return nil, Caller{}, c.unknown(r, err)
	}
	exempt := func() bool { return slices.ContainsFunc(presented, func(p pair) bool { return c.exempt(form, p) }) }
	found, err := c.limited(r, form, presented[0].id, exempt, func() (found *domain.Client, err error) {
		for _, p := range presented {
			if found, err = c.check(r.Context(), p); !errors.Is(err, ErrInvalidClient) {
				break
			}
		}
		return found, err
	})
	if err != nil {
		return nil, Caller{}, err
	}
	return found, callerOf(found), nil
}

// unknown counts a failed request whose client is not known. It returns err, or a domain.WaitError after too many.
func (c *Clients) unknown(r *http.Request, err error) error {
	if request := requestOf(r.Context()); errors.Is(err, ErrInvalidClient) && !request.failed {
		request.failed = true
		if wait := c.Failures.Unknown(r.RemoteAddr); wait != nil {
			return wait
		}
	}
	return err
}

// limited lets a client authenticate, unless it has failed too often from where the request comes and is not exempt, or sends too many. A
// domain.WaitError then.
func (c *Clients) limited(r *http.Request, form url.Values, id string, exempt func() bool, authenticate func() (*domain.Client, error)) (
	*domain.Client, error,
) {
	if err := c.Failures.Check(r.RemoteAddr, id, func() string { return c.issuedToken(r, form) }, exempt); err != nil {
		return nil, err
	}
	found, err := authenticate()
	request := requestOf(r.Context())
	switch {
	case errors.Is(err, ErrInvalidClient):
		if !request.failed {
			request.failed = true
			c.Failures.Failed(r.Context(), r.RemoteAddr, cmp.Or(c.issuedToken(r, form), id))
		}
		return nil, err
	case err != nil:
		return nil, err
	case !found.Public:
		c.Failures.Succeeded(r.RemoteAddr, id)
	}
	sender := limits.Name{Who: found.ClientID}
	if found.Public {
		request.public, sender = found.ClientID, limits.At(r.RemoteAddr, found.ClientID)
	}
	if !request.counted {
		if err := c.Requests.Spend(sender, 1, c.now()); err != nil {
			return nil, err
		}
		request.counted = true
	}
	return found, nil
}

// exempt says whether an attempt that failures would refuse guesses at nothing, and costs next to nothing: whoever shares the address, or
// names the client, cannot shut it out then. Its secret is one that this server made; or it is public, and asks for no grant.
func (c *Clients) exempt(form url.Values, p pair) bool {
	found, ok := c.registry.PeekClient(p.id)
	switch {
	case !ok:
		return false
	case found.Public:
		return p.secret == "" && found.DisabledAt.IsZero() && !form.Has("grant_type")
	}
	return c.registry.IsIssuedSecret(found, p.secret)
}

// RefusedGrant counts that a code or token that a public client presented, which proves nothing by itself, is not valid.
func (c *Clients) RefusedGrant(r *http.Request, form url.Values) {
	if client := requestOf(r.Context()).public; client != "" {
		c.Failures.Failed(r.Context(), r.RemoteAddr, cmp.Or(c.issuedToken(r, form), client))
	}
}

// issuedToken names the code or token in a request without a secret that this server issued; "" if there is none. A request with a
// secret may be a guess at the secret.
func (c *Clients) issuedToken(r *http.Request, form url.Values) string {
	if c.IssuedToken == nil || len(r.Header["Authorization"]) > 0 || form.Has("client_secret") || form.Has("client_assertion") {
		return ""
	}
	return c.IssuedToken(r.Context(), form)
}

func callerOf(client *domain.Client) Caller {
	return Caller{actor: event.Client(client.ClientID), client: client.ClientID, via: ViaAPI}
}

// check finds the client and checks its secret.
func (c *Clients) check(ctx context.Context, p pair) (*domain.Client, error) {
	found, err := c.registry.LookupClient(ctx, p.id)
	switch {
	case errors.Is(err, domain.ErrNotFound):
		found = nil
	case err != nil:
		return nil, err
	}
	if found != nil && found.Public {
		if p.secret != "" || !found.DisabledAt.IsZero() {
			return nil, ErrInvalidClient
		}
		return found, nil
	}
	right, err := c.registry.CheckSecret(ctx, found, p.secret)
	if err == nil && !right {
		err = ErrInvalidClient
	}
	if err != nil {
		return nil, err
	}
	return found, nil
}

// AuthenticateConfidential is Authenticate for endpoints that public clients may not call.
func (c *Clients) AuthenticateConfidential(r *http.Request, form url.Values) (*domain.Client, Caller, error) {
	found, caller, err := c.Authenticate(r, form)
	if err == nil && found.Public {
		return nil, Caller{}, ErrInvalidClient
	}
	return found, caller, err
}

// pair is a client_id and a client_secret as a request presents them.
type pair struct{ id, secret string }

// credentials reads client_id and client_secret from either the Authorization header or the body. In the header they are form-encoded
// (RFC 6749 §2.3.1), which many clients do not do: where that makes a difference, both readings are returned.
func credentials(r *http.Request, form url.Values) ([]pair, error) {
	switch headers := r.Header.Values("Authorization"); {
	case len(headers) == 0:
		return []pair{{form.Get("client_id"), form.Get("client_secret")}}, nil
	case len(headers) > 1 || form.Has("client_secret"):
		return nil, ErrSeveralMethods
	}
	_, ok := authorization(r)
	user, password, basic := r.BasicAuth()
	if !ok || !basic {
		return nil, ErrInvalidClient
	}
	var presented []pair
	id, errID := url.QueryUnescape(user)
	secret, errSecret := url.QueryUnescape(password)
	if decoded := (pair{id, secret}); errID == nil && errSecret == nil && decoded.clean() {
		presented = append(presented, decoded)
	}
	if raw := (pair{user, password}); raw.clean() && !slices.Contains(presented, raw) {
		presented = append(presented, raw)
	}
	if len(presented) == 0 {
		return nil, ErrInvalidClient
	}
	if form.Has("client_id") {
		presented = slices.DeleteFunc(presented, func(p pair) bool { return p.id != form.Get("client_id") })
		if len(presented) == 0 {
			return nil, ErrOtherClient
		}
	}
	return presented, nil
}

func (p pair) clean() bool { return clean(p.id) && clean(p.secret) }

// clean reports whether text is fit for a database: UTF-8 without NUL.
func clean(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }
