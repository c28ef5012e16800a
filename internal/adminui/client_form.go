package adminui

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

// grantTexts are the keys of what people call grant types.
var grantTexts = map[string]string{
	domain.GrantAuthorizationCode: "grant.authorization_code", domain.GrantRefreshToken: "grant.refresh_token",
	domain.GrantClientCredentials: "grant.client_credentials", domain.GrantDeviceCode: "grant.device_code", domain.GrantJWTBearer: "grant.jwt_bearer",
}

// grant is what people call a grant type.
func (v *visit) grant(name string) string {
	if key, ok := grantTexts[name]; ok {
		return v.text(key)
	}
	return name
}

// largeField is how long the values of fields may be that hold a list or a document.
const largeField = 48 << 10

// clientLines makes a field of a client that has a value in each line.
func (v *visit) clientLines(name string, values []string) *field {
	f := v.field("lines", "client", name, strings.Join(values, "\n"))
	f.Max, f.Rows = largeField, min(max(3, strings.Count(f.Value, "\n")+2), 16)
	return f
}

func (v *visit) clientName(name string) *field {
	f := v.field("text", "client", "name", name)
	f.Member = "client_name"
	return f
}

func (v *visit) clientCheck(name string, set bool) *field {
	return v.field("check", "client", name, checked(set))
}

// clientForm is the form for all settings of a client.
func (v *visit) clientForm(c admin.Client) *form {
	name := v.clientName(clientName(c))
	grants := v.field("checks", "client", "grants", strings.Join(c.GrantTypes, "\n"))
	grants.Member = "grant_types"
	for _, t := range v.GrantTypes {
		if !t.Confidential || c.AuthMethod != domain.None {
			grants.Options = append(grants.Options, option{t.Name, v.grant(t.Name)})
		}
	}
	fields := []*field{name, grants}
	group := func(heading string, of ...*field) {
		of[0].Heading = v.text(heading)
		fields = append(fields, of...)
	}
	group("client.apis", v.apisField(c), v.defaultAPIField(c), v.servesField(c), v.clientCheck("serves_userinfo", c.ServesUserinfo))

	group("client.sign_in",
		v.clientLines("redirect_uris", c.RedirectURIs),
		v.clientLines("post_logout_redirect_uris", c.PostLogoutRedirectURIs))
	if c.AuthMethod != domain.None {
		fields = append(fields, v.clientCheck("require_pkce", c.RequirePKCE))
	}
	if c.Origin == string(domain.OriginAdministrator) {
		fields = append(fields, v.clientCheck("first_party", c.FirstParty))
	}

	overlap := v.field("text", "client", "refresh_overlap", "")
	if c.RefreshOverlap != nil {
		overlap.Value = domain.DurationText(seconds(*c.RefreshOverlap))
	}
	group("client.sessions", v.clientCheck("session_refresh_tokens", c.SessionRefreshTokens), v.clientCheck("revoke_on_session_end", c.RevokeOnSessionEnd))
	if c.AuthMethod != domain.None {
		fields = append(fields, v.clientCheck("keep_refresh_tokens", c.KeepRefreshTokens))
	}
	heard := v.clientCheck("frontchannel_logout_session", c.FrontchannelLogoutSID)
	heard.Member = "frontchannel_logout_session_required"
	fields = append(fields, overlap, v.addressField("backchannel_logout_uri", c.BackchannelLogoutURI),
		v.clientCheck("backchannel_logout_private", c.BackchannelLogoutPrivate),
		v.addressField("frontchannel_logout_uri", c.FrontchannelLogoutURI),
		heard)

	algorithm := v.choice("client", "id_token_alg", c.IDTokenAlg, optionsOf(domain.SigningAlgs))
	algorithm.Member = "id_token_signed_response_alg"
	names := v.choice("client", "group_names", c.GroupNames, v.options("group_names", domain.GroupsByName, domain.GroupsBySlashName))
	group("client.id_tokens", algorithm, v.userinfoField(c), names, v.claimsField("client", c.ClaimMappings))

	subjects := v.choice("client", "subject_type", c.SubjectType, v.options("subject_type", domain.SubjectTypePublic, domain.SubjectTypePairwise))
	sector := v.field("text", "client", "sector_identifier", c.SectorIdentifier)
	sector.Max = 253
	group("client.subjects", subjects, sector)

	if c.AuthMethod != domain.None {
		group("client.keys", v.clientLines("jwks", indented(c.JWKS)), v.addressField("jwks_uri", c.JWKSURI),
			v.clientCheck("jwks_uri_private", c.JWKSURIPrivate), v.clientCheck("endpoint_audience", c.EndpointAudience))
	}
	return &form{
		Undone: v.undone(c.ManagedBy),
		Fields: fields, Version: strconv.FormatInt(c.Version, 10), Submit: v.text("form.save"), Cancel: address("clients", c.ClientID),
	}
}

