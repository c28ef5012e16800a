package adminui

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

// What can be chosen on the page of an effect.
const (
	actSave   = "save"
	actRevoke = "revoke"
	actSignIn = "sign_in"
)

// effectPage says what a change takes away before it is made, and asks what to do.
type effectPage struct {
	Lead    string
	Undone  string // why it does not last, empty: it does
	Holders string // the heading of the facts
	Facts   []fact
	Table   table
	Hint    string
	Mapped  string     // which claims are not counted, empty: all are
	Fields  url.Values // of the form that asked for the change
	Save    string
	Revoke  string // empty: it cannot be chosen
	Name    string // that has to be typed to revoke
	Problem string
	SignIn  string // the button that leads to a new sign-in, empty: none
	Why     string // why tokens cannot be revoked
	Cancel  string // a path
}

// taking is a change that takes access away.
type taking struct {
	name      string // of the role or group
	operation string // that says what it takes
	effect    func() (admin.Effect, error)
}

// ofRole is a change of a role, or of who has it.
func (v *visit) ofRole(name string, change admin.RoleChange) taking {
	return taking{name, "role.effect", func() (admin.Effect, error) { return v.Admin.RoleEffect(v.ctx(), v.caller, name, change) }}
}

// ofGroup is that a user leaves a group, or that it is deleted.
func (v *visit) ofGroup(name, user string) taking {
	return taking{name, "group.effect", func() (admin.Effect, error) { return v.Admin.GroupEffect(v.ctx(), v.caller, name, user) }}
}

// maySee says whether the visitor may see what a change takes away.
func (v *visit) maySee(t taking) bool {
	return v.may(t.operation) && v.may("assignment.list") && v.may("token.list")
}

// chosen is what the visitor wants of a change that takes access away: to make it, or to revoke tokens too. Otherwise it answers, unless
// a form was sent and nobody would lose anything, or the visitor may not see who would: then the change is made.
func (v *visit) chosen(title string, t taking, p effectPage) (act string, answered bool, err error) {
	if v.r.Method == http.MethodPost {
		act = v.r.PostForm.Get("act")
	}
	switch act {
	case actSave:
		return act, false, nil
	case actSignIn:
		if v.isRecent() {
			break
		}
		return "", true, nil
	case actRevoke:
		if !v.isRecent() {
			return "", true, nil
		}
		if strings.TrimSpace(v.r.PostForm.Get("typed")) == t.name {
			return act, false, nil
		}
		p.Problem = v.text("confirm.wrong_name")
	}
	if !v.maySee(t) {
		if v.r.Method != http.MethodPost { // a link, which may be another's
			http.Redirect(v.w, v.r, p.Cancel, http.StatusSeeOther)
			return "", true, nil
		}
		return actSave, false, nil
	}
	effect, err := t.effect()
	if err != nil {
		return "", false, err
	}
	if !effect.Loses() && v.r.Method == http.MethodPost {
		return actSave, false, nil
	}
	p.Name = t.name
	v.showEffect(title, effect, p)
	return "", true, nil
}

// change is one that may take access away.
type change struct {
	done     string                            // the key of what was done
	page     []string                          // it leads to
	alone    func() error                      // makes it
	revoking func() (*admin.Revocation, error) // makes it, and revokes the tokens that carry what it takes away
	finish   func() error                      // leads on once it was made alone, nil: as any other
}

// carryOut makes a change as the visitor chose. err is why there was nothing to choose.
func (v *visit) carryOut(act string, err error, c change) error {
	var begun *admin.Revocation
	switch {
	case err != nil:
	case act == actRevoke:
		begun, err = c.revoking()
	default:
		err = c.alone()
	}
	switch {
	case err != nil:
		return v.explained(err, address(c.page...))
	case act == actRevoke:
		return v.revoked(begun, c.done, c.page...)
	case c.finish != nil:
		return c.finish()
	}
	return v.done(c.done, c.page...)
}

