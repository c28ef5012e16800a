package adminui

import (
	"errors"
	"fmt"
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
	err := list(v, &l, func(q admin.Query) (admin.Page[admin.Role], error) { return v.Admin.ListRoles(v.ctx(), v.caller, q) }, func(r admin.Role) row {
		return row{address("roles", r.Name), []cell{{Text: r.Name}, {Text: r.Description}, {List: audiences(r)}}}
	})
	if err == nil {
		v.render(http.StatusOK, "admin/list", v.text("menu.roles"), l)
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

// rolePage is the data of a role's page.
type rolePage struct {
	Role        admin.Role
	APIs        []apiPermissions
	Holders     table
	MoreHolders bool
	Edit, Drop  string // paths; empty: the visitor may not
}

// apiPermissions are those of one API.
type apiPermissions struct {
	Audience    string
	Permissions []string
}

const holdersShown = 20

func showRole(v *visit) error {
	role, err := v.Admin.FindRole(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	p := rolePage{Role: role}
	for _, audience := range audiences(role) {
		api := apiPermissions{Audience: audience}
		for _, given := range role.Permissions {
			if given.Audience == audience {
				api.Permissions = append(api.Permissions, given.Permission)
			}
		}
		p.APIs = append(p.APIs, api)
	}
	if v.may("assignment.list") {
		held, err := v.Admin.ListAssignments(v.ctx(), v.caller, domain.AssignmentFilter{Role: role.Name}, admin.Query{Limit: holdersShown})
		if err != nil {
			return err
		}
		p.MoreHolders = held.Next != ""
		p.Holders.Columns = []string{v.text("assignment.subject"), v.text("assignment.kind"), v.text("assignment.expires_at")}
		for _, a := range held.Items {
			p.Holders.Rows = append(p.Holders.Rows, row{Cells: []cell{{Text: a.Subject}, {Text: v.text("kind." + string(a.SubjectKind))}, {Time: a.ExpiresAt}}})
		}
	}
	if v.may("role.update") {
		p.Edit = address("roles", role.Name, "edit")
	}
	if v.may("role.delete") && role.Name != domain.RoleAdministrator {
		p.Drop = address("roles", role.Name, "delete")
	}
	v.render(http.StatusOK, "admin/role", role.Name, p)
	return nil
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
	f.Version, f.Submit, f.Cancel = strconv.FormatInt(role.Version, 10), v.text("form.save"), address("roles", role.Name)
	return f
}

// permissionsOf are the permissions that a form names, one in a line as AUDIENCE#permission.
func permissionsOf(f *form) ([]domain.RolePermission, error) {
	var permissions []domain.RolePermission
	for _, line := range f.lines("permissions") {
		audience, permission, ok := strings.Cut(line, "#")
		if !ok || audience == "" || permission == "" {
			return nil, fmt.Errorf("%w permissions: %q is not of the form API#permission", domain.ErrInvalid, line)
		}
		permissions = append(permissions, domain.RolePermission{Audience: audience, Permission: permission})
	}
	return permissions, nil
}

func newRole(v *visit) error {
	v.render(http.StatusOK, "admin/form", v.text("role.new"), v.roleForm(admin.Role{}))
	return nil
}

func createRole(v *visit) error {
	f := v.roleForm(admin.Role{})
	f.read(v.r)
	permissions, err := permissionsOf(f)
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
		v.render(http.StatusOK, "admin/form", v.text("role.edit", role.Name), v.roleForm(role))
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
	if err == nil {
		_, err = v.Admin.UpdateRole(v.ctx(), v.caller, name, f.version(), func(role *domain.Role) error {
			role.Description, role.Permissions = f.get("description"), permissions
			return nil
		})
	}
	if errors.Is(err, domain.ErrConflict) {
		return v.moved(f, v.roleForm(current), title)
	}
	if err != nil {
		return v.refused(f, title, err)
	}
	return v.done("role.updated", "roles", name)
}

func deleteRole(v *visit) error {
	role, err := v.Admin.FindRole(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	ok := v.confirmed(v.text("role.delete", role.Name), confirmation{
		Lead: v.text("role.delete.lead"), Name: role.Name, Submit: v.text("role.delete.submit"), Cancel: address("roles", role.Name),
	})
	if !ok {
		return nil
	}
	if err := v.Admin.DeleteRole(v.ctx(), v.caller, role.Name); err != nil {
		return err
	}
	return v.done("role.deleted", "roles")
}
