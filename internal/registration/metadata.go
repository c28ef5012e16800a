package registration

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/httpjson"
	"github.com/signet-auth/signet/internal/outbound"
)

// Error codes of RFC 7591 §3.2.2.
const (
	InvalidRedirectURI          = "invalid_redirect_uri"
	InvalidClientMetadata       = "invalid_client_metadata"
	UnapprovedSoftwareStatement = "unapproved_software_statement"
)

// The values of application_type.
const (
	applicationWeb    = "web"
	applicationNative = "native"
)

const maxMembers = 100 // of a JSON object of metadata

// InvalidError says what is wrong with the metadata of a client, in words for who wrote it.
type InvalidError struct{ Code, Description string }

func (e *InvalidError) Error() string { return e.Description }

func invalid(format string, args ...any) error {
	return &InvalidError{InvalidClientMetadata, fmt.Sprintf(format, args...)}
}

// grantTypes are those that a client may register itself for: what a user is asked for.
var grantTypes = []string{domain.GrantAuthorizationCode, domain.GrantRefreshToken}

// metadata is what a client says of itself (RFC 7591 §2; OpenID Connect Dynamic Client Registration 1.0 §2): members by name. What
// Signet does not know is ignored.
type metadata map[string]any

// parseMetadata reads a JSON object.
func parseMetadata(text []byte) (metadata, error) {
	value, err := httpjson.Parse(text)
	members, ok := value.(map[string]any)
	switch {
	case err != nil:
		return nil, invalid("The metadata is not JSON.")
	case !ok:
		return nil, invalid("The metadata must be a JSON object.")
	case len(members) > maxMembers:
		return nil, invalid("The metadata has too many members.")
	}
	return members, nil
}

