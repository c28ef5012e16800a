package adminui

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountGroups() {
	s.handle("GET /groups", "group.list", showGroups)
	s.handle("GET /groups/{name}", "group.find", showGroup)
	s.handle("GET /new/group", "group.create", newGroup)
	s.handle("POST /new/group", "group.create", createGroup)
	s.handle("GET /groups/{name}/edit", "group.update", editGroup)
	s.handle("POST /groups/{name}/edit", "group.update", editGroup)
	s.handle("GET /groups/{name}/delete", "group.delete", deleteGroup)
	s.handle("POST /groups/{name}/delete", "group.delete", deleteGroup)
	s.handle("GET /groups/{name}/members", "group.add_member", addMemberAgain)
	s.handle("POST /groups/{name}/members", "group.add_member", addMember)
	s.handle("GET /groups/{name}/members/remove", "group.remove_member", removeMember)
	s.handle("POST /groups/{name}/members/remove", "group.remove_member", removeMember)
}

func showGroups(v *visit) error {
	l := listing{Lead: v.text("groups.lead"), Table: table{Columns: []string{v.text("group.name"), v.text("group.description"), v.text("object.created")}}}
	if v.may("group.create") {
		l.New = link{Text: v.text("group.new"), Path: address("new", "group")}
	}
	user := v.asked("text", "groups", "user")
	l.Filters = []*field{user}
	err := list(v, &l, func(q admin.Query) (admin.Page[admin.Group], error) {
		page, err := v.Admin.ListGroups(v.ctx(), v.caller, domain.GroupFilter{User: user.Value}, q)
		return page, noneOf(user, err)
	}, func(g admin.Group) row {
		return row{Path: address("groups", g.Name), Managed: v.managed(g.ManagedBy), Cells: []cell{{Text: g.Name}, {Text: g.Description}, {Time: g.CreatedAt}}}
	})
	if err == nil {
		v.showList(v.text("menu.groups"), l)
	}
	return err
}

const membersShown = 100