func (v *visit) showEffect(title string, effect admin.Effect, p effectPage) {
	p.Fields = url.Values{}
	for name, values := range v.r.PostForm {
		if !slices.Contains([]string{"act", "typed", "csrf", "done"}, name) {
			p.Fields[name] = values
		}
	}
	more := func(n int) string {
		if effect.Holders.More {
			return v.text("effect.more_than", grouped(int64(n)))
		}
		return grouped(int64(n))
	}
	p.Holders = v.text("effect.holders")
	if effect.Group != "" {
		p.Holders = v.text("effect.leaving")
	}
	p.Facts = []fact{
		v.fact("effect.users", cell{Text: more(effect.Holders.Users)}), v.fact("effect.groups", cell{Text: more(effect.Holders.Groups)}),
		v.fact("effect.clients", cell{Text: more(effect.Holders.Clients)}),
	}
	p.Table.Columns = []string{v.text("effect.api"), v.text("effect.lost"), v.text("effect.losing_users"), v.text("effect.losing_clients"), v.text("effect.tokens")}
	for _, api := range effect.APIs {
		lost := slices.Clone(api.Permissions)
		if len(lost) > lostShown {
			lost = append(lost[:lostShown], v.text("effect.and_more", len(api.Permissions)-lostShown))
		}
		for _, role := range api.Roles {
			lost = append(lost, v.text("effect.role_name", role))
		}
		for _, group := range api.Groups {
			lost = append(lost, v.text("effect.group_name", group))
		}
		tokens := grouped(int64(api.Tokens))
		if api.More {
			tokens = v.text("effect.more_than", tokens)
		}
		p.Table.Rows = append(p.Table.Rows, row{Path: address("apis", api.Audience), Cells: []cell{
			{Code: api.Audience}, {List: lost}, {Text: grouped(int64(api.Users))}, {Text: grouped(int64(api.Clients))}, {Text: tokens},
		}})
	}
	p.Hint = v.text("effect.hint")
	if len(effect.Mapped) > 0 {
		p.Mapped = v.text("effect.mapped", strings.Join(effect.Mapped, ", "))
	}
	switch {
	case len(effect.APIs) == 0:
		p.Hint = v.text("effect.nothing")
		p.Revoke = ""
	case !v.may("revocation.begin"):
		p.Revoke = ""
	case effect.Holders.More:
		p.Revoke, p.Why = "", v.text("effect.too_many")
	case v.signInAge() >= domain.RecentSignIn:
		p.Revoke, p.Why, p.SignIn = "", v.text("effect.sign_in.why"), v.text("effect.sign_in")
	}
	status := http.StatusOK
	if p.Problem != "" {
		status = http.StatusUnprocessableEntity
	}
	v.render(status, "admin/effect", title, p)
}

// lostShown is how many permissions are shown that an API loses.
const lostShown = 20

// revoked leads to where a revocation is followed that came with a change, or where the change without one leads.
func (v *visit) revoked(begun *admin.Revocation, done string, page ...string) error {
	if begun == nil || !v.may("revocation.find") {
		return v.done(done, page...)
	}
	return v.begunAt(begun.ID)
}

// addEffect says in a confirmation what a change takes away, and lets the visitor choose to revoke the tokens that carry it; nothing if
// nobody loses anything, or the visitor may not see it.
func (v *visit) addEffect(c *confirmation, t taking) error {
	if !v.maySee(t) {
		return nil
	}
	effect, err := t.effect()
	for _, api := range effect.APIs {
		tokens := grouped(int64(api.Tokens))
		if api.More {
			tokens = v.text("effect.more_than", tokens)
		}
		c.Effects = append(c.Effects, v.text("effect.line", api.Audience, grouped(int64(api.Users)), grouped(int64(api.Clients)), tokens))
	}
	if len(effect.APIs) > 0 && v.may("revocation.begin") {
		c.Fields = append(c.Fields, v.field("check", "effect", revokeTokens, ""))
	}
	if len(effect.Mapped) > 0 {
		c.Effects = append(c.Effects, v.text("effect.mapped", strings.Join(effect.Mapped, ", ")))
	}
	return err
}

const revokeTokens = "revoke_tokens"

// revokes says whether the visitor chose what addEffect let choose.
func (c *confirmation) revokes() bool {
	return slices.ContainsFunc(c.Fields, func(f *field) bool { return f.Name == revokeTokens && f.Checked() })
}
