package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"slices"

	"github.com/ory/fosite"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/cors"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/introspection"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/token"
)

// userinfo is the UserInfo endpoint (OpenID Connect Core §5.3). The token may be for any API that is not kept from it: clients ask here
// with the token that they have.
func (p *Provider) userinfo(w http.ResponseWriter, r *http.Request) {
	cors.AllowAnyOrigin(w)
	active, err := p.presentedToken(w, r)
	if err == nil && active.User != nil {
		err = p.Limits.Caller(active.User.Username, active.Claims.ClientID, 1, p.Now())
	}
	kept := false
	if err == nil {
		kept, err = p.keptFromUserinfo(r.Context(), active.Claims.Audience)
	}
	var scopes []string
	if err == nil {
		scopes = token.SplitScopes(active.Claims.Scope)
	}
	switch {
	case errors.Is(err, authn.ErrNoToken):
		w.Header().Set("WWW-Authenticate", `Bearer realm="signet"`)
		httpjson.WriteError(w, httpjson.Error{Code: "invalid_token", Description: "Send an access token as Authorization: Bearer.", Status: http.StatusUnauthorized})
	case errors.Is(err, authn.ErrInvalidToken):
		refuseBearer(w, http.StatusUnauthorized, "invalid_token", "The access token is not valid.")
	case err != nil:
		p.fail(w, r, err)
	case active.User == nil || !slices.Contains(scopes, domain.ScopeOpenID):
		refuseBearer(w, http.StatusForbidden, "insufficient_scope", "The access token lacks the scope openid.")
	case kept:
		refuseBearer(w, http.StatusForbidden, "insufficient_scope", "Access tokens for this API do not open userinfo.")
	default:
		p.answerUserinfo(w, r, active, scopes)
	}
}

func (p *Provider) answerUserinfo(w http.ResponseWriter, r *http.Request, active *introspection.Active, scopes []string) {
	var found token.Identity
	grant, err := p.Grants.FindGrant(r.Context(), active.Record.GrantID)
	if err == nil {
		found, err = p.Minter.Userinfo(r.Context(), active.Client, active.User, scopes, grant.Claims.Userinfo)
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	p.logLeftOut(r.Context(), "client", active.Client.ClientID, found.LeftOut)
	if active.Client.UserinfoAlg != "" {
		p.answerSigned(w, r, active.Client, found.Claims)
		return
	}
	httpjson.Write(w, http.StatusOK, found.Claims)
}

// answerSigned answers with a JWT (OpenID Connect Core §5.3.2). Its type, which no ID token has, keeps it from passing for one.
func (p *Provider) answerSigned(w http.ResponseWriter, r *http.Request, client *domain.Client, claims map[string]any) {
	claims["iss"], claims["aud"] = p.Issuer, client.ClientID
	payload, err := json.Marshal(claims)
	var signed []byte
	if err == nil {
		err = p.current(r.Context(), func(int64) (err error) {
			signed, _, err = p.Keys.Sign(r.Context(), client.UserinfoAlg, keys.TypeUserinfo, payload)
			return err
		})
	}
	if err != nil {
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/jwt")
	w.Write(signed) //nolint:errcheck // the caller is gone
}

// presentedToken is that of the Authorization header, or of the body of a POST (RFC 6750 §2.1, §2.2).
func (p *Provider) presentedToken(w http.ResponseWriter, r *http.Request) (*introspection.Active, error) {
	media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if r.Method != http.MethodPost || media != "application/x-www-form-urlencoded" {
		return p.Bearer.Token(r)
	}
	form, err := readForm(w, r)
	switch {
	case err != nil:
		return nil, err
	case !form.Has("access_token"):
		return p.Bearer.Token(r)
	case len(r.Header.Values("Authorization")) > 0:
		return nil, fosite.ErrInvalidRequest.WithHint(ourWords + "Send the access token once: in the Authorization header or in the body.")
	}
	return p.Bearer.Check(r, form.Get("access_token"))
}

// keptFromUserinfo says whether an audience is that of an API whose tokens do not open userinfo.
func (p *Provider) keptFromUserinfo(ctx context.Context, audience string) (bool, error) {
	if audience == p.Issuer {
		return false, nil
	}
	api, err := p.Registry.LookupAPI(ctx, audience)
	if err != nil {
		return false, err
	}
	return api.NoUserinfo, nil
}

// refuseBearer answers as RFC 6750 §3 requires.
func refuseBearer(w http.ResponseWriter, status int, code, description string) {
	w.Header().Set("WWW-Authenticate", `Bearer realm="signet", error="`+code+`", error_description="`+description+`"`)
	httpjson.WriteError(w, httpjson.Error{Code: code, Description: description, Status: status})
}
