package adminui

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountSessions() {
	s.handle("GET /sessions", "session.list", showSessions)
	s.handle("GET /users/{name}/grants", "grant.list", showGrants)
	for _, method := range []string{"GET", "POST"} {
		s.handle(method+" /sessions/{sid}/end", "session.end", endSession)
		s.handle(method+" /users/{name}/sessions/end", "user.end_sessions", endSessions)
		s.handle(method+" /users/{name}/consents/{client}/withdraw", "consent.withdraw", withdrawConsent)
		s.handle(method+" /users/{name}/credentials/{id}/remove", "credential.remove", removeCredential)
	}
}

func (v *visit) sessionTable() table {
	return table{Columns: []string{
		v.text("session.browser"), v.text("session.user"), v.text("session.ip"), v.text("session.amr"), v.text("session.clients"), v.text("session.signed_in"), v.text("session.seen"),
	}}
}

func (v *visit) sessionRow(s admin.Session) row {
	r := row{Cells: []cell{
		{Text: domain.BrowserName(s.UserAgent)}, {Text: s.Username}, {Text: s.IP}, {Text: strings.Join(s.AMR, " ") + ", acr " + s.ACR}, {List: s.Clients},
		{Time: s.AuthTime}, {Time: s.LastSeenAt},
	}}
	if v.may("user.find") {
		r.Cells[1].Path = address("users", s.Username)
	}
	switch {
	case s.SID == v.session.SID:
		r.Cells[0] = cell{Badge: badge{v.text("session.this"), "good"}}
	case v.may("session.end"):
		r.Actions = []action{{Text: v.text("session.end"), Path: address("sessions", s.SID, "end"), Bad: true}}
	}
	return r
}

func showSessions(v *visit) error {
	user := v.asked("text", "session", "user")
	l := listing{Lead: v.text("sessions.lead"), Filters: []*field{user}, Table: v.sessionTable()}
	err := list(v, &l, func(q admin.Query) (admin.Page[admin.Session], error) {
		page, err := v.Admin.ListSessions(v.ctx(), v.caller, user.Value, q)
		return page, noneOf(user, err)
	}, v.sessionRow)
	if err == nil {
		v.showList(v.text("menu.sessions"), l)
	}
	return err
}

// noneOf says beside a field that there is nobody of its name; other errors are returned.
func noneOf(f *field, err error) error {
	if err != nil && f.Value != "" && errors.Is(err, domain.ErrNotFound) {
		f.Problem = sentence(err.Error())
		return nil
	}
	return err
}

// sessionsOf are the panels of a user's page with what the user has: sessions, what was allowed, and what the user signs in with.
func (v *visit) sessionsOf(o *object, username string) error {
	if v.may("session.list") {
		page, err := v.Admin.ListSessions(v.ctx(), v.caller, username, admin.Query{Limit: fewSessions})
		if err != nil {
			return err
		}
		p := panel{Title: v.text("menu.sessions"), Table: v.sessionTable(), Empty: v.text("session.none")}
		p.Table.Rows = rowsOf(page.Items, v.sessionRow)
		p.Table.Columns = slices.Delete(p.Table.Columns, 1, 2) // whose they are, is in the title
		for i := range p.Table.Rows {
			p.Table.Rows[i].Cells = slices.Delete(p.Table.Rows[i].Cells, 1, 2)
		}
		if page.Next != "" {
			p.Actions = append(p.Actions, action{Text: v.text("session.all"), Path: address("sessions") + "?" + url.Values{"user": {username}}.Encode()})
		}
		if len(page.Items) > 0 && v.may("user.end_sessions") {
			p.Actions = append(p.Actions, action{Text: v.text("session.end_all"), Path: address("users", username, "sessions", "end"), Bad: true})
		}
		o.Panels = append(o.Panels, p)
	}
	for _, add := range []func(*object, string) error{v.consentsOf, v.userGrants, v.credentialsOf} {
		if err := add(o, username); err != nil {
			return err
		}
	}
	return nil
}

// fewSessions is how many a user's page shows.
const fewSessions = 10

// manyConsents is how many consents it shows.
const manyConsents = 1000

func (v *visit) consentsOf(o *object, username string) error {
	if !v.may("consent.list") {
		return nil
	}
	page, err := v.Admin.ListConsents(v.ctx(), v.caller, username, admin.Query{Limit: manyConsents})
	p := panel{Title: v.text("consent.title"), Empty: v.text("consent.none"), Table: table{
		Columns: []string{v.text("consent.client"), v.text("consent.api"), v.text("consent.scopes"), v.text("consent.since")},
		Rows: rowsOf(page.Items, func(c admin.Consent) row {
			return row{Actions: v.withdrawal(username, c.ClientID), Cells: []cell{
				{Text: cmp.Or(c.ClientName, c.ClientID)}, {Text: c.Audience}, {List: c.Scopes}, {Time: c.GrantedAt},
			}}
		}),
	}}
	o.Panels = append(o.Panels, p)
	return err
}

// withdrawal is the button that takes back what a user allowed a client.
func (v *visit) withdrawal(username, clientID string) []action {
	if !v.may("consent.withdraw") {
		return nil
	}
	return []action{{Text: v.text("consent.withdraw"), Path: address("users", username, "consents", clientID, "withdraw"), Bad: true}}
}