// indented is JSON for people to read, in lines.
func indented(document json.RawMessage) []string {
	if document == nil {
		return nil
	}
	var value any
	if err := json.Unmarshal(document, &value); err != nil {
		return []string{string(document)}
	}
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return []string{string(document)}
	}
	return []string{string(text)}
}

func (v *visit) addressField(name, value string) *field {
	f := v.field("text", "client", name, value)
	f.Max = 2000
	return f
}

func (v *visit) userinfoField(c admin.Client) *field {
	plain := option{"", v.text("client.userinfo_unsigned")}
	f := v.choice("client", "userinfo_alg", c.UserinfoAlg, append([]option{plain}, optionsOf(domain.SigningAlgs)...))
	f.Member = "userinfo_signed_response_alg"
	return f
}

func (v *visit) apisField(c admin.Client) *field {
	var lines []string
	for _, api := range c.APIs {
		if len(api.Permissions) == 0 {
			lines = append(lines, api.Audience)
		}
		for _, p := range api.Permissions {
			lines = append(lines, api.Audience+"#"+p)
		}
	}
	f := v.clientLines("apis", lines)
	f.Label = v.text("client.may_ask")
	return f
}

func (v *visit) defaultAPIField(c admin.Client) *field {
	f := v.field("text", "client", "default_api", "")
	f.Max = 2000
	for _, api := range c.APIs {
		if api.Default {
			f.Value = api.Audience
		}
	}
	return f
}

func (v *visit) servesField(c admin.Client) *field {
	return v.clientLines("serves", c.Serves)
}

// claimsField holds claim mappings, each as claim=expression; further lines of an expression are indented.
func (v *visit) claimsField(object string, mappings []admin.ClaimMapping) *field {
	var lines []string
	for _, m := range mappings {
		lines = append(lines, m.Claim+"="+strings.ReplaceAll(m.Expression, "\n", "\n  "))
	}
	f := v.field("lines", object, "claims", strings.Join(lines, "\n"))
	f.Max, f.Member = largeField, "claim_mappings"
	return f
}

// claims are those of a claimsField.
func (f *form) claims() ([]domain.ClaimMapping, error) {
	var mappings []domain.ClaimMapping
	for line := range strings.SplitSeq(f.get("claims"), "\n") {
		if more, ok := strings.CutPrefix(line, "  "); ok && len(mappings) > 0 {
			mappings[len(mappings)-1].Expression += "\n" + more
			continue
		}
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		claim, expression, ok := strings.Cut(line, "=")
		if !ok || claim == "" || expression == "" {
			return nil, domain.Invalid("claim_mappings", domain.RuleFormat, "claims: %q is not of the form claim=expression", line)
		}
		mappings = append(mappings, domain.ClaimMapping{Claim: claim, Expression: expression})
	}
	return mappings, nil
}

