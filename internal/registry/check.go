package registry

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/claimmap"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
)

const (
	maxNameBytes       = 200
	maxRedirectURIs    = 32
	maxPermissions     = 500
	maxPermissionBytes = 100
	maxListedAPIs      = 100
	minAccessTokenTTL  = 30 * time.Second
	maxAccessTokenTTL  = 24 * time.Hour
)

// checkClient holds every rule for clients that needs no database, and fills in what was left open. Its grant types are among those
// that are supported.
func checkClient(c *domain.Client, supported []domain.GrantType) error {
	if c.Name == "" {
		c.Name = c.ClientID
	}
	c.SubjectType = cmp.Or(c.SubjectType, domain.SubjectTypePublic)
	c.IDTokenAlg, c.GroupNames = cmp.Or(c.IDTokenAlg, domain.RS256), cmp.Or(c.GroupNames, domain.GroupsByName)
	if err := checkClientID(c.ClientID); err != nil {
		return err
	}
	if err := domain.CheckText("client_name", "client name", c.Name, maxNameBytes); err != nil {
		return err
	}
	if err := checkSigningAlg("id_token_signed_response_alg", "ID token algorithm", c.IDTokenAlg); err != nil {
		return err
	}
	if c.UserinfoAlg != "" {
		if err := checkSigningAlg("userinfo_signed_response_alg", "userinfo algorithm", c.UserinfoAlg); err != nil {
			return err
		}
	}
	if err := checkGroupNames(c.GroupNames); err != nil {
		return err
	}
	if c.Public && !c.RequirePKCE {
		return domain.Invalid("require_pkce", domain.RuleConflict, "client: a public client always has to use PKCE")
	}
	if c.SelfRegistered() && c.FirstParty {
		return domain.Invalid("first_party", domain.RuleConflict, "client: one that registered itself is no first party; its users are asked")
	}
	if c.Public && c.KeepRefreshTokens {
		return domain.Invalid("keep_refresh_tokens", domain.RuleConflict, "client: the refresh tokens of a public client are replaced with each use (RFC 9700 §2.2.2)")
	}
	if c.SessionRefreshTokens && !slices.Contains(c.GrantTypes, domain.GrantRefreshToken) {
		return domain.Invalid("session_refresh_tokens", domain.RuleConflict, "client: refresh tokens that end with the session need the grant type %s", domain.GrantRefreshToken)
	}
	if o := c.RefreshOverlap; o != nil && (*o < 0 || *o > domain.MaxRefreshOverlap || *o%time.Second != 0) {
		return domain.Invalid("refresh_overlap", domain.RuleRange, "refresh overlap %s: use whole seconds, 0s to %s", *o, domain.MaxRefreshOverlap)
	}
	if err := checkGrantTypes(*c, supported); err != nil {
		return err
	}
	if err := errors.Join(
		checkRedirectURIs("redirect_uris", "redirect URI", c.RedirectURIs, answerParameters),
		checkRedirectURIs("post_logout_redirect_uris", "post-logout redirect URI", c.PostLogoutRedirectURIs, logoutAnswerParameters),
	); err != nil {
		return err
	}
	if err := checkFetched("backchannel_logout_uri", "back-channel logout URI", c.BackchannelLogoutURI); err != nil {
		return err
	}
	if err := checkFrontchannel(c); err != nil {
		return err
	}
	if err := checkClientKeys(c); err != nil {
		return err
	}
	if err := claimmap.Check(c.ClaimMappings); err != nil {
		return err
	}
	if err := checkSector(c); err != nil {
		return err
	}
	return checkClientAPIs(*c)
}

// checkFrontchannel wants the front-channel logout URI to be of the application: scheme, host and port are those of a redirect URI
// (OpenID Connect Front-Channel Logout 1.0 §2).
func checkFrontchannel(c *domain.Client) error {
	if c.FrontchannelLogoutURI == "" {
		if c.FrontchannelLogoutSID {
			return domain.Invalid("frontchannel_logout_session_required", domain.RuleConflict, "client: it hears of no session without a front-channel logout URI")
		}
		return nil
	}
	if err := errors.Join(checkFetched("frontchannel_logout_uri", "front-channel logout URI", c.FrontchannelLogoutURI),
		checkRedirectedTo("frontchannel_logout_uri", "front-channel logout URI", c.FrontchannelLogoutURI, frontchannelParameters)); err != nil {
		return err
	}
	if !slices.ContainsFunc(c.RedirectURIs, func(uri string) bool { return origin(uri) == origin(c.FrontchannelLogoutURI) }) {
		return domain.Invalid("frontchannel_logout_uri", domain.RuleConflict, "front-channel logout URI %q: its scheme, host and port have to be those of a redirect URI", shorten(c.FrontchannelLogoutURI))
	}
	return nil
}

