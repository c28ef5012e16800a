package adminui

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountUsers() {
	s.handle("GET /users", "user.list", showUsers)
	s.handle("GET /users/{name}", "user.find", showUser)
	s.handle("GET /new/user", "user.create", newUser)
	s.handle("POST /new/user", "user.create", createUser)
	s.handle("GET /users/{name}/edit", "user.update", editUser)
	s.handle("POST /users/{name}/edit", "user.update", editUser)
	s.handle("GET /users/{name}/disable", "user.disable", disableUser)
	s.handle("POST /users/{name}/disable", "user.disable", disableUser)
	s.handle("GET /users/{name}/enable", "user.enable", enableUserAgain)
	s.handle("POST /users/{name}/enable", "user.enable", enableUser)
	s.handle("GET /users/{name}/delete", "user.delete", deleteUser)
	s.handle("POST /users/{name}/delete", "user.delete", deleteUser)
}

func showUsers(v *visit) error {
	l := listing{Lead: v.text("users.lead"), Table: table{
		Columns: []string{v.text("user.username"), v.text("user.name"), v.text("user.email"), v.text("user.state"), v.text("object.created")},
	}}
	if v.may("user.create") {
		l.New = link{Text: v.text("user.new"), Path: address("new", "user")}
	}
	state := v.askedState()
	l.Filters = []*field{state}
	err := list(v, &l, func(q admin.Query) (admin.Page[admin.User], error) {
		return v.Admin.ListUsers(v.ctx(), v.caller, domain.UserFilter{Disabled: disabled(state)}, q)
	}, func(u admin.User) row {
		return row{Path: address("users", u.Username), Cells: []cell{{Text: u.Username}, {Text: u.Name}, {Text: u.Email}, {Badge: v.userState(u)}, {Time: u.CreatedAt}}}
	})
	if err == nil {
		v.showList(v.text("menu.users"), l)
	}
	return err
}

func (v *visit) userState(u admin.User) badge {
	if u.Disabled {
		return badge{v.text("state.disabled"), "bad"}
	}
	return badge{v.text("state.enabled"), "good"}
}

