package oauth

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// metadata is RFC 8414 §2.
type metadata struct {
	Issuer                 string   `json:"issuer"`
	AuthorizationEndpoint  string   `json:"authorization_endpoint"`
	TokenEndpoint          string   `json:"token_endpoint"`
	JWKSURI                string   `json:"jwks_uri"`
	RevocationEndpoint     string   `json:"revocation_endpoint"`
	IntrospectionEndpoint  string   `json:"introspection_endpoint"`
	ScopesSupported        []string `json:"scopes_supported"`
	ResponseTypesSupported []string `json:"response_types_supported"`
	ResponseModesSupported []string `json:"response_modes_supported"`
	GrantTypesSupported    []string `json:"grant_types_supported"`
	TokenAuthMethods       []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuthMethods  []string `json:"revocation_endpoint_auth_methods_supported"`
	IntrospectAuthMethods  []string `json:"introspection_endpoint_auth_methods_supported"`
	CodeChallengeMethods   []string `json:"code_challenge_methods_supported"`
	IssInResponse          bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207 §3
	StatusLists            string   `json:"status_list_aggregation_endpoint"`               // Token Status List §9
}

// openidMetadata is OpenID Connect Discovery §3.
type openidMetadata struct {
	metadata
	UserinfoEndpoint    string   `json:"userinfo_endpoint"`
	SubjectTypes        []string `json:"subject_types_supported"`
	IDTokenAlgs         []string `json:"id_token_signing_alg_values_supported"`
	Claims              []string `json:"claims_supported"`
	Prompts             []string `json:"prompt_values_supported"`
	ClaimsParameter     bool     `json:"claims_parameter_supported"`
	RequestParameter    bool     `json:"request_parameter_supported"`
	RequestURIParameter bool     `json:"request_uri_parameter_supported"`
}

func (p *Provider) metadata() metadata {
	anyClient := append(slices.Clone(authn.SecretMethods), authn.None)
	return metadata{
		Issuer:                 p.Issuer,
		AuthorizationEndpoint:  p.Issuer + "/oauth2/authorize",
		TokenEndpoint:          p.Issuer + "/oauth2/token",
		JWKSURI:                p.Issuer + "/.well-known/jwks.json",
		RevocationEndpoint:     p.Issuer + "/oauth2/revoke",
		IntrospectionEndpoint:  p.Issuer + "/oauth2/introspect",
		ScopesSupported:        domain.IdentityScopes,
		ResponseTypesSupported: []string{"code"},
		ResponseModesSupported: []string{"query"},
		GrantTypesSupported:    domain.GrantTypeNames(GrantTypes()),
		TokenAuthMethods:       anyClient,
		RevocationAuthMethods:  anyClient,
		IntrospectAuthMethods:  authn.SecretMethods,
		CodeChallengeMethods:   []string{"S256"},
		IssInResponse:          true,
		StatusLists:            p.Issuer + "/statuslists",
	}
}

func (p *Provider) serverMetadata(w http.ResponseWriter, _ *http.Request) {
	publish(w, p.metadata(), metadataMaxAge)
}

func (p *Provider) openidConfiguration(w http.ResponseWriter, _ *http.Request) {
	publish(w, openidMetadata{
		metadata:         p.metadata(),
		UserinfoEndpoint: p.Issuer + "/oauth2/userinfo",
		SubjectTypes:     []string{"public"},
		IDTokenAlgs:      domain.SigningAlgs,
		Claims: []string{
			"iss", "sub", "aud", "exp", "iat", "jti", "auth_time", "nonce", "acr", "amr", "at_hash",
			"name", "preferred_username", "updated_at", "email", "email_verified",
		},
		Prompts: []string{"none", "login", "consent", "select_account"},
	}, metadataMaxAge)
}

// metadataMaxAge is how long others may cache the metadata, which changes with the version of Signet alone.
const metadataMaxAge = 5 * time.Minute

// publish answers with a public document that is cached, and readable from every origin.
func publish(w http.ResponseWriter, document any, maxAge time.Duration) {
	allowAnyOrigin(w)
	w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(maxAge.Seconds())))
	writeJSON(w, http.StatusOK, document)
}

// staleJWKS is for how many times its max-age the key set is served without the database, as status lists are: a key that was
// revoked meanwhile is in it.
const staleJWKS = 10

// jwks is the key set (RFC 7517 §5). Its age is the time since the database was last asked for changes (RFC 9111 §5.1).
func (p *Provider) jwks(w http.ResponseWriter, r *http.Request) {
	age := max(0, p.Now().Sub(p.Cache.AsOf()))
	if age > staleJWKS*p.JWKSMaxAge {
		p.fail(w, r, fmt.Errorf("%w: the JWKS was last up to date %v ago", domain.ErrUnavailable, age.Round(time.Second)))
		return
	}
	body, etag, err := p.Keys.JWKS(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	allowAnyOrigin(w)
	h := w.Header()
	h.Set("Content-Type", "application/jwk-set+json")
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(p.JWKSMaxAge.Seconds())))
	h.Set("Age", strconv.Itoa(int(age.Seconds())))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("ETag", etag)
	if noneMatch(r, etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Write(body) //nolint:errcheck // the caller is gone
}
