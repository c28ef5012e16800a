package registry

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

var grantTypes = []domain.GrantType{
	{Name: domain.GrantAuthorizationCode, RedirectURI: true},
	{Name: domain.GrantClientCredentials, Confidential: true},
	{Name: domain.GrantRefreshToken, With: []string{domain.GrantAuthorizationCode, domain.GrantDeviceCode}},
	{Name: domain.GrantDeviceCode},
}

const ed25519Set = `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`

func TestClientRules(t *testing.T) {
	web := func(change func(*domain.Client)) domain.Client {
		c := domain.Client{
			ClientID:     "web",
			GrantTypes:   []string{domain.GrantAuthorizationCode, domain.GrantRefreshToken},
			RedirectURIs: []string{"https://app.example/cb"},
		}
		change(&c)
		return c
	}
	pairwise := func(sector string, more ...string) func(*domain.Client) {
		return func(c *domain.Client) {
			c.SubjectType, c.SectorIdentifier, c.RedirectURIs = domain.SubjectTypePairwise, sector, append(c.RedirectURIs, more...)
		}
	}
	for name, tc := range map[string]struct {
		client domain.Client
		want   string // part of the message, empty: accepted
	}{
		"web app":         {web(func(*domain.Client) {}), ""},
		"public app":      {web(func(c *domain.Client) { c.Public, c.RequirePKCE = true, true }), ""},
		"service":         {domain.Client{ClientID: "s", GrantTypes: []string{domain.GrantClientCredentials}}, ""},
		"resource server": {domain.Client{ClientID: "rs", Serves: []string{"https://a.example"}}, ""},

		"public app without PKCE": {web(func(c *domain.Client) { c.Public = true }), "always has to use PKCE"},
		"no purpose":              {domain.Client{ClientID: "x"}, "give it a grant type, or an API that it serves"},
		"empty client_id":         {web(func(c *domain.Client) { c.ClientID = "" }), "client_id"},
		"client_id is a flag":     {web(func(c *domain.Client) { c.ClientID = "-x" }), "client_id"},
		"client_id with a NUL":    {web(func(c *domain.Client) { c.ClientID = "a\x00b" }), "client_id"},
		"client_id is a URL":      {web(func(c *domain.Client) { c.ClientID = "https://app.example/client" }), ""},
		"client_id is a subject":  {web(func(c *domain.Client) { c.ClientID = "usr_abc" }), "kept for users"},
		"name with a newline":     {web(func(c *domain.Client) { c.Name = "a\nb" }), "client name"},
		"long name":               {web(func(c *domain.Client) { c.Name = strings.Repeat("x", 201) }), "at most 200"},
		"unknown grant":           {web(func(c *domain.Client) { c.GrantTypes = []string{"password"} }), `grant type "password"`},
		"grant twice": {web(func(c *domain.Client) {
			c.GrantTypes = []string{domain.GrantClientCredentials, domain.GrantClientCredentials}
		}), "listed twice"},
		"public client_credentials": {
			domain.Client{ClientID: "x", Public: true, RequirePKCE: true, GrantTypes: []string{domain.GrantClientCredentials}}, "make it confidential",
		},
		"refresh alone":   {domain.Client{ClientID: "x", GrantTypes: []string{domain.GrantRefreshToken}}, "it needs authorization_code or urn:ietf:params:oauth:grant-type:device_code too"},
		"no redirect":     {web(func(c *domain.Client) { c.RedirectURIs = nil }), "it needs a redirect URI"},
		"bad redirect":    {web(func(c *domain.Client) { c.RedirectURIs = []string{"http://app.example/"} }), `invalid redirect URI "http://app.example/": http is only`},
		"redirect twice":  {web(func(c *domain.Client) { c.RedirectURIs = append(c.RedirectURIs, c.RedirectURIs[0]) }), "listed twice"},
		"many redirects":  {web(func(c *domain.Client) { c.RedirectURIs = make([]string, 33) }), "at most 32"},
		"HS256 ID tokens": {web(func(c *domain.Client) { c.IDTokenAlg = "HS256" }), "ES256, RS256, EdDSA"},
		"userinfo alg":    {web(func(c *domain.Client) { c.UserinfoAlg = "EdDSA" }), ""},
		"HS256 userinfo":  {web(func(c *domain.Client) { c.UserinfoAlg = "HS256" }), "ES256, RS256, EdDSA"},
		"none userinfo":   {web(func(c *domain.Client) { c.UserinfoAlg = "none" }), "ES256, RS256, EdDSA"},
		"front channel":   {web(func(c *domain.Client) { c.FrontchannelLogoutURI = origin(c.RedirectURIs[0]) + "/out" }), ""},
		"front elsewhere": {web(func(c *domain.Client) { c.FrontchannelLogoutURI = "https://elsewhere.example/out" }), "those of a redirect URI"},
		"front sid":       {web(func(c *domain.Client) { c.FrontchannelLogoutURI = origin(c.RedirectURIs[0]) + "/out?sid=1" }), "sid"},
		"front nowhere":   {web(func(c *domain.Client) { c.FrontchannelLogoutSID = true }), "front-channel"},
		"alg none":        {web(func(c *domain.Client) { c.IDTokenAlg = "none" }), "ES256, RS256, EdDSA"},
		"API twice":       {web(func(c *domain.Client) { c.APIs = []domain.ClientAPI{{Audience: "urn:a"}, {Audience: "urn:a"}} }), "listed twice"},
		"served twice":    {web(func(c *domain.Client) { c.Serves = []string{"urn:a", "urn:a"} }), "listed twice"},
		"permission twice": {web(func(c *domain.Client) {
			c.APIs = []domain.ClientAPI{{Audience: "urn:a", Permissions: []string{"r", "r"}}}
		}), "listed twice"},
		"too many APIs":                  {web(func(c *domain.Client) { c.APIs = make([]domain.ClientAPI, 101) }), "at most 100"},
		"keys":                           {web(func(c *domain.Client) { c.JWKS, c.EndpointAudience = ed25519Set, true }), ""},
		"keys at a URI":                  {web(func(c *domain.Client) { c.JWKSURI, c.JWKSURIPrivate = "https://app.example/jwks", true }), ""},
		"keys on this machine":           {web(func(c *domain.Client) { c.JWKSURI = "http://127.0.0.1:1234/jwks" }), ""},
		"keys over http":                 {web(func(c *domain.Client) { c.JWKSURI = "http://app.example/jwks" }), "JWKS URI"},
		"keys in both ways":              {web(func(c *domain.Client) { c.JWKS, c.JWKSURI = ed25519Set, "https://app.example/jwks" }), "not both"},
		"a public client with keys":      {web(func(c *domain.Client) { c.Public, c.RequirePKCE, c.JWKS = true, true, ed25519Set }), "make it confidential"},
		"a private key":                  {web(func(c *domain.Client) { c.JWKS = strings.Replace(ed25519Set, `"x"`, `"d":"AA","x"`, 1) }), "private key"},
		"endpoint audience without keys": {web(func(c *domain.Client) { c.EndpointAudience = true }), "no keys"},
		"private URI of no keys":         {web(func(c *domain.Client) { c.JWKSURIPrivate = true }), "no keys"},
		"pairwise":                       {web(pairwise("")), ""},
		"pairwise with a sector":         {web(pairwise("Shop.example")), ""},
		"pairwise of two hosts":          {web(pairwise("", "https://b.example/cb")), "need a sector identifier"},
		"pairwise of two, and a sector":  {web(pairwise("shop.example", "https://b.example/cb")), ""},
		"pairwise on users' devices":     {web(pairwise("", "http://127.0.0.1/cb")), "need a sector identifier"},
		"pairwise without redirect URIs": {domain.Client{ClientID: "s", GrantTypes: []string{domain.GrantClientCredentials}, SubjectType: domain.SubjectTypePairwise}, "need a sector identifier"},
		"a sector that is a URL":         {web(pairwise("https://shop.example")), "use a host"},
		"a sector with a port":           {web(pairwise("shop.example:443")), "use a host"},
		"a sector with a NUL":            {web(pairwise("shop\x00.example")), "use a host"},
		"a long sector":                  {web(pairwise(strings.Repeat("a.", 127) + "b")), "use a host"},
		"unknown subject type":           {web(func(c *domain.Client) { c.SubjectType = "x" }), "use public or pairwise"},
		"too many to serve":              {web(func(c *domain.Client) { c.Serves = make([]string, 101) }), "at most 100"},
	} {
		t.Run(name, func(t *testing.T) {
			err := checkClient(&tc.client, grantTypes)
			checkMessage(t, err, tc.want)
			if err != nil && !errors.Is(err, domain.ErrInvalid) {
				t.Errorf("%v is not ErrInvalid", err)
			}
		})
	}
}