// checkClientKeys holds the rules for keys of clients (RFC 7591 §2), and writes those registered here without blanks.
func checkClientKeys(c *domain.Client) error {
	switch {
	case c.JWKS == "" && c.JWKSURI == "":
		if c.EndpointAudience || c.JWKSURIPrivate {
			return domain.Invalid("jwks", domain.RuleRequired, "client: it has no keys; register its JWKS, or where it publishes that")
		}
		return nil
	case c.Public:
		return domain.Invalid("jwks", domain.RuleConflict, "client: a public client has no keys; make it confidential")
	case c.JWKS != "" && c.JWKSURI != "":
		return domain.Invalid("jwks_uri", domain.RuleConflict, "client: register its JWKS, or where it publishes that, not both")
	case c.JWKS == "":
		return checkFetched("jwks_uri", "JWKS URI", c.JWKSURI)
	}
	if _, err := keys.ParseKeySet([]byte(c.JWKS)); err != nil {
		return err
	}
	return compactJSON(&c.JWKS)
}

// compactJSON writes JSON without blanks.
func compactJSON(text *string) error {
	var compact bytes.Buffer
	if err := json.Compact(&compact, []byte(*text)); err != nil {
		return err
	}
	*text = compact.String()
	return nil
}

// checkClientID keeps client_id and users' "sub" apart (RFC 9068 §5): the subject of a token is one or the other.
func checkClientID(clientID string) error {
	if err := domain.CheckClientID(clientID); err != nil {
		return err
	}
	if strings.HasPrefix(clientID, "usr_") {
		return domain.Invalid("client_id", domain.RuleReserved, "client_id %q: names that begin with usr_ are kept for users", clientID)
	}
	return nil
}

func checkGrantTypes(c domain.Client, supported []domain.GrantType) error {
	if err := checkUnique("grant_types", "grant type", c.GrantTypes); err != nil {
		return err
	}
	if len(c.GrantTypes) == 0 && len(c.Serves) == 0 && !c.ServesUserinfo {
		return domain.Invalid("grant_types", domain.RuleRequired, "client: give it a grant type, or an API that it serves")
	}
	for n, name := range c.GrantTypes {
		i := slices.IndexFunc(supported, func(t domain.GrantType) bool { return t.Name == name })
		if i < 0 {
			return domain.Invalid(domain.Element("grant_types", n), domain.RuleOneOf, "grant type %q: use %s", name, strings.Join(domain.GrantTypeNames(supported), ", "))
		}
		switch t := supported[i]; {
		case t.Confidential && c.Public:
			return domain.Invalid(domain.Element("grant_types", n), domain.RuleConflict, "grant type %q: a public client has no credentials; make it confidential", name)
		case len(t.With) > 0 && !slices.ContainsFunc(t.With, func(other string) bool { return slices.Contains(c.GrantTypes, other) }):
			return domain.Invalid("grant_types", domain.RuleRequired, "grant type %q: it needs %s too", name, strings.Join(t.With, " or "))
		case t.RedirectURI && len(c.RedirectURIs) == 0:
			return domain.Invalid("redirect_uris", domain.RuleRequired, "grant type %q: it needs a redirect URI", name)
		}
	}
	return nil
}

func checkClientAPIs(c domain.Client) error {
	if len(c.APIs) > maxListedAPIs || len(c.Serves) > maxListedAPIs {
		return domain.Invalid("apis", domain.RuleTooMany, "client: it names too many APIs; use at most %d", maxListedAPIs)
	}
	audiences := make([]string, 0, len(c.APIs))
	defaults := 0
	for i, api := range c.APIs {
		audiences = append(audiences, api.Audience)
		if api.Default {
			defaults++
		}
		if err := checkUnique(domain.Element("apis", i)+".permissions", "permission", api.Permissions); err != nil {
			return err
		}
	}
	if defaults > 1 {
		return domain.Invalid("apis", domain.RuleConflict, "client: it has %d default APIs; use at most one", defaults)
	}
	if err := checkUnique("apis", "API", audiences); err != nil {
		return err
	}
	return checkUnique("serves", "served API", c.Serves)
}

