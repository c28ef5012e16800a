package adminui

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountClients() {
	s.handle("GET /clients", "client.list", showClients)
	s.handle("GET /clients/{id}", "client.find", showClient)
	s.handle("GET /clients/{id}/edit", "client.update", editClient)
	s.handle("POST /clients/{id}/edit", "client.update", editClient)
	s.handle("GET /clients/{id}/disable", "client.disable", disableClient)
	s.handle("POST /clients/{id}/disable", "client.disable", disableClient)
	s.handle("GET /clients/{id}/enable", "client.enable", enableClientAgain)
	s.handle("POST /clients/{id}/enable", "client.enable", enableClient)
	s.handle("GET /clients/{id}/delete", "client.delete", deleteClient)
	s.handle("POST /clients/{id}/delete", "client.delete", deleteClient)
}

// anyOrigin is how an address names clients of every origin. The list begins with those that administrators registered.
const anyOrigin = "any"

func showClients(v *visit) error {
	l := listing{Lead: v.text("clients.lead"), Table: table{
		Columns: []string{v.text("client.client_id"), v.text("client.name"), v.text("client.kind"), v.text("client.apis"), v.text("client.state")},
	}}
	if v.may("client.create") {
		l.New = link{Text: v.text("client.new"), Path: address("new", "client")}
	}
	if v.may("invitation.list") {
		l.Links = []link{{Text: v.text("invitations.title"), Path: address("invitations")}}
	}
	origin := v.askedOption("clients", "origin", v.options("client.origin", domain.OriginAdministrator, domain.OriginRegistration, domain.OriginMetadata, anyOrigin))
	api, state := v.asked("text", "clients", "api"), v.askedState()
	l.Filters = []*field{api, state, origin}
	filter := domain.ClientFilter{Audience: api.Value, Disabled: disabled(state), Origin: domain.ClientOrigin(origin.Value)}
	if origin.Value == anyOrigin {
		filter.Origin = ""
	}
	err := list(v, &l, func(q admin.Query) (admin.Page[admin.Client], error) {
		page, err := v.Admin.ListClients(v.ctx(), v.caller, filter, q)
		return page, noneOf(api, err)
	}, func(c admin.Client) row {
		var apis []string
		for _, api := range c.APIs {
			apis = append(apis, api.Audience)
		}
		return row{Path: address("clients", c.ClientID), Managed: v.managed(c.ManagedBy), Cells: []cell{
			{Text: c.ClientID}, {Text: clientName(c)}, {Text: v.text("client_kind." + string(clientKindOf(c)))}, {List: apis}, {Badge: v.clientState(c)},
		}}
	})
	if err == nil {
		v.showList(v.text("menu.clients"), l)
	}
	return err
}

// clientName is what people call a client, empty if that is its client_id.
func clientName(c admin.Client) string {
	if c.Name == c.ClientID {
		return ""
	}
	return c.Name
}

func (v *visit) clientState(c admin.Client) badge {
	switch {
	case c.Disabled:
		return badge{v.text("state.disabled"), "bad"}
	case len(c.Warnings) > 0:
		return badge{v.text("client.warned"), "warn"}
	}
	return badge{v.text("state.enabled"), "good"}
}

