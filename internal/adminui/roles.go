package adminui

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountRoles() {
	s.handle("GET /roles", "role.list", showRoles)
	s.handle("GET /roles/{name}", "role.find", showRole)
	s.handle("GET /new/role", "role.create", newRole)
	s.handle("POST /new/role", "role.create", createRole)
	s.handle("GET /roles/{name}/edit", "role.update", editRole)
	s.handle("POST /roles/{name}/edit", "role.update", updateRole)
	s.handle("GET /roles/{name}/delete", "role.delete", deleteRole)
	s.handle("POST /roles/{name}/delete", "role.delete", deleteRole)
}

func showRoles(v *visit) error {
	l := listing{Lead: v.text("roles.lead"), Table: table{Columns: []string{v.text("role.name"), v.text("role.description"), v.text("role.apis")}}}
	if v.may("role.create") {
		l.New = link{Text: v.text("role.new"), Path: address("new", "role")}
	}
	api := v.asked("text", "roles", "api")
	l.Filters = []*field{api}
	err := list(v, &l, func(q admin.Query) (admin.Page[admin.Role], error) {
		page, err := v.Admin.ListRoles(v.ctx(), v.caller, domain.RoleFilter{Audience: api.Value}, q)
		return page, noneOf(api, err)
	}, func(r admin.Role) row {
		return row{Path: address("roles", r.Name), Managed: v.managed(r.ManagedBy), Cells: []cell{{Text: r.Name}, {Text: r.Description}, {List: audiences(r)}}}
	})
	if err == nil {
		v.showList(v.text("menu.roles"), l)
	}
	return err
}

// audiences are those at which a role gives permissions.
func audiences(r admin.Role) []string {
	var list []string
	for _, p := range r.Permissions {
		if !slices.Contains(list, p.Audience) {
			list = append(list, p.Audience)
		}
	}
	return list
}

