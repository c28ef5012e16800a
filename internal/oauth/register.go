package oauth

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/cors"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/registration"
)

// registrationAnswer is a client as it is registered now (RFC 7591 §3.2.1; RFC 7592 §3).
type registrationAnswer struct {
	ClientID               string          `json:"client_id"`
	ClientSecret           string          `json:"client_secret,omitempty"`
	ClientSecretExpiresAt  *int64          `json:"client_secret_expires_at,omitempty"` // 0: it does not
	ClientIDIssuedAt       int64           `json:"client_id_issued_at"`
	RegistrationToken      string          `json:"registration_access_token"`
	RegistrationURI        string          `json:"registration_client_uri"`
	Name                   string          `json:"client_name"`
	ApplicationType        string          `json:"application_type"`
	AuthMethod             string          `json:"token_endpoint_auth_method"`
	GrantTypes             []string        `json:"grant_types"`
	ResponseTypes          []string        `json:"response_types"`
	RedirectURIs           []string        `json:"redirect_uris"`
	PostLogoutRedirectURIs []string        `json:"post_logout_redirect_uris,omitempty"`
	JWKSURI                string          `json:"jwks_uri,omitempty"`
	JWKS                   json.RawMessage `json:"jwks,omitempty"`
	Scope                  string          `json:"scope,omitempty"`
	IDTokenAlg             string          `json:"id_token_signed_response_alg"`
	UserinfoAlg            string          `json:"userinfo_signed_response_alg,omitempty"`
	SubjectType            string          `json:"subject_type"`
	BackchannelLogoutURI   string          `json:"backchannel_logout_uri,omitempty"`
	FrontchannelLogoutURI  string          `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelLogoutSID  bool            `json:"frontchannel_logout_session_required,omitempty"`
}

func (p *Provider) registrationAnswer(r registration.Registered) registrationAnswer {
	c := r.Client
	a := registrationAnswer{
		ClientID: c.ClientID, ClientSecret: r.Secret, ClientIDIssuedAt: c.CreatedAt.Unix(),
		RegistrationToken: r.Token, RegistrationURI: p.Issuer + "/oauth2/register/" + c.ClientID,
		Name: c.Name, ApplicationType: r.ApplicationType, AuthMethod: r.AuthMethod, GrantTypes: c.GrantTypes, ResponseTypes: []string{"code"},
		RedirectURIs: c.RedirectURIs, PostLogoutRedirectURIs: c.PostLogoutRedirectURIs, JWKSURI: c.JWKSURI, JWKS: json.RawMessage(c.JWKS), Scope: r.Scope,
		IDTokenAlg: c.IDTokenAlg, UserinfoAlg: c.UserinfoAlg, SubjectType: string(c.SubjectType),
		BackchannelLogoutURI: c.BackchannelLogoutURI, FrontchannelLogoutURI: c.FrontchannelLogoutURI, FrontchannelLogoutSID: c.FrontchannelLogoutSID,
	}
	if r.Secret != "" {
		a.ClientSecretExpiresAt = new(int64)
	}
	return a
}

// mountRegistration adds the registration endpoint, where an administrator allows it.
func (p *Provider) mountRegistration(mux *http.ServeMux) {
	if p.Registrations.Rules.Endpoint == registration.Nobody {
		return
	}
	mux.HandleFunc("POST /oauth2/register", p.register)
	mux.HandleFunc("GET /oauth2/register/{client}", p.registration)
	mux.HandleFunc("PUT /oauth2/register/{client}", p.reregister)
	mux.HandleFunc("DELETE /oauth2/register/{client}", p.unregister)
	cors.Mount(mux, map[string]string{"/oauth2/register": "POST", "/oauth2/register/{client}": "GET, PUT, DELETE"})
}

func (p *Provider) register(w http.ResponseWriter, r *http.Request) {
	text, err := readMetadata(w, r)
	var made registration.Registered
	if err == nil {
		made, err = p.Registrations.Register(r.Context(), domain.Network(r.RemoteAddr), authn.BearerToken(r), text)
	}
	p.answerRegistration(w, r, http.StatusCreated, made, err)
}

func (p *Provider) registration(w http.ResponseWriter, r *http.Request) {
	found, err := p.Registrations.Registration(r.Context(), r.PathValue("client"), authn.BearerToken(r))
	p.answerRegistration(w, r, http.StatusOK, found, err)
}

func (p *Provider) reregister(w http.ResponseWriter, r *http.Request) {
	text, err := readMetadata(w, r)
	var changed registration.Registered
	if err == nil {
		changed, err = p.Registrations.Reregister(r.Context(), r.PathValue("client"), authn.BearerToken(r), text)
	}
	p.answerRegistration(w, r, http.StatusOK, changed, err)
}

func (p *Provider) unregister(w http.ResponseWriter, r *http.Request) {
	if err := p.Registrations.Unregister(r.Context(), r.PathValue("client"), authn.BearerToken(r)); err != nil {
		p.answerRegistration(w, r, 0, registration.Registered{}, err)
		return
	}
	cors.AllowAnyOrigin(w)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
}

func (p *Provider) answerRegistration(w http.ResponseWriter, r *http.Request, status int, registered registration.Registered, err error) {
	cors.AllowAnyOrigin(w)
	if err == nil {
		httpjson.Write(w, status, p.registrationAnswer(registered))
		return
	}
	e := wire(err)
	wrong := new(registration.InvalidError)
	switch {
	case domain.IsTemporary(err):
	case errors.Is(err, registration.ErrToken):
		e = httpjson.Error{Code: "invalid_token", Description: "The token does not allow this: it is missing, unknown, expired or used up.", Status: http.StatusUnauthorized}
		w.Header().Set("WWW-Authenticate", `Bearer realm="signet", error="invalid_token"`)
	case errors.Is(err, registration.ErrTooMany), errors.Is(err, registration.ErrFull):
		e = httpjson.Error{Code: "temporarily_unavailable", Description: "Too many clients have registered themselves; try again later.", Status: http.StatusTooManyRequests, RetryAfter: 300}
	case errors.As(err, &wrong):
		e = httpjson.Error{Code: wrong.Code, Description: printable(wrong.Description), Status: http.StatusBadRequest}
	}
	p.logFailure(r, e, err)
	httpjson.WriteError(w, e)
}

// readMetadata reads the body of a registration.
func readMetadata(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/json" {
		return nil, &registration.InvalidError{Code: registration.InvalidClientMetadata, Description: "Send the metadata as application/json."}
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, &registration.InvalidError{Code: registration.InvalidClientMetadata, Description: "The body is too large, or did not arrive whole."}
	}
	return text, nil
}
