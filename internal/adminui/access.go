package adminui

import (
	"cmp"
	"context"
	"slices"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
)

// permissionsShown are how many permissions of one user, group or client are shown.
const permissionsShown = 500

// allowed is a permission, and how somebody comes to it.
type allowed struct {
	admin.RolePermission
	through admin.HeldRole
}

// whatMay shows what a user, a group or a client may do, and through what.
func whatMay(find func(ctx context.Context, caller authn.Caller, name string) (admin.Access, error)) func(v *visit) error {
	return func(v *visit) error {
		access, err := find(v.ctx(), v.caller, v.r.PathValue("name"))
		if err != nil {
			return err
		}
		o := object{Trail: link{Text: access.Subject, Path: address(string(access.SubjectKind)+"s", access.Subject)}, Lead: v.text("access.lead." + string(access.SubjectKind))}
		if access.Disabled {
			o.State = badge{v.text("state.disabled"), "bad"}
			o.Warnings = []string{v.text("access.disabled")}
		}
		o.Panels = append(o.Panels, v.permissionsOf(access))
		var bare []string
		for _, held := range access.Roles {
			if len(held.Permissions) == 0 {
				bare = append(bare, held.Role)
			}
		}
		if len(bare) > 0 {
			o.Panels = append(o.Panels, panel{Title: v.text("access.bare"), Facts: []fact{v.fact("access.roles", cell{List: bare})}})
		}
		return v.show(v.text("access.title", access.Subject), o)
	}
}

// permissionsOf shows each permission once for each way to it, those of an API together.
func (v *visit) permissionsOf(access admin.Access) panel {
	var all []allowed
	for _, held := range access.Roles {
		for _, p := range held.Permissions {
			all = append(all, allowed{p, held})
		}
	}
	slices.SortStableFunc(all, func(a, b allowed) int {
		return cmp.Or(cmp.Compare(a.Audience, b.Audience), cmp.Compare(a.Permission, b.Permission))
	})
	p := panel{Title: v.text("access.permissions"), Empty: v.text("access.nothing"), Table: table{
		Columns: []string{v.text("access.permission"), v.text("access.api"), v.text("explorer.way")},
	}}
	if len(all) > permissionsShown {
		p.Hint = v.text("access.more", grouped(int64(permissionsShown)), grouped(int64(len(all))))
		all = all[:permissionsShown]
	}
	for _, a := range all {
		var through way
		switch {
		case access.SubjectKind != domain.SubjectUser:
		case a.through.Group != "":
			through = way{{Text: a.through.Group, Path: address("groups", a.through.Group)}}
		default:
			through = way{{Text: v.text("access.directly")}}
		}
		through = append(through, step{Text: a.through.Role, Path: address("roles", a.through.Role), Until: a.through.ExpiresAt})
		r := row{Cells: []cell{{Code: a.Permission}, {Code: a.Audience, Path: address("apis", a.Audience)}, {Way: through}}}
		if v.may("assignment.list") {
			r.Path = explorerPath(question{a.Audience, a.Permission, ""})
		}
		p.Table.Rows = append(p.Table.Rows, r)
	}
	return p
}

// accessOf is the button that leads to what a user, a group or a client may do; none for whoever may not see it.
func (v *visit) accessOf(kind domain.SubjectKind, name string) []action {
	if !v.may(string(kind) + ".access") {
		return nil
	}
	return []action{{Text: v.text("access.action." + string(kind)), Path: address(string(kind)+"s", name, "access")}}
}