func TestTheSectorOfAClientStaysUnlessItRegisteredItself(t *testing.T) {
	for origin, want := range map[domain.ClientOrigin]string{
		domain.OriginAdministrator: "victim.example", domain.OriginRegistration: "thief.example", domain.OriginMetadata: "thief.example",
	} {
		c := domain.Client{
			ClientID: "web", GrantTypes: []string{domain.GrantAuthorizationCode}, Origin: origin,
			RedirectURIs: []string{"https://Victim.example/cb"}, SubjectType: domain.SubjectTypePairwise,
		}
		err := checkClient(&c, grantTypes)
		first := c.SectorIdentifier
		c.RedirectURIs = []string{"https://thief.example/cb"}
		if err = errors.Join(err, checkClient(&c, grantTypes)); err != nil || first != "victim.example" || c.SectorIdentifier != want {
			t.Errorf("%s: the sector is %q, then %q, want %q: %v", origin, first, c.SectorIdentifier, want, err)
		}
	}
}

const encryptionSet = `{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`

func TestSignetsOwnAPIIsNotEncrypted(t *testing.T) {
	checkMessage(t, checkAPI(&domain.API{Audience: domain.AdminAudience, Encryption: domain.Encryption{JWKS: encryptionSet}}), "nobody but Signet")
}

