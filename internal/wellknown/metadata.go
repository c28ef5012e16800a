package wellknown

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/cors"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/token"
)

// metadata is RFC 8414 §2.
type metadata struct {
	Issuer                 string   `json:"issuer"`
	AuthorizationEndpoint  string   `json:"authorization_endpoint"`
	TokenEndpoint          string   `json:"token_endpoint"`
	DeviceEndpoint         string   `json:"device_authorization_endpoint"` // RFC 8628 §4
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
	TokenAuthAlgs          []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	RevocationAuthAlgs     []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	IntrospectAuthAlgs     []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	RegistrationEndpoint   string   `json:"registration_endpoint,omitempty"` // RFC 7591
	MetadataDocuments      bool     `json:"client_id_metadata_document_supported,omitempty"`
	CodeChallengeMethods   []string `json:"code_challenge_methods_supported"`
	IssInResponse          bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207 §3
	StatusLists            string   `json:"status_list_aggregation_endpoint"`               // Token Status List §9
}

// openidMetadata is OpenID Connect Discovery §3.
type openidMetadata struct {
	metadata
	UserinfoEndpoint    string               `json:"userinfo_endpoint"`
	EndSessionEndpoint  string               `json:"end_session_endpoint"`         // OpenID Connect RP-Initiated Logout 1.0 §2.1
	BackchannelLogout   bool                 `json:"backchannel_logout_supported"` // OpenID Connect Back-Channel Logout 1.0 §2.1
	BackchannelSessions bool                 `json:"backchannel_logout_session_supported"`
	FrontchannelLogout  bool                 `json:"frontchannel_logout_supported"` // OpenID Connect Front-Channel Logout 1.0 §3
	FrontchannelSession bool                 `json:"frontchannel_logout_session_supported"`
	SubjectTypes        []domain.SubjectType `json:"subject_types_supported"`
	IDTokenAlgs         []string             `json:"id_token_signing_alg_values_supported"`
	UserinfoAlgs        []string             `json:"userinfo_signing_alg_values_supported"`
	Claims              []string             `json:"claims_supported"`
	Prompts             []string             `json:"prompt_values_supported"`
	ACRValues           []string             `json:"acr_values_supported"`
	UILocales           []string             `json:"ui_locales_supported"`
	ClaimsParameter     bool                 `json:"claims_parameter_supported"`
	RequestParameter    bool                 `json:"request_parameter_supported"`
	RequestURIParameter bool                 `json:"request_uri_parameter_supported"`
}

func (d *Documents) metadata() metadata {
	anyClient := append(slices.Clone(authn.Methods), domain.None)
	registrationEndpoint := ""
	if d.Registration {
		registrationEndpoint = d.Issuer + "/oauth2/register"
	}
	return metadata{
		RegistrationEndpoint: registrationEndpoint, MetadataDocuments: d.MetadataDocuments,
		Issuer:                 d.Issuer,
		AuthorizationEndpoint:  d.Issuer + "/oauth2/authorize",
		TokenEndpoint:          d.Issuer + "/oauth2/token",
		DeviceEndpoint:         d.Issuer + "/oauth2/device",
		JWKSURI:                d.Issuer + "/.well-known/jwks.json",
		RevocationEndpoint:     d.Issuer + "/oauth2/revoke",
		IntrospectionEndpoint:  d.Issuer + "/oauth2/introspect",
		ScopesSupported:        domain.IdentityScopes,
		ResponseTypesSupported: []string{"code"},
		ResponseModesSupported: d.ResponseModes,
		GrantTypesSupported:    domain.GrantTypeNames(d.GrantTypes),
		TokenAuthMethods:       anyClient,
		RevocationAuthMethods:  anyClient,
		IntrospectAuthMethods:  authn.Methods,
		TokenAuthAlgs:          keys.ForeignAlgs,
		RevocationAuthAlgs:     keys.ForeignAlgs,
		IntrospectAuthAlgs:     keys.ForeignAlgs,
		CodeChallengeMethods:   []string{"S256"},
		IssInResponse:          true,
		StatusLists:            d.Issuer + "/statuslists",
	}
}

func (d *Documents) serverMetadata(w http.ResponseWriter, r *http.Request) {
	publish(w, r, d.metadata(), metadataMaxAge)
}

func (d *Documents) openidConfiguration(w http.ResponseWriter, r *http.Request) {
	publish(w, r, openidMetadata{
		metadata:           d.metadata(),
		UserinfoEndpoint:   d.Issuer + "/oauth2/userinfo",
		EndSessionEndpoint: d.Issuer + "/oauth2/logout",
		BackchannelLogout:  true, BackchannelSessions: true, FrontchannelLogout: true, FrontchannelSession: true,
		SubjectTypes: domain.SubjectTypes,
		IDTokenAlgs:  domain.SigningAlgs, UserinfoAlgs: domain.SigningAlgs,
		Claims: append([]string{
			"iss", "sub", "aud", "exp", "iat", "jti", "auth_time", "nonce", "acr", "amr", "at_hash", "sid", "groups", "roles",
		}, token.UserClaimNames()...),
		ClaimsParameter: true, ACRValues: domain.ACRs, UILocales: []string{"en"},
		Prompts: []string{"none", "login", "consent", "select_account"},
	}, metadataMaxAge)
}

// metadataMaxAge is how long others may cache the metadata, which changes with the version of Signet alone.
const metadataMaxAge = 5 * time.Minute

// publish answers with a public document that is cached, and readable from every origin. It panics if that has no JSON form.
func publish(w http.ResponseWriter, r *http.Request, document any, maxAge time.Duration) {
	body, err := json.Marshal(document)
	if err != nil {
		panic(err) // our own types
	}
	cors.AllowAnyOrigin(w)
	h, tag := w.Header(), entityTag(body)
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(maxAge.Seconds())))
	h.Set("ETag", tag)
	if httpjson.NoneMatch(r, tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body) //nolint:errcheck // the caller is gone
}

// entityTag is a strong validator (RFC 9110 §8.8.3).
func entityTag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}