// checkAPI holds every rule for APIs, and fills in what was left open.
func checkAPI(a *domain.API) error {
	if a.Name == "" {
		a.Name = a.Audience[:min(len(a.Audience), maxNameBytes)]
	}
	if a.SigningAlg == "" {
		a.SigningAlg = domain.SigningAlgs[0]
	}
	a.Memberships, a.GroupNames = cmp.Or(a.Memberships, domain.MembershipsRelevant), cmp.Or(a.GroupNames, domain.GroupsByName)
	if err := checkAudience(a.Audience); err != nil {
		return err
	}
	if err := domain.CheckText("name", "API name", a.Name, maxNameBytes); err != nil {
		return err
	}
	if err := checkSigningAlg("signing_alg", "signing algorithm", a.SigningAlg); err != nil {
		return err
	}
	if !slices.Contains([]domain.Memberships{domain.MembershipsRelevant, domain.MembershipsAll, domain.MembershipsNone}, a.Memberships) {
		return domain.Invalid("memberships", domain.RuleOneOf, "memberships %q: use relevant, all or none", a.Memberships)
	}
	if err := checkGroupNames(a.GroupNames); err != nil {
		return err
	}
	if ttl := a.AccessTokenTTL; ttl != 0 && (ttl < minAccessTokenTTL || ttl > maxAccessTokenTTL) {
		return domain.Invalid("access_token_ttl", domain.RuleRange, "access token lifetime %s: use %s to %s, or 0 for the server's default", ttl, minAccessTokenTTL, maxAccessTokenTTL)
	}
	if err := claimmap.Check(a.ClaimMappings); err != nil {
		return err
	}
	if err := checkEncryption(a); err != nil {
		return err
	}
	return checkPermissions(a.Permissions)
}

func checkPermissions(permissions []domain.Permission) error {
	if len(permissions) > maxPermissions {
		return domain.Invalid("permissions", domain.RuleTooMany, "API: it has %d permissions; use at most %d", len(permissions), maxPermissions)
	}
	names := make([]string, 0, len(permissions))
	for i, p := range permissions {
		names = append(names, p.Name)
		if err := checkPermissionName(domain.Element("permissions", i)+".name", p.Name); err != nil {
			return err
		}
		if err := domain.CheckText(domain.Element("permissions", i)+".description", "permission description", p.Description, maxNameBytes); err != nil {
			return err
		}
	}
	return checkUnique("permissions", "permission", names)
}

// checkPermissionName checks that a permission can be one value of "scope" (RFC 6749 §3.3).
func checkPermissionName(field, name string) error {
	outside := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
	switch {
	case name == "" || len(name) > maxPermissionBytes || strings.ContainsFunc(name, outside):
		return domain.Invalid(field, domain.RuleFormat, "permission %q: use 1 to %d printable ASCII characters without spaces, quotes or backslashes, like orders:read", name, maxPermissionBytes)
	case slices.Contains(domain.IdentityScopes, name):
		return domain.Invalid(field, domain.RuleReserved, "permission %q: OpenID Connect gives this scope its meaning; choose another name", name)
	}
	return nil
}

func checkSigningAlg(field, what, alg string) error {
	if !slices.Contains(domain.SigningAlgs, alg) {
		return domain.Invalid(field, domain.RuleOneOf, "%s %q: use %s", what, alg, strings.Join(domain.SigningAlgs, ", "))
	}
	return nil
}

func checkGroupNames(names domain.GroupNames) error {
	if names != domain.GroupsByName && names != domain.GroupsBySlashName {
		return domain.Invalid("group_names", domain.RuleOneOf, "group names %q: use name or slash-name", names)
	}
	return nil
}

func checkUnique(field, what string, values []string) error {
	seen := make(map[string]bool, len(values))
	for i, v := range values {
		if seen[v] {
			return domain.Invalid(domain.Element(field, i), domain.RuleUnique, "%s %q: it is listed twice", what, v)
		}
		seen[v] = true
	}
	return nil
}
