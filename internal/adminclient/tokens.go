package adminclient

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	tokenTimeout = 30 * time.Second
	refreshEarly = 30 * time.Second // before an access token expires
)

// Endpoints are what a server says of itself (RFC 8414), as far as signing in needs it.
type Endpoints struct {
	Issuer    string `json:"issuer"`
	Authorize string `json:"authorization_endpoint"`
	Token     string `json:"token_endpoint"`
	Device    string `json:"device_authorization_endpoint"`
	Revoke    string `json:"revocation_endpoint"`

	Permissions []string `json:"-"` // of its admin API
}

// Discover asks a server where its endpoints are. They have to be its own: no other host gets a code or a token.
func Discover(ctx context.Context, server string) (Endpoints, error) {
	var e Endpoints
	base, err := ParseServer(server)
	if err != nil {
		return e, err
	}
	r, err := http.NewRequest(http.MethodGet, base.String()+"/.well-known/openid-configuration", nil)
	if err != nil {
		return e, err
	}
	if err := exchange(ctx, base.String(), r, &e); err != nil {
		return e, err
	}
	if e.Issuer != base.String() {
		return e, fmt.Errorf("%s says that its address is %q: use that", base, e.Issuer)
	}
	for _, endpoint := range []string{e.Authorize, e.Token, e.Device, e.Revoke} {
		u, err := url.Parse(endpoint)
		if err != nil || u.Scheme != base.Scheme || u.Host != base.Host || u.User != nil {
			return e, fmt.Errorf("%s names the endpoint %q, which is not its own", base, endpoint)
		}
	}
	var api struct {
		Scopes []string `json:"scopes_supported"`
	}
	if r, err = http.NewRequest(http.MethodGet, base.String()+"/.well-known/oauth-protected-resource"+domain.AdminPath, nil); err != nil { // RFC 9728
		return e, err
	}
	err = exchange(ctx, base.String(), r, &api)
	e.Permissions = api.Scopes
	return e, err
}

// OAuthError is what a token endpoint answers with (RFC 6749 §5.2).
type OAuthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func (e *OAuthError) Error() string {
	if e.Description == "" {
		return e.Code
	}
	return e.Code + ": " + e.Description
}

// Post sends a form of the command line's own client to an endpoint of a server. An *OAuthError if it is refused.
func Post(ctx context.Context, server, endpoint string, form url.Values, answer any) error {
	form.Set("client_id", domain.CLIClient)
	r, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return exchange(ctx, server, r, answer)
}

func exchange(ctx context.Context, server string, r *http.Request, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	r.Header.Set("Accept", "application/json")
	response, err := transport.RoundTrip(r.WithContext(ctx)) // which follows no redirect
	if err != nil {
		return &AwayError{server, err}
	}
	defer func() { _ = response.Body.Close() }()
	text, err := readAll(response.Body)
	if err != nil {
		return fmt.Errorf("read the answer of %s: %w", server, err)
	}
	var refused OAuthError
	switch {
	case response.StatusCode == http.StatusOK && (answer == nil || json.Unmarshal(text, answer) == nil):
		return nil
	case response.StatusCode >= 400 && json.Unmarshal(text, &refused) == nil && refused.Code != "":
		return &refused
	case isAway(response.StatusCode):
		return &AwayError{server, fmt.Errorf("it answers %d %s", response.StatusCode, http.StatusText(response.StatusCode))}
	}
	return fmt.Errorf("%s answers %d, and not as Signet does: is it the address of the server?", server, response.StatusCode)
}

// TokenAnswer is what a token endpoint gives (RFC 6749 §5.1).
type TokenAnswer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	RefreshToken string `json:"refresh_token"`
}

// Keep writes the tokens into a context.
func (a TokenAnswer) Keep(c *Context, now time.Time) error {
	if a.AccessToken == "" || !strings.EqualFold(a.TokenType, "Bearer") {
		return errors.New("the server gave no bearer token")
	}
	c.AccessToken, c.ExpiresAt = a.AccessToken, now.Add(time.Duration(a.ExpiresIn)*time.Second)
	if a.RefreshToken != "" {
		c.RefreshToken = a.RefreshToken
	}
	return nil
}

// StoredTokens are those of a context.
type StoredTokens struct {
	*ContextStore
	Context string
}

// Token implements Tokens. It gets a new token if the stored one is about to expire, or was refused.
func (s StoredTokens) Token(ctx context.Context, refused string) (string, error) {
	contexts, err := s.Load()
	if err != nil {
		return "", err
	}
	c, err := contexts.Of(s.Context)
	if err != nil || c.serves(refused) {
		return c.accessToken(), err
	}
	err = s.Edit(func(contexts *Contexts) (err error) { // one process refreshes, the others use what it stored
		if c, err = contexts.Of(s.Context); err != nil || c.serves(refused) {
			return err
		}
		return c.refresh(ctx, s.Context)
	})
	return c.accessToken(), err
}

// Stored is the access token of the context, if it is one to be tried; nothing is asked for another.
func (s StoredTokens) Stored() (token StaticToken, ok bool) {
	contexts, err := s.Load()
	if err != nil {
		return "", false
	}
	c, err := contexts.Of(s.Context)
	if err != nil || !c.serves("") {
		return "", false
	}
	return StaticToken(c.AccessToken), true
}

// serves says whether the access token is one to be tried.
func (c *Context) serves(refused string) bool {
	return c.AccessToken != "" && c.AccessToken != refused && time.Until(c.ExpiresAt) > refreshEarly
}

func (c *Context) accessToken() string {
	if c == nil {
		return ""
	}
	return c.AccessToken
}

func (c *Context) refresh(ctx context.Context, name string) error {
	if c.RefreshToken == "" {
		return fmt.Errorf("the session at %s has ended: %w", c.Server, errSignIn(name, c.Server))
	}
	var answer TokenAnswer
	ctx = context.WithoutCancel(ctx) // who gives up must not lose the token that comes for the used one
	err := Post(ctx, c.Server, c.TokenEndpoint, url.Values{"grant_type": {domain.GrantRefreshToken}, "refresh_token": {c.RefreshToken}}, &answer)
	refused, ok := errors.AsType[*OAuthError](err)
	switch {
	case ok && refused.Code == "invalid_grant":
		return fmt.Errorf("the session at %s has ended: %w", c.Server, errSignIn(name, c.Server))
	case ok && refused.Code == "invalid_client":
		return fmt.Errorf("%s does not let the command line in: its client %s is disabled", c.Server, domain.CLIClient)
	case err != nil:
		return err
	}
	return answer.Keep(c, time.Now())
}

// Revoke takes the tokens of a context back at its server.
func (c *Context) Revoke(ctx context.Context) error {
	return Post(ctx, c.Server, c.RevokeAt, url.Values{"token": {cmp.Or(c.RefreshToken, c.AccessToken)}}, nil)
}

func errSignIn(name, server string) error {
	return fmt.Errorf("run signet login --server %s --context %s", server, name)
}
