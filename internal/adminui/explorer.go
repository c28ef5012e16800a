package adminui

import (
	"net/http"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountExplorer() {
	s.handle("GET /access", "assignment.list", whoMay)
}

// whoMay shows who holds a permission of an API, and through what.
func whoMay(v *visit) error {
	values := v.r.URL.Query()
	filter := domain.AssignmentFilter{Audience: values.Get("api"), Permission: values.Get("permission"), Role: values.Get("role")}
	l := listing{Lead: v.text("explorer.lead"), Table: table{Columns: []string{
		v.text("assignment.subject"), v.text("assignment.kind"), v.text("assignment.role"), v.text("assignment.expires_at"), v.text("explorer.state"),
	}}}
	l.Filters = []*field{
		v.field("text", "explorer", "api", filter.Audience), v.field("text", "explorer", "permission", filter.Permission), v.field("text", "explorer", "role", filter.Role),
	}
	err := list(v, &l, func(q admin.Query) (admin.Page[admin.Assignment], error) {
		return v.Admin.ListAssignments(v.ctx(), v.caller, filter, q)
	}, func(a admin.Assignment) row {
		state := badge{v.text("explorer.active"), "good"}
		if !a.ExpiresAt.IsZero() && !a.ExpiresAt.After(v.Now()) {
			state = badge{v.text("explorer.expired"), "warn"}
		}
		return row{Path: address(string(a.SubjectKind)+"s", a.Subject), Cells: []cell{
			{Text: a.Subject}, {Text: v.text("kind." + string(a.SubjectKind))}, {Text: a.Role, Path: address("roles", a.Role)}, {Time: a.ExpiresAt}, {Badge: state},
		}}
	})
	if err == nil {
		v.render(http.StatusOK, "admin/list", v.text("menu.explorer"), l)
	}
	return err
}