func TestAWrongEncryptedClaimIsNamedByItsPositionInTheRequest(t *testing.T) {
	err := checkAPI(&domain.API{Audience: "https://orders.example", Encryption: domain.Encryption{JWKS: encryptionSet, Claims: []string{"roles", "exp"}}})
	if wrong, ok := errors.AsType[*domain.InvalidError](err); !ok || wrong.Field != domain.Element("encrypted_claims", 1) {
		t.Errorf("%+v", wrong)
	}
}

func TestAPIRules(t *testing.T) {
	many := make([]domain.Permission, 501)
	for i := range many {
		many[i].Name = fmt.Sprint(i)
	}
	permission := func(name string) []domain.Permission { return []domain.Permission{{Name: name}} }
	for name, tc := range map[string]struct {
		api  domain.API
		want string // part of the message, empty: accepted
	}{
		"plain":             {domain.API{Permissions: permission("orders:read")}, ""},
		"odd but allowed":   {domain.API{Permissions: permission("!#[]~'/*")}, ""},
		"EdDSA, short":      {domain.API{SigningAlg: domain.EdDSA, AccessTokenTTL: 30 * time.Second}, ""},
		"bad algorithm":     {domain.API{SigningAlg: "HS256"}, "ES256, RS256, EdDSA"},
		"too short-lived":   {domain.API{AccessTokenTTL: 29 * time.Second}, "use 30s to 24h0m0s"},
		"too long-lived":    {domain.API{AccessTokenTTL: 25 * time.Hour}, "use 30s to 24h0m0s"},
		"negative lifetime": {domain.API{AccessTokenTTL: -time.Minute}, "use 30s to 24h0m0s"},
		"empty permission":  {domain.API{Permissions: permission("")}, "printable ASCII"},
		"space":             {domain.API{Permissions: permission("a b")}, "printable ASCII"},
		"quote":             {domain.API{Permissions: permission(`a"b`)}, "printable ASCII"},
		"backslash":         {domain.API{Permissions: permission(`a\b`)}, "printable ASCII"},
		"not ASCII":         {domain.API{Permissions: permission("lesen:ä")}, "printable ASCII"},
		"long permission":   {domain.API{Permissions: permission(strings.Repeat("x", 101))}, "printable ASCII"},
		"openid":            {domain.API{Permissions: permission("openid")}, "choose another name"},
		"offline_access":    {domain.API{Permissions: permission("offline_access")}, "choose another name"},
		"permission twice":  {domain.API{Permissions: append(permission("a"), permission("a")...)}, "listed twice"},
		"many permissions":  {domain.API{Permissions: many}, "at most 500"},
		"control character": {domain.API{Name: "a\tb"}, "API name"},
		"encrypted":         {domain.API{Encryption: domain.Encryption{JWKS: encryptionSet}}, ""},
		"encrypted to URI":  {domain.API{Encryption: domain.Encryption{JWKSURI: "https://orders.example/keys", JWKSURIPrivate: true, Claims: []string{"roles", "groups"}}}, ""},
		"a mapping's claim": {domain.API{ClaimMappings: []domain.ClaimMapping{{Claim: "c", Expression: "1"}}, Encryption: domain.Encryption{JWKS: encryptionSet, Claims: []string{"c"}}}, ""},
		"a signing key":     {domain.API{Encryption: domain.Encryption{JWKS: ed25519Set}}, "use a public key of RSA"},
		"keys in both ways": {domain.API{Encryption: domain.Encryption{JWKS: encryptionSet, JWKSURI: "https://orders.example/keys"}}, "not both"},
		"keys over http":    {domain.API{Encryption: domain.Encryption{JWKSURI: "http://orders.example/keys"}}, "encryption JWKS URI"},
		"claims, no keys":   {domain.API{Encryption: domain.Encryption{Claims: []string{"roles"}}}, "no keys to encrypt to"},
		"private, no keys":  {domain.API{Encryption: domain.Encryption{JWKSURIPrivate: true}}, "no keys to encrypt to"},
		"an encrypted exp":  {domain.API{Encryption: domain.Encryption{JWKS: encryptionSet, Claims: []string{"exp"}}}, "use roles, groups"},
		"an unknown claim":  {domain.API{Encryption: domain.Encryption{JWKS: encryptionSet, Claims: []string{"c"}}}, "use roles, groups"},
		"a claim twice":     {domain.API{Encryption: domain.Encryption{JWKS: encryptionSet, Claims: []string{"roles", "roles"}}}, "listed twice"},
		"bad description":   {domain.API{Permissions: []domain.Permission{{Name: "a", Description: "\x00"}}}, "permission description"},
	} {
		t.Run(name, func(t *testing.T) {
			tc.api.Audience = "https://orders.example"
			err := checkAPI(&tc.api)
			checkMessage(t, err, tc.want)
			if err != nil && !errors.Is(err, domain.ErrInvalid) {
				t.Errorf("%v is not ErrInvalid", err)
			}
		})
	}
}