func showGroup(v *visit) error {
	group, err := v.Admin.FindGroup(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	o := object{Trail: link{Text: v.text("menu.groups"), Path: address("groups")}, Lead: group.Description, Managed: v.managed(group.ManagedBy), Created: group.CreatedAt, Updated: group.UpdatedAt}
	o.act(v, "group.update", action{Text: v.text("form.edit"), Path: address("groups", group.Name, "edit"), Icon: "edit"})
	o.act(v, "group.delete", action{Text: v.text("form.delete"), Path: address("groups", group.Name, "delete"), Icon: "delete", Bad: true})
	members, err := v.members(group.Name)
	if err != nil {
		return err
	}
	o.Panels = append(o.Panels, members)
	if v.may("assignment.list") {
		roles, err := v.rolesOf(domain.SubjectGroup, group.Name)
		if err != nil {
			return err
		}
		o.Panels = append(o.Panels, roles)
	}
	return v.show(group.Name, o)
}

// members are those of a group, with a form that adds one.
func (v *visit) members(group string) (panel, error) {
	p := panel{Title: v.text("group.members"), Empty: v.text("group.no_members"), Table: table{Columns: []string{v.text("user.username"), v.text("user.name")}}}
	page, err := v.Admin.ListMembers(v.ctx(), v.caller, group, admin.Query{
		Cursor: v.r.URL.Query().Get("cursor"), Limit: membersShown,
	})
	if err != nil {
		return panel{}, err
	}
	p.Previous, p.Next = cursorAddress(page.Previous), cursorAddress(page.Next)
	for _, user := range page.Items {
		r := row{Path: address("users", user.Username), Cells: []cell{{Text: user.Username}, {Text: user.Name}}}
		if v.may("group.remove_member") {
			r.Actions = []action{{
				Text: v.text("group.remove_member"), Path: address("groups", group, "members", "remove"), Post: true, Fields: map[string]string{"user": user.Username},
			}}
		}
		p.Table.Rows = append(p.Table.Rows, r)
	}
	if v.may("group.add_member") {
		user := v.field("text", "group", "user", "")
		user.Required = true
		p.Add = &form{Fields: []*field{user}, Submit: v.text("group.add_member")}
		p.Path = address("groups", group, "members")
	}
	return p, nil
}

func addMember(v *visit) error {
	name, user := v.r.PathValue("name"), v.r.PostForm.Get("user")
	err := v.mayJoin(name)
	if err == nil {
		err = v.Admin.AddMember(v.ctx(), v.caller, name, user)
	}
	if err != nil {
		return v.explained(err, address("groups", name))
	}
	return v.done("group.member_added", "groups", name)
}

// addMemberAgain is where a new sign-in leads back to.
func addMemberAgain(v *visit) error {
	name := v.r.PathValue("name")
	return v.sendAgain(v.text("give.member", v.typed().Get("user"), name), v.text("group.add_member"), "groups", name)
}

// removeMember says what it takes away before. It is asked with GET after a new sign-in.
func removeMember(v *visit) error {
	v.fromAddress("user")
	name, user := v.r.PathValue("name"), v.r.PostForm.Get("user")
	page := []string{"groups", name}
	var group admin.Group
	var err error
	if v.may("group.find") {
		if group, err = v.Admin.FindGroup(v.ctx(), v.caller, name); err != nil {
			return err
		}
	}
	act, answered, err := v.chosen(v.text("effect.of_member", user, name), v.ofGroup(name, user), effectPage{
		Lead: v.text("effect.lead"), Undone: v.undone(group.ManagedBy), Save: v.text("group.remove_member"), Revoke: v.text("effect.remove_and_revoke"), Cancel: address(page...),
	})
	if answered {
		return nil
	}
	return v.carryOut(act, err, change{
		done: "group.member_removed", page: page,
		alone:    func() error { return v.Admin.RemoveMember(v.ctx(), v.caller, name, user) },
		revoking: func() (*admin.Revocation, error) { return v.Admin.RemoveMemberAndRevoke(v.ctx(), v.caller, name, user) },
		finish:   func() error { return v.doneUntil("group.member_removed", []string{name, user}, page...) },
	})
}

// groupForm is the form for a group, which may be a new one.
func (v *visit) groupForm(group admin.Group) *form {
	f := &form{Fields: []*field{v.field("text", "group", "description", group.Description)}}
	if group.Version == 0 {
		name := v.field("text", "group", "name", "")
		name.Required = true
		f.Fields = append([]*field{name}, f.Fields...)
		f.Submit, f.Cancel = v.text("group.create"), address("groups")
		return f
	}
	f.Undone = v.undone(group.ManagedBy)
	f.Version, f.Submit, f.Cancel = strconv.FormatInt(group.Version, 10), v.text("form.save"), address("groups", group.Name)
	return f
}

func newGroup(v *visit) error {
	v.render(http.StatusOK, "admin/form", v.text("group.new"), v.groupForm(admin.Group{}))
	return nil
}

func createGroup(v *visit) error {
	f := v.groupForm(admin.Group{})
	f.read(v.r)
	group, err := v.Admin.CreateGroup(v.ctx(), v.caller, f.get("name"), f.get("description"))
	if err != nil {
		return v.refused(f, v.text("group.new"), err)
	}
	return v.done("group.created", "groups", group.Name)
}

func editGroup(v *visit) error {
	group, err := v.Admin.FindGroup(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	title, f := v.text("group.edit", group.Name), v.groupForm(group)
	if v.r.Method != http.MethodPost {
		v.render(http.StatusOK, "admin/form", title, f)
		return nil
	}
	f.read(v.r)
	_, err = v.Admin.UpdateGroup(v.ctx(), v.caller, group.Name, f.version(), func(g *domain.Group) error {
		g.Description = f.get("description")
		return nil
	})
	switch {
	case errors.Is(err, domain.ErrConflict):
		return v.moved(f, v.groupForm(group), title)
	case err != nil:
		return v.refused(f, title, err)
	}
	return v.done("group.updated", "groups", group.Name)
}

func deleteGroup(v *visit) error {
	group, err := v.Admin.FindGroup(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	c := confirmation{
		Lead: v.text("group.delete.lead"), Undone: v.undone(group.ManagedBy), Name: group.Name, Submit: v.text("group.delete.submit"), Cancel: address("groups", group.Name),
	}
	if err := v.addEffect(&c, v.ofGroup(group.Name, "")); err != nil {
		return err
	}
	if !v.confirmed(v.text("group.delete", group.Name), c) {
		return nil
	}
	if c.revokes() {
		begun, err := v.Admin.DeleteGroupAndRevoke(v.ctx(), v.caller, group.Name)
		if err != nil {
			return v.explained(err, address("groups", group.Name))
		}
		return v.revoked(begun, "group.deleted", "groups")
	}
	if err := v.Admin.DeleteGroup(v.ctx(), v.caller, group.Name); err != nil {
		return v.explained(err, address("groups", group.Name))
	}
	return v.done("group.deleted", "groups")
}