func (v *visit) userGrants(o *object, username string) error {
	if !v.may("grant.list") {
		return nil
	}
	page, err := v.Admin.ListGrants(v.ctx(), v.caller, username, "", admin.Query{Limit: fewSessions})
	p := panel{Title: v.text("grant.title"), Empty: v.text("grant.none"), Hint: v.text("grant.hint"), Table: v.grantTable()}
	p.Table.Rows = rowsOf(page.Items, v.grantRow(username))
	if page.Next != "" {
		p.Actions = []action{{Text: v.text("grant.all"), Path: address("users", username, "grants")}}
	}
	o.Panels = append(o.Panels, p)
	return err
}

func (v *visit) grantTable() table {
	return table{Columns: []string{v.text("consent.client"), v.text("consent.api"), v.text("consent.since"), v.text("grant.used"), v.text("grant.expires")}}
}

func (v *visit) grantRow(username string) func(g admin.Grant) row {
	return func(g admin.Grant) row {
		apis := make([]string, len(g.APIs))
		for i, api := range g.APIs {
			apis[i] = api.Audience
		}
		return row{Actions: v.withdrawal(username, g.ClientID), Cells: []cell{
			{Text: cmp.Or(g.ClientName, g.ClientID)}, {List: apis}, {Time: g.CreatedAt}, {Time: g.LastUsedAt}, {Time: g.ExpiresAt},
		}}
	}
}

// showGrants lists the grants of a user.
func showGrants(v *visit) error {
	name := v.r.PathValue("name")
	client := v.asked("text", "grant", "client")
	l := listing{Lead: v.text("grant.hint"), Filters: []*field{client}, Table: v.grantTable()}
	if v.may("user.find") {
		l.Links = []link{{Text: name, Path: address("users", name)}}
	}
	err := list(v, &l, func(q admin.Query) (admin.Page[admin.Grant], error) {
		page, err := v.Admin.ListGrants(v.ctx(), v.caller, name, client.Value, q)
		return page, noneOf(client, err)
	}, v.grantRow(name))
	if err == nil {
		v.showList(v.text("grant.of", name), l)
	}
	return err
}

func (v *visit) credentialsOf(o *object, username string) error {
	if !v.may("credential.list") {
		return nil
	}
	credentials, err := v.Admin.ListCredentials(v.ctx(), v.caller, username)
	p := panel{Title: v.text("credential.title"), Empty: v.text("credential.none"), Table: table{
		Columns: []string{v.text("credential.kind"), v.text("credential.set"), v.text("credential.used")},
		Rows: rowsOf(credentials, func(c admin.Credential) row {
			r := row{Cells: []cell{{Text: v.text("credential." + c.Kind)}, {Time: c.UpdatedAt}, {Time: c.LastUsedAt}}}
			if v.may("credential.remove") {
				r.Actions = []action{{Text: v.text("credential.remove"), Path: address("users", username, "credentials", strconv.FormatInt(c.ID, 10), "remove"), Bad: true}}
			}
			return r
		}),
	}}
	o.Panels = append(o.Panels, p)
	return err
}

func endSession(v *visit) error {
	found, err := v.Admin.FindSession(v.ctx(), v.caller, v.r.PathValue("sid"))
	if err != nil {
		return err
	}
	return v.takeBack("session.end_one", domain.BrowserName(found.UserAgent), found.Username, "session.ended", address("sessions"), func() error {
		return v.Admin.EndSession(v.ctx(), v.caller, found.SID)
	})
}

func endSessions(v *visit) error {
	name := v.r.PathValue("name")
	return v.takeBack("session.end_every", "", name, "session.ended", address("users", name), func() error {
		return v.Admin.EndSessions(v.ctx(), v.caller, name)
	})
}

func withdrawConsent(v *visit) error {
	name, client := v.r.PathValue("name"), v.r.PathValue("client")
	return v.takeBack("consent.withdraw_from", client, name, "consent.withdrawn", address("users", name), func() error {
		return v.Admin.WithdrawConsent(v.ctx(), v.caller, name, client)
	})
}

func removeCredential(v *visit) error {
	name := v.r.PathValue("name")
	id, err := strconv.ParseInt(v.r.PathValue("id"), 10, 64)
	if err != nil {
		return domain.ErrNotFound
	}
	return v.takeBack("credential.remove_from", "", name, "credential.removed", address("users", name), func() error {
		return v.Admin.RemoveCredential(v.ctx(), v.caller, name, id)
	})
}

// takeBack asks whether something of a user, named what unless that is empty, is to end, and ends it. texts are the key of the question, and
// with .lead and .submit, of the rest.
func (v *visit) takeBack(texts, what, username, done, back string, end func() error) error {
	title := v.text(texts, username)
	if what != "" {
		title = v.text(texts, what, username)
	}
	if !v.confirmed(title, confirmation{Lead: v.text(texts + ".lead"), Submit: v.text(texts + ".submit"), Cancel: back}) {
		return nil
	}
	if err := end(); err != nil {
		return v.explained(err, back)
	}
	http.Redirect(v.w, v.r, back+"?done="+done, http.StatusSeeOther)
	return nil
}
