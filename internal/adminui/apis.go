package adminui

import (
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountAPIs() {
	s.handle("GET /apis", "api.list", showAPIs)
	s.handle("GET /apis/{audience}", "api.find", showAPI)
	s.handle("GET /new/api", "api.create", newAPI)
	s.handle("POST /new/api", "api.create", newAPI)
	s.handle("GET /apis/{audience}/edit", "api.update", editAPI)
	s.handle("POST /apis/{audience}/edit", "api.update", editAPI)
	s.handle("GET /apis/{audience}/delete", "api.delete", deleteAPI)
	s.handle("POST /apis/{audience}/delete", "api.delete", deleteAPI)
}

func showAPIs(v *visit) error {
	l := listing{Lead: v.text("apis.lead"), Table: table{
		Columns: []string{v.text("api.audience"), v.text("api.name"), v.text("api.permissions"), v.text("api.signing_alg"), v.text("api.access_token_ttl")},
	}}
	if v.may("api.create") {
		l.New = link{Text: v.text("api.new"), Path: address("new", "api")}
	}
	err := list(v, &l, func(q admin.Query) (admin.Page[admin.API], error) { return v.Admin.ListAPIs(v.ctx(), v.caller, q) }, func(a admin.API) row {
		return row{Path: address("apis", a.Audience), Managed: v.managed(a.ManagedBy), Cells: []cell{
			{Text: a.Audience}, {Text: apiName(a)}, {Text: strconv.Itoa(len(a.Permissions))}, {Text: a.SigningAlg}, {Text: v.apiLifetime(a)},
		}}
	})
	if err == nil {
		v.showList(v.text("menu.apis"), l)
	}
	return err
}

// apiName is what people call an API, empty if that is its audience.
func apiName(a admin.API) string {
	if a.Name == a.Audience {
		return ""
	}
	return a.Name
}

func (v *visit) apiLifetime(a admin.API) string {
	if a.AccessTokenTTL == 0 {
		return v.text("api.servers_lifetime")
	}
	return domain.DurationText(seconds(a.AccessTokenTTL))
}

func showAPI(v *visit) error {
	api, err := v.Admin.FindAPI(v.ctx(), v.caller, v.r.PathValue("audience"))
	if err != nil {
		return err
	}
	o := object{Trail: link{Text: v.text("menu.apis"), Path: address("apis")}, Lead: apiName(api), Managed: v.managed(api.ManagedBy), Created: api.CreatedAt, Updated: api.UpdatedAt}
	o.act(v, "api.update", action{Text: v.text("form.edit"), Path: address("apis", api.Audience, "edit"), Icon: "edit"})
	if api.Audience != domain.AdminAudience {
		o.act(v, "api.delete", action{Text: v.text("form.delete"), Path: address("apis", api.Audience, "delete"), Icon: "delete", Bad: true})
	}
	o.act(v, "policy.find", action{Text: v.text("policy.link"), Path: address("apis", api.Audience, "policy")})
	o.act(v, "resource.list", action{Text: v.text("resources.link"), Path: address("apis", api.Audience, "resources")})
	permissions := panel{
		Title: v.text("api.permissions"), Empty: v.text("api.no_permissions"), Hint: v.text("api.permissions.about"),
		Table: table{Columns: []string{v.text("api.permission"), v.text("api.allows")}},
	}
	for _, p := range api.Permissions {
		r := row{Cells: []cell{{Code: p.Name}, {Text: p.Description}}}
		if v.may("assignment.list") {
			r.Actions = []action{{Text: v.text("explorer.who"), Path: explorerPath(question{api: api.Audience, permission: p.Name})}}
		}
		permissions.Table.Rows = append(permissions.Table.Rows, r)
	}
	if v.may("assignment.list") {
		permissions.Actions = []action{{Text: v.text("menu.explorer"), Path: explorerPath(question{api: api.Audience})}}
	}
	userinfo := v.text("api.opens_userinfo")
	if api.NoUserinfo {
		userinfo = v.text("api.opens_no_userinfo")
	}
	o.Panels = append(o.Panels, permissions, panel{Title: v.text("api.tokens"), Facts: []fact{
		v.fact("api.audience", cell{Code: api.Audience}),
		v.fact("api.signing_alg", cell{Text: api.SigningAlg}),
		v.fact("api.access_token_ttl", cell{Text: v.apiLifetime(api)}),
		v.fact("api.memberships", cell{Text: v.text("memberships." + api.Memberships)}),
		v.fact("api.group_names", cell{Text: v.text("group_names." + api.GroupNames)}),
		v.fact("api.userinfo", cell{Text: userinfo}),
	}})
	if encryption, ok := v.encryptionPanel(api); ok {
		o.Panels = append(o.Panels, encryption)
	}
	if len(api.ClaimMappings) > 0 {
		o.Panels = append(o.Panels, v.claimsOf(api.ClaimMappings))
	}
	return v.show(api.Audience, o)
}

// claimsOf are the claims that expressions give to tokens.
func (v *visit) claimsOf(mappings []admin.ClaimMapping) panel {
	p := panel{Title: v.text("claims.title"), Hint: v.text("claims.about"), Table: table{Columns: []string{v.text("claims.claim"), v.text("claims.expression")}}}
	for _, m := range mappings {
		p.Table.Rows = append(p.Table.Rows, row{Cells: []cell{{Code: m.Claim}, {Code: m.Expression}}})
	}
	return p
}

// apiForm is the form for an API, which may be a new one.
func (v *visit) apiForm(api admin.API) *form {
	var lines []string
	for _, p := range api.Permissions {
		lines = append(lines, strings.TrimSpace(p.Name+" "+p.Description))
	}
	permissions := v.field("lines", "api", "permissions", strings.Join(lines, "\n"))
	permissions.Max = 64 << 10
	algorithm := v.choice("api", "signing_alg", api.SigningAlg, optionsOf(domain.SigningAlgs))
	algorithm.Heading = v.text("api.tokens")
	lifetime := v.field("text", "api", "access_token_ttl", "")
	if api.AccessTokenTTL != 0 {
		lifetime.Value = domain.DurationText(seconds(api.AccessTokenTTL))
	}
	f := &form{Fields: []*field{
		v.field("text", "api", "name", apiName(api)), permissions, algorithm, lifetime,
		v.choice("api", "memberships", api.Memberships, v.options("memberships", domain.MembershipsRelevant, domain.MembershipsAll, domain.MembershipsNone)),
		v.choice("api", "group_names", api.GroupNames, v.options("group_names", domain.GroupsByName, domain.GroupsBySlashName)),
		v.field("check", "api", "no_userinfo", checked(api.NoUserinfo)), v.claimsField("api", api.ClaimMappings),
	}}
	f.Fields = append(f.Fields, v.encryptionFields(api)...)
	if api.Version == 0 {
		audience := v.field("text", "api", "audience", "")
		audience.Required, audience.Max = true, 2000
		f.Fields = append([]*field{audience}, f.Fields...)
		f.Submit, f.Cancel = v.text("api.create"), address("apis")
		return f
	}
	f.Undone = v.undone(api.ManagedBy)
	f.Version, f.Submit, f.Cancel = strconv.FormatInt(api.Version, 10), v.text("form.save"), address("apis", api.Audience)
	return f
}

// apiOf changes an API as a form says.
func apiOf(f *form, api *domain.API) error {
	lifetime, err := f.duration("access_token_ttl", "access token lifetime")
	if err != nil {
		return err
	}
	if api.ClaimMappings, err = f.claims(); err != nil {
		return err
	}
	api.Permissions = nil
	for _, line := range f.lines("permissions") {
		name, description, _ := strings.Cut(line, " ")
		api.Permissions = append(api.Permissions, domain.Permission{Name: name, Description: strings.TrimSpace(description)})
	}
	api.Name, api.SigningAlg, api.AccessTokenTTL, api.NoUserinfo = f.get("name"), f.get("signing_alg"), lifetime, f.set("no_userinfo")
	api.Memberships, api.GroupNames = domain.Memberships(f.get("memberships")), domain.GroupNames(f.get("group_names"))
	api.Encryption = encryptionOf(f)
	return nil
}

func newAPI(v *visit) error {
	title, f := v.text("api.new"), v.apiForm(admin.API{})
	if v.r.Method != http.MethodPost {
		v.render(http.StatusOK, "admin/form", title, f)
		return nil
	}
	f.read(v.r)
	api := domain.API{Audience: f.get("audience")}
	err := apiOf(f, &api)
	var created admin.API
	if err == nil {
		created, err = v.Admin.CreateAPI(v.ctx(), v.caller, api)
	}
	if err != nil {
		return v.refused(f, title, err)
	}
	return v.done("api.created", "apis", created.Audience)
}

func editAPI(v *visit) error {
	api, err := v.Admin.FindAPI(v.ctx(), v.caller, v.r.PathValue("audience"))
	if err != nil {
		return err
	}
	title, f := v.text("api.edit", api.Audience), v.apiForm(api)
	if v.r.Method != http.MethodPost {
		v.render(http.StatusOK, "admin/form", title, f)
		return nil
	}
	f.read(v.r)
	asked, err := v.askLosses(f, api)
	if err == nil && asked {
		v.render(http.StatusUnprocessableEntity, "admin/form", title, f)
		return nil
	}
	if err == nil {
		_, err = v.Admin.UpdateAPI(v.ctx(), v.caller, api.Audience, f.version(), func(a *domain.API) error { return apiOf(f, a) })
	}
	switch {
	case errors.Is(err, domain.ErrConflict):
		return v.moved(f, v.apiForm(api), title)
	case err != nil:
		return v.refused(f, title, err)
	}
	return v.done("api.updated", "apis", api.Audience)
}

// askLosses asks in the form who may lose the permissions that an API has no more, unless that was answered, nobody does, or the
// API has changed meanwhile.
func (v *visit) askLosses(f *form, api admin.API) (asked bool, err error) {
	var before, after domain.API
	if err := apiOf(f, &after); err != nil {
		return false, err
	}
	for _, p := range api.Permissions {
		before.Permissions = append(before.Permissions, domain.Permission(p))
	}
	removed := after.Lacks(before)
	if len(removed) == 0 || v.r.PostForm.Get("lose") != "" || *f.version() != api.Version {
		return false, nil
	}
	losses, err := v.Admin.LosingPermissions(v.ctx(), v.caller, api.Audience, removed)
	if err != nil || len(losses) == 0 {
		return false, err
	}
	var lines []string
	for _, l := range losses[:min(len(losses), lostShown)] {
		lines = append(lines, v.ofSet("api.losing."+string(l.Kind), l.ManagedBy, l.Name, strings.Join(l.Permissions, ", ")))
	}
	if more := len(losses) - lostShown; more > 0 {
		lines = append(lines, v.text("effect.and_more", more))
	}
	lose := v.field("check", "api", "lose", "")
	lose.Required, lose.Problem = true, strings.Join(lines, "; ")+"."
	f.Fields = append(f.Fields, lose)
	return true, nil
}

// ofSet is a text of what comes from a set of files, which is the last of the values, or from none.
func (v *visit) ofSet(key, set string, values ...any) string {
	if set == "" {
		return v.text(key, values...)
	}
	return v.text(key+".of_set", append(values, set)...)
}

func deleteAPI(v *visit) error {
	api, err := v.Admin.FindAPI(v.ctx(), v.caller, v.r.PathValue("audience"))
	if err != nil {
		return err
	}
	users, err := v.Admin.UsersOfAPI(v.ctx(), v.caller, api.Audience)
	if err != nil {
		return err
	}
	ok := v.confirmed(v.text("api.delete", api.Audience), confirmation{
		Lead: v.text("api.delete.lead"), Effects: v.losing(users), Undone: v.undone(api.ManagedBy), Name: api.Audience, Submit: v.text("api.delete.submit"), Cancel: address("apis", api.Audience),
	})
	if !ok {
		return nil
	}
	if err := v.Admin.DeleteAPI(v.ctx(), v.caller, api.Audience); err != nil {
		return v.explained(err, address("apis", api.Audience))
	}
	return v.done("api.deleted", "apis")
}

// losing says which roles and clients lose something, and what else goes.
func (v *visit) losing(users []domain.DeletedWith) (lines []string) {
	for len(users) > 0 {
		of := users[0]
		n := 1
		for n < len(users) && users[n].Kind == of.Kind && users[n].ManagedBy == of.ManagedBy {
			n++
		}
		if of.Name == "" {
			lines = append(lines, v.text("api.delete.resources", grouped(of.Count)))
			users = users[n:]
			continue
		}
		var names []string
		for _, u := range users[:min(n, lostShown)] {
			names = append(names, u.Name)
		}
		if n > lostShown {
			names = append(names, v.text("effect.and_more", n-lostShown))
		}
		lines = append(lines, v.ofSet("api.delete."+string(of.Kind), of.ManagedBy, strings.Join(names, ", ")))
		users = users[n:]
	}
	return lines
}

func seconds(n int64) time.Duration { return time.Duration(n) * time.Second }
