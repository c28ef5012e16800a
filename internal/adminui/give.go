package adminui

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/url"
	"slices"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/interaction"
)

// errOldSignIn says that a change gives administrative permissions, and that the visitor's sign-in is not young enough for that. A page
// answers with askAgain.
var errOldSignIn = errors.New("the sign-in is too old to give administrative permissions")

// mayGive returns errOldSignIn unless whoever had some administrative permissions gets no others, or the sign-in is recent.
func (v *visit) mayGive(had, gets []string) error {
	gives := slices.ContainsFunc(gets, func(permission string) bool { return !slices.Contains(had, permission) })
	if gives && v.signInAge() >= domain.RecentSignIn {
		return errOldSignIn
	}
	return nil
}

// mayGiveAll is mayGive of all administrative permissions. What the visitor may not see counts as such that gives all.
func (v *visit) mayGiveAll() error { return v.mayGive(nil, admin.PermissionNames()) }

// mayAssign is mayGive of whoever gets a role.
func (v *visit) mayAssign(name string) error {
	if !v.may("role.find") {
		return v.mayGiveAll()
	}
	role, err := v.Admin.FindRole(v.ctx(), v.caller, name)
	if err != nil {
		return err
	}
	return v.mayGive(nil, admin.AdministrativeOf(role.Permissions))
}

// mayJoin is mayGive of whoever joins a group.
func (v *visit) mayJoin(group string) error {
	return v.mayGiveRoles("group.access", v.Admin.GroupAccess, group)
}

// mayEnableUser is mayGive of a user who gets back what they had.
func (v *visit) mayEnableUser(username string) error {
	return v.mayGiveRoles("user.access", v.Admin.UserAccess, username)
}

// mayEnableClient is mayGive of a client which gets back what it had.
func (v *visit) mayEnableClient(id string) error {
	if !v.may("client.find") {
		return v.mayGiveAll()
	}
	client, err := v.Admin.FindClient(v.ctx(), v.caller, id)
	if err != nil {
		return err
	}
	ofAdmin := func(api admin.ClientAPI) bool { return api.Audience == domain.AdminAudience }
	if slices.ContainsFunc(client.APIs, ofAdmin) || slices.Contains(client.Serves, domain.AdminAudience) {
		return v.mayGiveAll()
	}
	return v.mayGiveRoles("client.access", v.Admin.ClientAccess, id)
}

// mayGiveRoles is mayGive of the roles that a user, group or client has.
func (v *visit) mayGiveRoles(operation string, access func(context.Context, authn.Caller, string) (admin.Access, error), name string) error {
	if !v.may(operation) {
		return v.mayGiveAll()
	}
	has, err := access(v.ctx(), v.caller, name)
	if err != nil {
		return err
	}
	var gets []string
	for _, held := range has.Roles {
		gets = append(gets, admin.AdministrativeOf(held.Permissions)...)
	}
	return v.mayGive(nil, gets)
}

// askAgain leads to the sign-in and back to the page, which finds there what was typed. refuse answers where that is too long for it.
func (v *visit) askAgain(refuse func(err error) error) error {
	browser, err := v.Pages.Browser(v.w, v.r)
	if err != nil {
		return err
	}
	i := interaction.New(interaction.Request{
		Prompt: []string{"login"}, LoginHint: v.user.Username, MaxAge: -1, Return: v.r.URL.EscapedPath(),
	}, browser, v.Now())
	i.Typed = maps.Clone(v.r.PostForm)
	i.Typed.Del("csrf")
	err = v.goToSignIn(v.w, v.r, i)
	if errors.Is(err, domain.ErrInvalid) {
		return refuse(domain.Invalid("", domain.RuleState,
			"sign-in: it is older than ten minutes, and what you typed is too long to be kept: copy it, sign out, sign in and paste it"))
	}
	return err
}

// typed is what the visitor sent to this page before the sign-in that it asked for, nil if nothing.
func (v *visit) typed() url.Values {
	flow := v.r.URL.Query().Get("flow")
	if flow == "" || v.r.Method == http.MethodPost {
		return nil
	}
	browser, err := v.Pages.Browser(v.w, v.r)
	if err != nil {
		return nil
	}
	i, err := v.Sealer.Open(flow, browser)
	if err != nil || i.Return != v.r.URL.EscapedPath() || i.LoginHint != v.user.Username { // somebody else may have signed in
		return nil
	}
	return i.Typed
}

// fillAgain fills a form with what was typed before a new sign-in.
func (v *visit) fillAgain(f *form) {
	if typed := v.typed(); typed != nil {
		v.r.PostForm = typed
		f.read(v.r)
		f.Lead = v.text("give.again")
	}
}

// sendAgain asks whether to send once more what was sent to this page before a new sign-in. Without that it leads back.
func (v *visit) sendAgain(title, submit string, back ...string) error {
	typed := v.typed()
	if typed == nil {
		http.Redirect(v.w, v.r, address(back...), http.StatusSeeOther)
		return nil
	}
	v.render(http.StatusOK, "admin/confirm", title, confirmation{
		Lead: v.text("give.again"), Submit: submit, Cancel: address(back...), Harmless: true, Kept: typed,
	})
	return nil
}
