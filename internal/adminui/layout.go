package adminui

import (
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// section is one of the navigation, for visitors with the permission of its operation.
type section struct{ key, path, operation string }

// within are the sections that pages outside of their folders belong to.
var within = map[string]string{"/revocations": "/tokens", "/new/revocation": "/tokens", "/invitations": "/clients", "/new/invitation": "/clients"}

// navigation is all of it, in groups.
var navigation = []struct {
	key      string
	sections []section
}{
	{"", []section{{"overview", "/", ""}}},
	{"people", []section{{"users", "/users", "user.list"}, {"groups", "/groups", "group.list"}, {"attributes", "/attributes", "attribute.list"}, {"sessions", "/sessions", "session.list"}}},
	{"access", []section{{"roles", "/roles", "role.list"}, {"apis", "/apis", "api.list"}, {"clients", "/clients", "client.list"}, {"explorer", "/access", "assignment.list"}, {"preview", "/preview", "token.preview"}}},
	{"operation", []section{{"tokens", "/tokens", "token.list"}, {"keys", "/keys", "key.list"}, {"receivers", "/receivers", "receiver.list"}, {"audit", "/audit", "audit.list"}, {"settings", "/settings", "setting.list"}}},
}

// link leads to a page.
type link struct {
	Text, Path string
	Icon       string // of the sprite
	Current    bool
}

// menu is a group of the navigation.
type menu struct {
	Title string
	Links []link
}

// frame is the data of every page: what is around it, and its own.
type frame struct {
	Title string
	Menus []menu
	User  domain.User
	Done  string // what was just done, empty: nothing
	Undo  action // of that; without a path there is none
	Page  any
}

// render answers with a page of a title; what it shows is the data, if there is some.
func (v *visit) render(status int, name, title string, data any) {
	v.Pages.Render(v.w, v.r, status, name, v.frame(title, data))
}

// stream answers with a page whose parts are shown one after the other.
func (v *visit) stream(name, title string, data any, rest func(show func(part string, data any) error) error) {
	v.Pages.Stream(v.w, v.r, name, v.frame(title, data), rest)
}

// frame puts what is around it about the data of a page.
func (v *visit) frame(title string, data any) frame {
	f := frame{Title: title, User: v.user, Page: data}
	for _, group := range navigation {
		shown := menu{}
		if group.key != "" {
			shown.Title = v.text("menu." + group.key)
		}
		for _, s := range group.sections {
			if v.may(s.operation) {
				shown.Links = append(shown.Links, link{
					Text: v.text("menu." + s.key), Path: root + s.path, Icon: s.key, Current: v.inSection(s),
				})
			}
		}
		if len(shown.Links) > 0 {
			f.Menus = append(f.Menus, shown)
		}
	}
	if done := v.r.URL.Query().Get("done"); doneKeys[done] {
		f.Done = v.text("done." + done)
		f.Undo = v.undoOf(done)
	}
	return f
}

func (v *visit) inSection(s section) bool {
	path := strings.TrimPrefix(v.r.URL.Path, root)
	for folder, of := range within {
		if path == folder || strings.HasPrefix(path, folder+"/") {
			path = of
		}
	}
	return path == s.path || s.path != "/" && strings.HasPrefix(path, s.path+"/")
}

// doneKeys are what a page can say was just done.
var doneKeys = map[string]bool{
	"api.created": true, "api.deleted": true, "api.updated": true,
	"assignment.assigned": true, "assignment.unassigned": true,
	"attribute.created": true, "attribute.deleted": true, "attribute.updated": true,
	"client.deleted": true, "client.disabled": true, "client.enabled": true, "client.updated": true,
	"group.created": true, "group.deleted": true, "group.member_added": true, "group.member_removed": true, "group.updated": true,
	"invitation.deleted": true, "key.rotated": true,
	"policy.deleted": true, "policy.restored": true, "policy.saved": true,
	"resource.deleted": true, "resource.saved": true,
	"receiver.created": true, "receiver.deleted": true, "receiver.paused": true, "receiver.resumed": true,
	"receiver.updated": true, "receiver.updated_without_bearer": true, "receiver.bearer_removed": true, "receiver.verification_sent": true,
	"revocation.begun": true, "revocation.done": true,
	"role.created": true, "role.deleted": true, "role.updated": true,
	"session.ended": true, "consent.withdrawn": true, "credential.removed": true,
	"secret.removed": true, "trust.removed": true,
	"undone":               true,
	"token.chosen_revoked": true, "token.resumed": true, "token.revoked": true, "token.suspended": true,
	"user.created": true, "user.deleted": true, "user.disabled": true, "user.enabled": true, "user.updated": true,
}

// here is the address of the page, without what it tells once.
func (v *visit) here() string {
	values := v.r.URL.Query()
	values.Del("done")
	values.Del("undo")
	return query(v.r.URL.EscapedPath(), values)
}

// done leads to a page that says what was done.
func (v *visit) done(what string, path ...string) error { return v.doneAt(what, nil, path...) }

// doneAt is done at an address that has values.
func (v *visit) doneAt(what string, values url.Values, path ...string) error {
	said := url.Values{"done": {what}}
	maps.Copy(said, values)
	http.Redirect(v.w, v.r, query(address(path...), said), http.StatusSeeOther)
	return nil
}

// address is the path of a page; each segment may be any text.
func address(segments ...string) string {
	var b strings.Builder
	b.WriteString(root)
	for _, s := range segments {
		b.WriteString("/" + url.PathEscape(s))
	}
	return b.String()
}