func showUser(v *visit) error {
	user, err := v.Admin.FindUser(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	o := object{
		Trail: link{Text: v.text("menu.users"), Path: address("users")}, Lead: user.Name, State: v.userState(user), Warnings: user.Warnings,
		Created: user.CreatedAt, Updated: user.UpdatedAt,
	}
	o.act(v, "user.update", action{Text: v.text("form.edit"), Path: address("users", user.Username, "edit"), Icon: "edit"})
	if !user.Disabled {
		o.act(v, "user.link", action{Text: v.text("user.link.action"), Path: address("users", user.Username, "link")})
	}
	if user.Disabled {
		o.act(v, "user.enable", action{Text: v.text("form.enable"), Path: address("users", user.Username, "enable"), Post: true})
	} else {
		o.act(v, "user.disable", action{Text: v.text("form.disable"), Path: address("users", user.Username, "disable"), Bad: true})
	}
	o.act(v, "user.delete", action{Text: v.text("form.delete"), Path: address("users", user.Username, "delete"), Icon: "delete", Bad: true})

	about := panel{Title: v.text("user.about"), Facts: []fact{
		v.fact("user.username", cell{Text: user.Username}), v.fact("user.sub", cell{Code: user.Subject}),
		v.fact("user.email", cell{Text: user.Email}),
		v.fact("user.email_verified", cell{Text: v.yesNo(user.EmailVerified)}), v.fact("user.has_password", cell{Text: v.yesNo(user.HasPassword)}),
	}}
	about.Facts = append(about.Facts, v.disabledFacts(user.Disabled, user.DisabledAt, user.DisabledReason)...)
	for _, name := range slices.Sorted(maps.Keys(user.Attributes)) {
		about.Facts = append(about.Facts, fact{name, cell{Text: strings.Join(domain.AttributeTexts(user.Attributes[name]), ", ")}})
	}
	o.Panels = append(o.Panels, about)
	if v.may("assignment.list") {
		roles, err := v.rolesOf(domain.SubjectUser, user.Username)
		if err != nil {
			return err
		}
		o.Panels = append(o.Panels, roles)
	}
	if err := v.sessionsOf(&o, user.Username); err != nil {
		return err
	}
	return v.show(user.Username, o)
}

// userForm is the form for a user, who may be a new one.
func (v *visit) userForm(user admin.User) *form {
	var attributes []string
	for _, name := range slices.Sorted(maps.Keys(user.Attributes)) {
		for _, text := range domain.AttributeTexts(user.Attributes[name]) {
			attributes = append(attributes, name+"="+strings.ReplaceAll(text, "\n", `\n`))
		}
	}
	f := &form{Fields: []*field{
		v.field("text", "user", "name", user.Name), v.field("text", "user", "email", user.Email),
		v.field("check", "user", "email_verified", checked(user.EmailVerified)),
		v.field("lines", "user", "attributes", strings.Join(attributes, "\n")),
	}}
	f.Fields[3].Max = 64 << 10
	if user.Version == 0 {
		name := v.field("text", "user", "username", "")
		name.Required = true
		f.Fields = append(append([]*field{name}, f.Fields...), v.field("check", "user", "link_wanted", "yes"))
		f.Submit, f.Cancel = v.text("user.create"), address("users")
		return f
	}
	f.Version, f.Submit, f.Cancel = strconv.FormatInt(user.Version, 10), v.text("form.save"), address("users", user.Username)
	return f
}

// attributesOf are the attributes that a form names, one in a line as name=value; a name of several values has a line for each.
func (v *visit) attributesOf(f *form) (map[string]any, error) {
	given := map[string][]string{}
	for _, line := range f.lines("attributes") {
		name, value, ok := strings.Cut(line, "=")
		if !ok {
			return nil, domain.Invalid("attributes", domain.RuleFormat, "attributes: %q is not of the form name=value", line)
		}
		name = strings.TrimSpace(name)
		given[name] = append(given[name], strings.ReplaceAll(strings.TrimSpace(value), `\n`, "\n"))
	}
	attributes, err := v.Admin.ParseAttributes(v.ctx(), v.caller, given, nil)
	if errors.Is(err, domain.ErrNotFound) {
		return nil, domain.Invalid("attributes", domain.RuleUnknown, "attributes: %v", err)
	}
	return attributes, err
}

func newUser(v *visit) error {
	if !v.mayFill() {
		return nil
	}
	v.render(http.StatusOK, "admin/form", v.text("user.new"), v.userForm(admin.User{}))
	return nil
}

func createUser(v *visit) error {
	if !v.mayFill() {
		return nil
	}
	f := v.userForm(admin.User{})
	f.read(v.r)
	attributes, err := v.attributesOf(f)
	var user admin.User
	if err == nil {
		user, err = v.Admin.CreateUser(v.ctx(), v.caller, admin.NewUser{
			Username: f.get("username"), Name: f.get("name"), Email: f.get("email"), EmailVerified: f.get("email_verified") != "", Attributes: attributes,
		})
	}
	if err != nil {
		return v.refused(f, v.text("user.new"), err)
	}
	if f.set("link_wanted") {
		return v.showPasswordLink(user.Username)
	}
	return v.done("user.created", "users", user.Username)
}

func editUser(v *visit) error {
	user, err := v.Admin.FindUser(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	title, f := v.text("user.edit", user.Username), v.userForm(user)
	if v.r.Method != http.MethodPost {
		v.render(http.StatusOK, "admin/form", title, f)
		return nil
	}
	f.read(v.r)
	attributes, err := v.attributesOf(f)
	if err == nil {
		_, err = v.Admin.UpdateUser(v.ctx(), v.caller, user.Username, f.version(), func(u *domain.User) error {
			u.Name, u.Email, u.EmailVerified, u.Attributes = f.get("name"), f.get("email"), f.get("email_verified") != "", attributes
			return nil
		})
	}
	switch {
	case errors.Is(err, domain.ErrConflict):
		return v.moved(f, v.userForm(user), title)
	case err != nil:
		return v.refused(f, title, err)
	}
	return v.done("user.updated", "users", user.Username)
}

func disableUser(v *visit) error {
	user, err := v.Admin.FindUser(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	reason := v.field("text", "disable", "reason", "")
	reason.Max = 200
	title, c := v.text("user.disable", user.Username), confirmation{
		Lead: v.text("user.disable.lead"), Fields: []*field{reason}, Submit: v.text("user.disable.submit"), Cancel: address("users", user.Username),
	}
	if !v.confirmed(title, c) {
		return nil
	}
	if err := v.Admin.DisableUser(v.ctx(), v.caller, user.Username, reason.Value); err != nil {
		return v.notConfirmed(c, title, err)
	}
	return v.doneUntil("user.disabled", []string{user.Username}, "users", user.Username)
}

func enableUser(v *visit) error {
	name := v.r.PathValue("name")
	err := v.mayEnableUser(name)
	if err == nil {
		_, err = v.Admin.EnableUser(v.ctx(), v.caller, name)
	}
	if err != nil {
		return v.explained(err, address("users", name))
	}
	return v.done("user.enabled", "users", name)
}

// enableUserAgain is where a new sign-in leads back to.
func enableUserAgain(v *visit) error {
	name := v.r.PathValue("name")
	return v.sendAgain(v.text("give.enabled", name), v.text("form.enable"), "users", name)
}

func deleteUser(v *visit) error {
	user, err := v.Admin.FindUser(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	ok := v.confirmed(v.text("user.delete", user.Username), confirmation{
		Lead: v.text("user.delete.lead"), Name: user.Username, Submit: v.text("user.delete.submit"), Cancel: address("users", user.Username),
	})
	if !ok {
		return nil
	}
	if err := v.Admin.DeleteUser(v.ctx(), v.caller, user.Username); err != nil {
		return v.explained(err, address("users", user.Username))
	}
	return v.done("user.deleted", "users")
}