// apis are those that a form names, one in a line as an audience for all of the API, or AUDIENCE#permission.
func (f *form) apis() ([]domain.ClientAPI, error) {
	var apis []domain.ClientAPI
	for _, line := range f.lines("apis") {
		audience, permission, divided := strings.Cut(line, "#")
		if audience == "" || divided && permission == "" {
			return nil, domain.Invalid("apis", domain.RuleFormat, "apis: %q is neither an API nor of the form API#permission", line)
		}
		i := slices.IndexFunc(apis, func(a domain.ClientAPI) bool { return a.Audience == audience })
		switch {
		case i < 0 && divided:
			apis = append(apis, domain.ClientAPI{Audience: audience, Permissions: []string{permission}})
		case i < 0:
			apis = append(apis, domain.ClientAPI{Audience: audience})
		case !divided || len(apis[i].Permissions) == 0: // an API without permissions here is all of it
			return nil, domain.Invalid("apis", domain.RuleUnique, "apis: %q is there as a whole and once more; keep one", audience)
		default:
			apis[i].Permissions = append(apis[i].Permissions, permission)
		}
	}
	if chosen := f.get("default_api"); chosen != "" {
		i := slices.IndexFunc(apis, func(a domain.ClientAPI) bool { return a.Audience == chosen })
		if i < 0 {
			return nil, domain.Invalid("default_api", domain.RuleConflict, "default API %q: the client may not ask for it; add it above", chosen)
		}
		apis[i].Default = true
	}
	return apis, nil
}

// apply changes a client as a form of all settings says.
func (f *form) apply(c *domain.Client) (err error) {
	if c.APIs, err = f.apis(); err != nil {
		return err
	}
	if c.ClaimMappings, err = f.claims(); err != nil {
		return err
	}
	c.RefreshOverlap = nil
	if f.get("refresh_overlap") != "" {
		var overlap time.Duration
		if overlap, err = f.duration("refresh_overlap", "refresh overlap"); err != nil {
			return err
		}
		c.RefreshOverlap = &overlap
	}
	c.Name, c.GrantTypes, c.Serves, c.ServesUserinfo = f.get("name"), f.lines("grants"), f.lines("serves"), f.set("serves_userinfo")
	c.RedirectURIs, c.PostLogoutRedirectURIs = f.lines("redirect_uris"), f.lines("post_logout_redirect_uris")
	c.SessionRefreshTokens, c.RevokeOnSessionEnd = f.set("session_refresh_tokens"), f.set("revoke_on_session_end")
	c.BackchannelLogoutURI, c.BackchannelLogoutPrivate = f.get("backchannel_logout_uri"), f.set("backchannel_logout_private")
	c.FrontchannelLogoutURI, c.FrontchannelLogoutSID = f.get("frontchannel_logout_uri"), f.set("frontchannel_logout_session")
	c.IDTokenAlg, c.UserinfoAlg, c.GroupNames = f.get("id_token_alg"), f.get("userinfo_alg"), domain.GroupNames(f.get("group_names"))
	c.SubjectType, c.SectorIdentifier = domain.SubjectType(f.get("subject_type")), f.get("sector_identifier")
	if c.Origin == domain.OriginAdministrator {
		c.FirstParty = f.set("first_party")
	}
	if !c.Public {
		c.RequirePKCE, c.KeepRefreshTokens = f.set("require_pkce"), f.set("keep_refresh_tokens")
		c.JWKS, c.JWKSURI = strings.TrimSpace(f.get("jwks")), f.get("jwks_uri")
		c.JWKSURIPrivate, c.EndpointAudience = f.set("jwks_uri_private"), f.set("endpoint_audience")
	}
	return nil
}

func editClient(v *visit) error {
	client, err := v.Admin.FindClient(v.ctx(), v.caller, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	title, f := v.text("client.edit", client.ClientID), v.clientForm(client)
	if v.r.Method != http.MethodPost {
		v.fillAgain(f)
		v.render(http.StatusOK, "admin/form", title, f)
		return nil
	}
	f.read(v.r)
	_, err = v.Admin.UpdateClient(v.ctx(), v.caller, client.ClientID, f.version(), func(c *domain.Client) error {
		had := admin.Requestable(*c)
		if err := f.apply(c); err != nil {
			return err
		}
		return v.mayGive(had, admin.Requestable(*c))
	})
	switch {
	case errors.Is(err, domain.ErrConflict):
		return v.moved(f, v.clientForm(client), title)
	case err != nil:
		return v.refused(f, title, err)
	}
	return v.done("client.updated", "clients", client.ClientID)
}