func (m metadata) text(name string) (string, error) {
	switch v := m[name].(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	return "", invalid("The member '%s' must be text, given once.", name)
}

func (m metadata) truth(name string) (bool, error) {
	switch v := m[name].(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	}
	return false, invalid("The member '%s' must be true or false.", name)
}

func (m metadata) list(name string) ([]string, error) {
	if m[name] == nil {
		return nil, nil
	}
	values, ok := m[name].([]any)
	list := make([]string, len(values))
	for i, value := range values {
		text, isText := value.(string)
		list[i], ok = text, ok && isText
	}
	if !ok {
		return nil, invalid("The member '%s' must be a list of text, given once.", name)
	}
	return list, nil
}

// client is the client that describes itself so, with the method by which it authenticates if it names none. What it may not have is
// left out where the standard lets the server choose, and refused where the client could not work.
func (m metadata) client(origin domain.ClientOrigin, method string) (domain.Client, error) {
	c := domain.Client{Origin: origin, RequirePKCE: true}
	if m["software_statement"] != nil {
		return c, &InvalidError{UnapprovedSoftwareStatement, "Signet trusts nobody's software statements: register without one."}
	}
	var application, subjectType, sector, scope string
	var responseTypes []string
	texts := map[string]*string{
		"client_name": &c.Name, "token_endpoint_auth_method": &method, "application_type": &application, "jwks_uri": &c.JWKSURI,
		"id_token_signed_response_alg": &c.IDTokenAlg, "userinfo_signed_response_alg": &c.UserinfoAlg, "subject_type": &subjectType, "sector_identifier_uri": &sector,
		"scope":                  &scope, // which the answer repeats
		"backchannel_logout_uri": &c.BackchannelLogoutURI, "frontchannel_logout_uri": &c.FrontchannelLogoutURI,
	}
	for name, to := range texts {
		given, err := m.text(name)
		if err != nil {
			return c, err
		}
		if given != "" {
			*to = given
		}
	}
	lists := map[string]*[]string{
		"redirect_uris": &c.RedirectURIs, "post_logout_redirect_uris": &c.PostLogoutRedirectURIs, "grant_types": &c.GrantTypes,
		"response_types": &responseTypes,
	}
	for name, to := range lists {
		given, err := m.list(name)
		if err != nil {
			return c, err
		}
		*to = given
	}
	if len(responseTypes) > 0 && !slices.Contains(responseTypes, "code") {
		return c, invalid("The response_types must have code.")
	}
	if len(c.GrantTypes) > 0 && !slices.Contains(c.GrantTypes, domain.GrantAuthorizationCode) {
		return c, invalid("The grant_types must have authorization_code: a client that registers itself acts for users alone.")
	}
	if c.GrantTypes = slices.DeleteFunc(c.GrantTypes, notAllowed); len(c.GrantTypes) == 0 {
		c.GrantTypes = []string{domain.GrantAuthorizationCode}
	}
	c.SessionRefreshTokens = renewable(c) // MCP clients ask for no more than the scopes of their API
	if !slices.Contains(domain.SigningAlgs, c.IDTokenAlg) {
		c.IDTokenAlg = "" // the answer shows which one counts
	}
	if !slices.Contains(domain.SigningAlgs, c.UserinfoAlg) {
		c.UserinfoAlg = ""
	}
	if c.SubjectType = domain.SubjectType(subjectType); !slices.Contains(domain.SubjectTypes, c.SubjectType) {
		c.SubjectType = domain.SubjectTypePublic
	}
	if c.SubjectType == domain.SubjectTypePairwise && sector != "" {
		return c, invalid("The sector_identifier_uri is not fetched here: the sector is the one host of the redirect_uris, so leave it out.")
	}
	if err := checkRedirects(application, c.RedirectURIs); err != nil {
		return c, err
	}
	if err := m.logout(&c); err != nil {
		return c, err
	}
	return c, m.authentication(&c, method)
}

func renewable(c domain.Client) bool { return slices.Contains(c.GrantTypes, domain.GrantRefreshToken) }

func notAllowed(grantType string) bool { return !slices.Contains(grantTypes, grantType) }

// logout sets how the client hears of sign-outs. Signet calls no host on behalf of a stranger that users are not sent to as well.
func (m metadata) logout(c *domain.Client) error {
	_, err := m.truth("backchannel_logout_session_required") // logout tokens for a session always name it
	named, wrong := m.truth("frontchannel_logout_session_required")
	if err = cmp.Or(err, wrong); err != nil {
		return err
	}
	c.FrontchannelLogoutSID = named && c.FrontchannelLogoutURI != ""
	if c.BackchannelLogoutURI == "" {
		return nil
	}
	at, err := url.Parse(c.BackchannelLogoutURI)
	if err != nil || at.Scheme != "https" || outbound.IsLoopback(at.Hostname()) ||
		!slices.ContainsFunc(c.RedirectURIs, func(uri string) bool {
			redirect, err := url.Parse(uri)
			return err == nil && redirect.Scheme == "https" && strings.EqualFold(redirect.Host, at.Host)
		}) {
		return invalid("The backchannel_logout_uri must be an https URL at the host of one of the redirect_uris.")
	}
	return nil
}

// authentication sets how the client authenticates, and its keys.
func (m metadata) authentication(c *domain.Client, method string) error {
	if m["jwks"] != nil {
		set, err := json.Marshal(m["jwks"])
		if err != nil {
			panic(err) // parsed from JSON
		}
		c.JWKS = string(set)
	}
	switch method {
	case domain.None:
		c.Public, c.JWKS, c.JWKSURI = true, "", ""
	case domain.SecretBasic, domain.SecretPost:
		c.JWKS, c.JWKSURI = "", ""
	case domain.PrivateKeyJWT:
		if c.JWKS == "" && c.JWKSURI == "" {
			return invalid("The token_endpoint_auth_method private_key_jwt needs jwks or jwks_uri.")
		}
		if uri, err := url.Parse(c.JWKSURI); c.JWKSURI != "" && (err != nil || uri.Scheme != "https" || outbound.IsLoopback(uri.Hostname())) {
			return invalid("The jwks_uri must be an https URL of a public host.")
		}
	default:
		return invalid("The token_endpoint_auth_method must be none, client_secret_basic, client_secret_post or private_key_jwt.")
	}
	return nil
}

// ownDevice reports whether a redirect URI leads to a program on the user's device: a loopback address or a private-use scheme.
func ownDevice(uri string) bool { return !strings.HasPrefix(uri, "https://") }

func checkRedirects(application string, redirectURIs []string) error {
	switch {
	case len(redirectURIs) == 0:
		return &InvalidError{InvalidRedirectURI, "The redirect_uris are missing."}
	case application != "" && application != applicationWeb && application != applicationNative:
		return invalid("The application_type must be web or native.")
	case application == applicationWeb && slices.ContainsFunc(redirectURIs, ownDevice):
		return &InvalidError{InvalidRedirectURI, "A client of the application_type web has https redirect URIs alone; one on the user's device is native."}
	}
	return nil
}

// applicationType is what redirect URIs are for (OpenID Connect Dynamic Client Registration 1.0 §2): a native application if any of
// them leads to the user's device.
func applicationType(redirectURIs []string) string {
	if slices.ContainsFunc(redirectURIs, ownDevice) {
		return applicationNative
	}
	return applicationWeb
}

// refused translates what the registry says of a client that it does not take.
func refused(err error) error {
	if !errors.Is(err, domain.ErrInvalid) {
		return err
	}
	code := InvalidClientMetadata
	if slices.ContainsFunc(domain.InvalidErrors(err), func(e *domain.InvalidError) bool { return strings.Contains(e.Field, "redirect_uris") }) {
		code = InvalidRedirectURI
	}
	return &InvalidError{code, "The registry does not take it: " + err.Error() + "."}
}
