package authn

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/limits"
)

var (
	// ErrNoToken says that a request presents no access token, or not in one Authorization header of the scheme Bearer.
	ErrNoToken = errors.New("no access token")
	// ErrInvalidToken says that the presented access token is not a live one, or not for the audience that it is presented to.
	ErrInvalidToken = errors.New("the access token is not valid")
)

// maxAuthorization bounds the Authorization header, in bytes: any access token, after its scheme.
const maxAuthorization = domain.MaxTokenSize + 1<<10

// Introspector judges access tokens.
type Introspector interface {
	// Introspect returns nil, nil for anything but a live access token of this server.
	Introspect(ctx context.Context, token string) (*introspection.Active, error)
}

// Bearer authenticates requests by access tokens in the Authorization header (RFC 6750 §2.1).
type Bearer struct {
	Failures *limits.Failures
	tokens   Introspector
}

// NewBearer makes the service.
func NewBearer(tokens Introspector) *Bearer { return &Bearer{tokens: tokens} }

// Token returns the live access token that a request presents in its Authorization header, for whatever audience. ErrNoToken or ErrInvalidToken; any other
// error means that the question was not answered: a domain.WaitError, that too many of the request's address were not valid.
func (b *Bearer) Token(r *http.Request) (*introspection.Active, error) {
	value := BearerToken(r)
	if value == "" {
		return nil, ErrNoToken
	}
	return b.Check(r, value)
}

// BearerToken is the token in a request's one Authorization header of the scheme Bearer; empty if there is none.
func BearerToken(r *http.Request) string {
	header, _ := authorization(r)
	scheme, value, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimLeft(value, " ") // 1*SP, RFC 6750 §2.1
}

// Check returns the live access token of a value that a request presents elsewhere. Errors as Token's.
func (b *Bearer) Check(r *http.Request, value string) (*introspection.Active, error) {
	active, err := b.tokens.Introspect(r.Context(), value)
	if err != nil || active != nil {
		return active, err
	}
	if err := b.Failures.Unknown(r.RemoteAddr); err != nil {
		return nil, err
	}
	return nil, ErrInvalidToken
}

// Authenticate returns the caller of the admin API: the token's subject, with the token's permissions of urn:signet:admin.
// Errors as Token's; ErrInvalidToken also for a token of another audience.
func (b *Bearer) Authenticate(r *http.Request) (Caller, error) {
	active, err := b.Token(r)
	if err != nil {
		return Caller{}, err
	}
	if active.Claims.Audience != domain.AdminAudience {
		return Caller{}, ErrInvalidToken
	}
	caller := Caller{
		actor: event.Client(active.Claims.ClientID), client: active.Claims.ClientID,
		via: ViaAPI, permissions: active.Claims.Entitlements,
	}
	if active.User != nil {
		caller.actor, caller.subject = event.User(active.User.Username), active.User.Username
	}
	return caller, nil
}

// authorization is the one Authorization header of a request. Not ok if there is none, more than one, or it is too long.
func authorization(r *http.Request) (header string, ok bool) {
	headers := r.Header.Values("Authorization")
	if len(headers) != 1 || len(headers[0]) > maxAuthorization {
		return "", false
	}
	return headers[0], true
}