func showRole(v *visit) error {
	role, err := v.Admin.FindRole(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	o := object{Trail: link{Text: v.text("menu.roles"), Path: address("roles")}, Lead: role.Description, Managed: v.managed(role.ManagedBy), Created: role.CreatedAt, Updated: role.UpdatedAt}
	o.act(v, "role.update", action{Text: v.text("form.edit"), Path: address("roles", role.Name, "edit"), Icon: "edit"})
	if !(domain.Role{Name: role.Name}).BuiltIn() {
		o.act(v, "role.delete", action{Text: v.text("form.delete"), Path: address("roles", role.Name, "delete"), Icon: "delete", Bad: true})
	}
	gives := panel{Title: v.text("role.gives"), Table: table{Columns: []string{v.text("role.api"), v.text("role.permissions")}}, Empty: v.text("role.gives_nothing")}
	for _, audience := range audiences(role) {
		var permissions []string
		for _, given := range role.Permissions {
			if given.Audience == audience {
				permissions = append(permissions, given.Permission)
			}
		}
		r := row{Cells: []cell{{Code: audience}, {List: permissions}}}
		if v.may("assignment.list") {
			r.Actions = []action{{Text: v.text("explorer.who"), Path: explorerPath(question{api: audience, role: role.Name})}}
		}
		gives.Table.Rows = append(gives.Table.Rows, r)
	}
	o.Panels = append(o.Panels, gives)
	if v.may("assignment.list") {
		held, err := v.holders(role)
		if err != nil {
			return err
		}
		held.Actions = append(held.Actions, action{Text: v.text("menu.explorer"), Path: explorerPath(question{role: role.Name})})
		o.Panels = append(o.Panels, held)
	}
	return v.show(role.Name, o)
}

const holdersShown = 20

// holders are those who have a role.
func (v *visit) holders(role admin.Role) (panel, error) {
	p := panel{Title: v.text("role.holders"), Empty: v.text("role.no_holders"), Table: table{
		Columns: []string{v.text("assignment.subject"), v.text("assignment.kind"), v.text("assignment.expires_at")},
	}}
	held, err := v.Admin.ListAssignments(v.ctx(), v.caller, domain.AssignmentFilter{Role: role.Name}, admin.Query{Limit: holdersShown})
	if err != nil {
		return panel{}, err
	}
	if held.Next != "" {
		p.Hint = v.text("role.more_holders")
	}
	for _, a := range held.Items {
		p.Table.Rows = append(p.Table.Rows, row{
			Path: address(string(a.SubjectKind)+"s", a.Subject), Managed: v.managed(a.ManagedBy), Cells: []cell{{Text: a.Subject}, {Text: v.text("kind." + string(a.SubjectKind))}, {Time: a.ExpiresAt}},
		})
	}
	return p, nil
}

// roleForm is the form for a role, which may be a new one.
func (v *visit) roleForm(role admin.Role) *form {
	var permissions []string
	for _, p := range role.Permissions {
		permissions = append(permissions, p.Audience+"#"+p.Permission)
	}
	given := v.field("lines", "role", "permissions", strings.Join(permissions, "\n"))
	given.Max = 64 << 10
	f := &form{Fields: []*field{v.field("text", "role", "description", role.Description), given}}
	if role.Version == 0 {
		name := v.field("text", "role", "name", "")
		name.Required = true
		f.Fields = append([]*field{name}, f.Fields...)
		f.Submit, f.Cancel = v.text("role.create"), address("roles")
		return f
	}
	f.Undone = v.undone(role.ManagedBy)
	f.Version, f.Submit, f.Cancel = strconv.FormatInt(role.Version, 10), v.text("form.save"), address("roles", role.Name)
	return f
}

// permissionsOf are the permissions that a form names, one in a line as AUDIENCE#permission.
func permissionsOf(f *form) ([]domain.RolePermission, error) {
	var permissions []domain.RolePermission
	for _, line := range f.lines("permissions") {
		audience, permission, ok := strings.Cut(line, "#")
		if !ok || audience == "" || permission == "" {
			return nil, domain.Invalid("permissions", domain.RuleFormat, "permissions: %q is not of the form API#permission", line)
		}
		permissions = append(permissions, domain.RolePermission{Audience: audience, Permission: permission})
	}
	return permissions, nil
}

func newRole(v *visit) error {
	f := v.roleForm(admin.Role{})
	v.fillAgain(f)
	v.render(http.StatusOK, "admin/form", v.text("role.new"), f)
	return nil
}

func createRole(v *visit) error {
	f := v.roleForm(admin.Role{})
	f.read(v.r)
	permissions, err := permissionsOf(f)
	if err == nil {
		err = v.mayGive(nil, admin.AdministrativeOf(permissions))
	}
	var role admin.Role
	if err == nil {
		role, err = v.Admin.CreateRole(v.ctx(), v.caller, domain.Role{Name: f.get("name"), Description: f.get("description"), Permissions: permissions})
	}
	if err != nil {
		return v.refused(f, v.text("role.new"), err)
	}
	return v.done("role.created", "roles", role.Name)
}

func editRole(v *visit) error {
	role, err := v.Admin.FindRole(v.ctx(), v.caller, v.r.PathValue("name"))
	if err == nil {
		f := v.roleForm(role)
		v.fillAgain(f)
		v.render(http.StatusOK, "admin/form", v.text("role.edit", role.Name), f)
	}
	return err
}

func updateRole(v *visit) error {
	name := v.r.PathValue("name")
	current, err := v.Admin.FindRole(v.ctx(), v.caller, name)
	if err != nil {
		return err
	}
	title, f := v.text("role.edit", name), v.roleForm(current)
	f.read(v.r)
	permissions, err := permissionsOf(f)
	if err == nil && *f.version() != current.Version {
		err = domain.ErrConflict
	}
	var act string
	var begun *admin.Revocation
	if err == nil {
		var answered bool
		act, answered, err = v.chosen(v.text("effect.of_update", name), v.ofRole(name, admin.RoleChange{Permissions: &permissions}), effectPage{
			Lead: v.text("effect.lead"), Undone: v.undone(current.ManagedBy), Save: v.text("effect.save"), Revoke: v.text("effect.save_and_revoke"), Cancel: address("roles", name),
		})
		if answered {
			return nil
		}
	}
	if err == nil {
		edit := func(role *domain.Role) error {
			if err := v.mayGive(admin.AdministrativeOf(role.Permissions), admin.AdministrativeOf(permissions)); err != nil {
				return err
			}
			role.Description, role.Permissions = f.get("description"), permissions
			return nil
		}
		if act == actRevoke {
			_, begun, err = v.Admin.UpdateRoleAndRevoke(v.ctx(), v.caller, name, f.version(), edit)
		} else {
			_, err = v.Admin.UpdateRole(v.ctx(), v.caller, name, f.version(), edit)
		}
	}
	if errors.Is(err, domain.ErrConflict) {
		return v.moved(f, v.roleForm(current), title)
	}
	if err != nil {
		return v.refused(f, title, err)
	}
	return v.revoked(begun, "role.updated", "roles", name)
}

func deleteRole(v *visit) error {
	role, err := v.Admin.FindRole(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	c := confirmation{
		Lead: v.text("role.delete.lead"), Undone: v.undone(role.ManagedBy), Name: role.Name, Submit: v.text("role.delete.submit"), Cancel: address("roles", role.Name),
	}
	if err := v.addEffect(&c, v.ofRole(role.Name, admin.RoleChange{Delete: true})); err != nil {
		return err
	}
	if !v.confirmed(v.text("role.delete", role.Name), c) {
		return nil
	}
	if c.revokes() {
		begun, err := v.Admin.DeleteRoleAndRevoke(v.ctx(), v.caller, role.Name)
		if err != nil {
			return v.explained(err, address("roles", role.Name))
		}
		return v.revoked(begun, "role.deleted", "roles")
	}
	if err := v.Admin.DeleteRole(v.ctx(), v.caller, role.Name); err != nil {
		return err
	}
	return v.done("role.deleted", "roles")
}
