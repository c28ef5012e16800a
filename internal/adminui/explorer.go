package adminui

import (
	"net/url"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountExplorer() {
	s.handle("GET /access", "assignment.list", whoMay)
	s.handle("GET /access/members", "group.list_members", whichMembersMay)
	s.handle("GET /users/{name}/access", "user.access", whatMay(s.Admin.UserAccess))
	s.handle("GET /groups/{name}/access", "group.access", whatMay(s.Admin.GroupAccess))
	s.handle("GET /clients/{name}/access", "client.access", whatMay(s.Admin.ClientAccess))
}

// way is how somebody comes to a permission: user, group, role, permission, those of them that there are.
type way []step

// step is one of a way.
type step struct {
	Text, Code string // one of these
	Path       string
	Until      time.Time // of the assignment of a role; zero: it does not end
}

// question is what the explorer is asked: an API, a permission there, a role; each may be empty.
type question struct{ api, permission, role string }

func (v *visit) question() question {
	return question{v.query("api"), v.query("permission"), v.query("role")}
}

// explorerPath is where a question is answered.
func explorerPath(q question) string { return address("access") + "?" + q.values().Encode() }

func (q question) values() url.Values {
	values := url.Values{}
	for name, value := range map[string]string{"api": q.api, "permission": q.permission, "role": q.role} {
		if value != "" {
			values.Set(name, value)
		}
	}
	return values
}

// way is how an assignment leads to what is asked for.
func (v *visit) way(a admin.Assignment, q question) way {
	w := way{{Text: a.Role, Path: address("roles", a.Role), Until: a.ExpiresAt}}
	switch {
	case q.permission != "":
		w = append(w, step{Code: q.permission})
	case q.api != "":
		w = append(w, step{Code: q.api, Path: address("apis", q.api)})
	}
	return w
}

// whoMay shows who holds a permission of an API, and through what.
func whoMay(v *visit) error {
	q := v.question()
	filter := domain.AssignmentFilter{Audience: q.api, Permission: q.permission, Role: q.role}
	l := listing{Lead: v.text("explorer.lead"), Table: table{Columns: []string{
		v.text("assignment.subject"), v.text("assignment.kind"), v.text("explorer.way"), v.text("explorer.state"),
	}}}
	l.Filters = []*field{
		v.field("text", "explorer", "api", filter.Audience), v.field("text", "explorer", "permission", filter.Permission), v.field("text", "explorer", "role", filter.Role),
	}
	err := list(v, &l, func(page admin.Query) (admin.Page[admin.Assignment], error) {
		return v.Admin.ListAssignments(v.ctx(), v.caller, filter, page)
	}, func(a admin.Assignment) row {
		r := row{Path: address(string(a.SubjectKind)+"s", a.Subject), Managed: v.managed(a.ManagedBy), Cells: []cell{
			{Text: a.Subject}, {Text: v.text("kind." + string(a.SubjectKind))}, {Way: v.way(a, q)}, {Badge: v.assignmentState(a.ExpiresAt)},
		}}
		if a.SubjectKind == domain.SubjectGroup && v.may("group.list_members") {
			members := q.values()
			members.Set("group", a.Subject)
			members.Set("role", a.Role)
			r.Actions = []action{{Text: v.text("explorer.members"), Path: address("access", "members") + "?" + members.Encode()}}
		}
		return r
	})
	if err == nil {
		v.showList(v.text("menu.explorer"), l)
	}
	return err
}

// assignmentState says whether an assignment that ends at a time counts.
func (v *visit) assignmentState(expiresAt time.Time) badge {
	if !expiresAt.IsZero() && !expiresAt.After(v.Now()) {
		return badge{v.text("explorer.expired"), "warn"}
	}
	return badge{v.text("explorer.active"), "good"}
}

// whichMembersMay shows the users who hold what is asked for through a group.
func whichMembersMay(v *visit) error {
	q, group := v.question(), v.r.URL.Query().Get("group")
	held, err := v.assignment(q.role, domain.SubjectGroup, group)
	if err == nil && held.Role == "" {
		err = domain.ErrNotFound
	}
	if err != nil {
		return err
	}
	rest := append(way{{Text: group, Path: address("groups", group)}}, v.way(held, q)...)
	l := listing{
		Lead: v.text("explorer.members.lead"), Table: table{Columns: []string{v.text("user.username"), v.text("explorer.way"), v.text("explorer.state")}},
		Links: []link{{Text: v.text("explorer.all"), Path: explorerPath(question{q.api, q.permission, ""})}},
		Kept:  q.values(),
	}
	l.Kept.Set("group", group)
	err = list(v, &l, func(page admin.Query) (admin.Page[admin.User], error) {
		return v.Admin.ListMembers(v.ctx(), v.caller, group, page)
	}, func(u admin.User) row {
		state := v.assignmentState(held.ExpiresAt)
		if u.Disabled {
			state = badge{v.text("state.disabled"), "bad"}
		}
		return row{Path: address("users", u.Username), Cells: []cell{{Text: u.Username}, {Way: rest}, {Badge: state}}}
	})
	if err == nil {
		v.showList(v.text("explorer.members.title", group), l)
	}
	return err
}