func showClient(v *visit) error {
	client, err := v.Admin.FindClient(v.ctx(), v.caller, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	o := object{
		Trail: link{Text: v.text("menu.clients"), Path: address("clients")}, Lead: clientName(client), State: v.clientState(client), Warnings: client.Warnings,
		Managed: v.managed(client.ManagedBy), Created: client.CreatedAt, Updated: client.UpdatedAt,
	}
	o.act(v, "client.update", action{Text: v.text("form.edit"), Path: address("clients", client.ClientID, "edit"), Icon: "edit"})
	o.act(v, "client.find", action{Text: v.text("setup.how"), Path: address("clients", client.ClientID, "setup")})
	if client.Disabled {
		o.act(v, "client.enable", action{Text: v.text("form.enable"), Path: address("clients", client.ClientID, "enable"), Post: true})
	} else {
		o.act(v, "client.disable", action{Text: v.text("form.disable"), Path: address("clients", client.ClientID, "disable"), Bad: true})
	}
	o.act(v, "client.delete", action{Text: v.text("form.delete"), Path: address("clients", client.ClientID, "delete"), Icon: "delete", Bad: true})
	o.Panels = append(o.Panels, v.aboutClient(client), v.secretsOf(client))
	if len(client.APIs) > 0 || len(client.Serves) > 0 || client.ServesUserinfo {
		o.Panels = append(o.Panels, v.apisOf(client))
	}
	if signsIn(client) {
		o.Panels = append(o.Panels, v.signInOf(client))
	}
	if len(client.ClaimMappings) > 0 {
		o.Panels = append(o.Panels, v.claimsOf(client.ClaimMappings))
	}
	if len(client.Trusts) > 0 {
		o.Panels = append(o.Panels, v.trustsOf(client))
	}
	if v.may("assignment.list") {
		roles, err := v.rolesOf(domain.SubjectClient, client.ClientID)
		if err != nil {
			return err
		}
		roles.Hint = v.text("client.roles.about")
		o.Panels = append(o.Panels, roles)
	}
	return v.show(client.ClientID, o)
}

// signsIn says whether users come to a client from a sign-in, so that it has settings for that.
func signsIn(c admin.Client) bool {
	return slices.Contains(c.GrantTypes, domain.GrantAuthorizationCode) || slices.Contains(c.GrantTypes, domain.GrantDeviceCode)
}

func (v *visit) aboutClient(c admin.Client) panel {
	p := panel{Title: v.text("client.about"), Facts: []fact{
		v.fact("client.kind", cell{Text: v.text("client_kind." + string(clientKindOf(c)) + ".about")}),
		v.fact("client.client_id", cell{Code: c.ClientID}),
		v.fact("client.auth_method", cell{Text: v.text("auth_method." + c.AuthMethod)}),
		v.fact("client.grants", cell{List: v.grantsOf(c)}),
		v.fact("client.origin", cell{Text: v.text("origin." + c.Origin)}),
	}}
	p.Facts = append(p.Facts, v.disabledFacts(c.Disabled, c.DisabledAt, c.DisabledReason)...)
	if c.JWKS != nil {
		p.Facts = append(p.Facts, v.fact("client.jwks", cell{Code: string(c.JWKS)}))
	}
	if c.JWKSURI != "" {
		p.Facts = append(p.Facts, v.fact("client.jwks_uri", v.fetched(c.JWKSURI, c.JWKSURIPrivate)))
	}
	if c.EndpointAudience {
		p.Facts = append(p.Facts, v.fact("client.endpoint_audience", cell{Text: v.yesNo(true)}))
	}
	if !c.LastUsedAt.IsZero() {
		p.Facts = append(p.Facts, v.fact("client.last_used_at", cell{Time: c.LastUsedAt}))
	}
	if c.Disabled {
		p.Facts = append(p.Facts, v.fact("client.disabled_at", cell{Time: c.DisabledAt}))
	}
	return p
}

// fetched is an address that Signet asks, which may be a private one.
func (v *visit) fetched(uri string, private bool) cell {
	if private {
		return cell{List: []string{uri, v.text("client.private")}}
	}
	return cell{Code: uri}
}

func (v *visit) grantsOf(c admin.Client) []string {
	var list []string
	for _, name := range c.GrantTypes {
		list = append(list, v.grant(name))
	}
	return list
}

func (v *visit) secretsOf(c admin.Client) panel {
	p := panel{Title: v.text("client.secrets"), Empty: v.text("client.no_secrets." + c.AuthMethod), Table: table{
		Columns: []string{v.text("secret.hint"), v.text("object.created"), v.text("secret.expires_at")},
	}}
	var newest int64
	for _, s := range c.Secrets {
		newest = max(newest, s.ID)
		r := row{Cells: []cell{{Code: "…" + s.Hint}, {Time: s.CreatedAt}, {Time: s.ExpiresAt}}}
		if s.ExpiresAt.IsZero() {
			r.Cells[2].Text = v.text("secret.never")
		}
		if v.may("client.remove_secret") {
			r.Actions = []action{{Text: v.text("secret.remove"), Path: address("clients", c.ClientID, "secrets", strconv.FormatInt(s.ID, 10), "remove")}}
		}
		p.Table.Rows = append(p.Table.Rows, r)
	}
	if c.AuthMethod == domain.SecretBasic && v.may("client.add_secret") {
		p.Hint = v.text("client.secrets.about")
		p.Add = &form{Fields: []*field{v.field("date", "secret", "until", "")}, Submit: v.text("secret.add")}
		p.Path, p.Fields = address("clients", c.ClientID, "secrets"), map[string]string{"newest": strconv.FormatInt(newest, 10)}
	}
	return p
}

func (v *visit) apisOf(c admin.Client) panel {
	p := panel{Title: v.text("client.apis"), Hint: v.text("client.apis.about"), Table: table{
		Columns: []string{v.text("role.api"), v.text("client.may_ask"), v.text("client.default_api")},
	}}
	for _, api := range c.APIs {
		asks := cell{List: api.Permissions}
		if len(api.Permissions) == 0 {
			asks = cell{Text: v.text("client.all_permissions")}
		}
		r := row{Cells: []cell{{Text: api.Audience}, asks, {}}}
		if api.Default {
			r.Cells[2].Text = v.yesNo(true)
		}
		if v.may("api.find") {
			r.Path = address("apis", api.Audience)
		}
		p.Table.Rows = append(p.Table.Rows, r)
	}
	if len(c.APIs) == 0 {
		p.Hint = v.text("client.serves.about")
	}
	if len(c.Serves) > 0 {
		p.Facts = append(p.Facts, v.fact("client.serves", cell{List: c.Serves}))
	}
	if c.ServesUserinfo {
		p.Facts = append(p.Facts, v.fact("client.serves_userinfo", cell{Text: v.yesNo(true)}))
	}
	return p
}

func (v *visit) signInOf(c admin.Client) panel {
	consent := "client.asks_consent"
	if c.FirstParty {
		consent = "client.asks_no_consent"
	}
	overlap := v.text("client.servers_overlap")
	if c.RefreshOverlap != nil {
		overlap = domain.DurationText(seconds(*c.RefreshOverlap))
	}
	p := panel{Title: v.text("client.sign_in"), Facts: []fact{
		v.fact("client.redirect_uris", cell{List: c.RedirectURIs}),
		v.fact("client.post_logout_redirect_uris", cell{List: c.PostLogoutRedirectURIs}),
		v.fact("client.require_pkce", cell{Text: v.yesNo(c.RequirePKCE)}),
		v.fact("client.consent", cell{Text: v.text(consent)}),
		v.fact("client.id_token_alg", cell{Text: c.IDTokenAlg}),
		v.fact("client.group_names", cell{Text: v.text("group_names." + c.GroupNames)}),
		v.fact("client.subject_type", cell{Text: v.text("subject_type." + c.SubjectType)}),
	}}
	if c.UserinfoAlg != "" {
		p.Facts = append(p.Facts, v.fact("client.userinfo_alg", cell{Text: c.UserinfoAlg}))
	}
	if c.SectorIdentifier != "" {
		p.Facts = append(p.Facts, v.fact("client.sector_identifier", cell{Text: c.SectorIdentifier}))
	}
	if slices.Contains(c.GrantTypes, domain.GrantRefreshToken) {
		p.Facts = append(p.Facts,
			v.fact("client.session_refresh_tokens", cell{Text: v.yesNo(c.SessionRefreshTokens)}),
			v.fact("client.keep_refresh_tokens", cell{Text: v.yesNo(c.KeepRefreshTokens)}),
			v.fact("client.refresh_overlap", cell{Text: overlap}))
	}
	p.Facts = append(p.Facts, v.fact("client.revoke_on_session_end", cell{Text: v.yesNo(c.RevokeOnSessionEnd)}))
	if c.BackchannelLogoutURI != "" {
		p.Facts = append(p.Facts, v.fact("client.backchannel_logout_uri", v.fetched(c.BackchannelLogoutURI, c.BackchannelLogoutPrivate)))
	}
	if c.FrontchannelLogoutURI != "" {
		p.Facts = append(p.Facts, v.fact("client.frontchannel_logout_uri", cell{Text: c.FrontchannelLogoutURI}))
	}
	return p
}

// trustsOf are the issuers whose JWTs authenticate a client.
func (v *visit) trustsOf(c admin.Client) panel {
	p := panel{Title: v.text("client.trusts"), Hint: v.text("client.trusts.about"), Table: table{
		Columns: []string{v.text("trust.issuer"), v.text("trust.subject"), v.text("trust.audience"), v.text("trust.claims"), v.text("trust.keys"), v.text("trust.once")},
	}}
	for _, t := range c.Trusts {
		var claims []string
		for _, name := range slices.Sorted(maps.Keys(t.Claims)) {
			claims = append(claims, name+"="+t.Claims[name])
		}
		keys := cell{Text: cmp.Or(t.JWKSURI, v.text("trust.found"))}
		if t.JWKS != nil {
			keys.Text = v.text("trust.registered")
		}
		r := row{Cells: []cell{{Text: t.Issuer}, {Code: t.Subject}, {Text: cmp.Or(t.Audience, v.text("trust.this_server"))}, {List: claims}, keys, {Text: v.yesNo(!t.Reusable)}}}
		if v.may("client.remove_trust") {
			r.Actions = []action{{Text: v.text("trust.remove"), Path: address("clients", c.ClientID, "trusts", strconv.FormatInt(t.ID, 10), "remove")}}
		}
		p.Table.Rows = append(p.Table.Rows, r)
	}
	return p
}

func disableClient(v *visit) error {
	client, err := v.Admin.FindClient(v.ctx(), v.caller, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	reason := v.field("text", "disable", "reason", "")
	reason.Max = 200
	title, c := v.text("client.disable", client.ClientID), confirmation{
		Lead: v.text("client.disable.lead"), Undone: v.undone(client.ManagedBy), Fields: []*field{reason},
		Submit: v.text("client.disable.submit"), Cancel: address("clients", client.ClientID),
	}
	if !v.confirmed(title, c) {
		return nil
	}
	if err := v.Admin.DisableClient(v.ctx(), v.caller, client.ClientID, reason.Value); err != nil {
		return v.notConfirmed(c, title, err)
	}
	return v.doneUntil("client.disabled", []string{client.ClientID}, "clients", client.ClientID)
}

func enableClient(v *visit) error {
	id := v.r.PathValue("id")
	err := v.mayEnableClient(id)
	if err == nil {
		err = v.Admin.EnableClient(v.ctx(), v.caller, id)
	}
	if err != nil {
		return v.explained(err, address("clients", id))
	}
	return v.done("client.enabled", "clients", id)
}

// enableClientAgain is where a new sign-in leads back to.
func enableClientAgain(v *visit) error {
	id := v.r.PathValue("id")
	return v.sendAgain(v.text("give.enabled", id), v.text("form.enable"), "clients", id)
}

func deleteClient(v *visit) error {
	client, err := v.Admin.FindClient(v.ctx(), v.caller, v.r.PathValue("id"))
	if err != nil {
		return err
	}
	ok := v.confirmed(v.text("client.delete", client.ClientID), confirmation{
		Lead: v.text("client.delete.lead"), Undone: v.undone(client.ManagedBy), Name: client.ClientID, Submit: v.text("client.delete.submit"), Cancel: address("clients", client.ClientID),
	})
	if !ok {
		return nil
	}
	if err := v.Admin.DeleteClient(v.ctx(), v.caller, client.ClientID); err != nil {
		return v.explained(err, address("clients", client.ClientID))
	}
	return v.done("client.deleted", "clients")
}
