package adminui

import (
	"cmp"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountTokens() {
	s.handle("GET /tokens", "token.list", showTokens)
	s.handle("GET /tokens/{jti}", "token.find", showToken)
	s.handle("GET /tokens/{jti}/revoke", "token.revoke", revokeToken)
	s.handle("POST /tokens/{jti}/revoke", "token.revoke", revokeToken)
	s.handle("POST /tokens/{jti}/suspend", "token.suspend", suspendToken)
	s.handle("POST /tokens/{jti}/resume", "token.resume", resumeToken)
}

// tokenFilters are the names by which an address chooses tokens.
var tokenFilters = []string{"user", "client", "api", "role", "kid", "grant", "state", "since", "before"}

// tokenFilter is what an address chooses, with its fields. wrong says that it chooses something that there is not.
func (v *visit) tokenFilter() (filter admin.TokenFilter, fields []*field, wrong bool) {
	get := v.query
	filter.User, filter.Client, filter.API, filter.KID, filter.Role, filter.Search = get("user"), get("client"), get("api"), get("kid"), get("role"), get(byName)
	var err error
	if text := get("grant"); text != "" {
		filter.GrantID, err = strconv.ParseInt(text, 10, 64)
		wrong = err != nil || filter.GrantID < 1
	}
	if filter.State = domain.TokenState(get("state")); filter.State != "" && !slices.Contains(domain.TokenStates, filter.State) {
		wrong = true
	}
	for name, into := range map[string]*time.Time{"since": &filter.IssuedSince, "before": &filter.IssuedBefore} {
		if text := get(name); text != "" {
			*into, err = time.Parse(time.DateOnly, text)
			wrong = wrong || err != nil || into.IsZero()
		}
	}
	any := option{"", v.text("token.any_state")}
	states := append([]option{any}, v.options("token_state", domain.TokenLive, domain.TokenSuspended, domain.TokenExpired, domain.TokenRevoked)...)
	for _, name := range []string{"user", "client", "api", "role", "kid", "grant"} {
		if name == "role" && !v.may("assignment.list") {
			continue
		}
		if name != "kid" && name != "grant" || get(name) != "" { // these come from pages
			fields = append(fields, v.field("text", "tokens", name, get(name)))
		}
	}
	fields = append(fields, v.choice("tokens", "state", get("state"), states),
		v.field("date", "tokens", "since", get("since")), v.field("date", "tokens", "before", get("before")))
	return filter, fields, wrong
}

func showTokens(v *visit) error {
	filter, fields, wrong := v.tokenFilter()
	l := listing{Lead: v.text("tokens.lead"), Filters: fields, Find: v.text("tokens.begins"), Table: table{Columns: []string{
		v.text("token.jti"), v.text("token.user"), v.text("token.client"), v.text("token.api"), v.text("token.state"), v.text("token.issued"), v.text("token.expires"),
	}}}
	show := func(t admin.Token) row {
		r := row{Path: address("tokens", t.ID), Cells: []cell{
			{Code: t.ID}, {Text: t.Username}, {Text: t.ClientID}, {Text: t.Audience}, {Badge: v.tokenState(t)}, {Time: t.IssuedAt}, {Time: t.ExpiresAt},
		}}
		if (t.Status == domain.TokenLive || t.Status == domain.TokenSuspended) && v.may("token.revoke_chosen") {
			r.Choice = t.ID
			l.Table.Choose = &choosing{address("new", "revocation", "chosen"), "jti", v.text("tokens.revoke_chosen"), v.text("tokens.choose_all"), v.tokenPage()}
		}
		return r
	}
	if v.may("revocation.list") {
		l.Links = append(l.Links, link{Text: v.text("revocations.title"), Path: address("revocations")})
	}
	err := list(v, &l, func(q admin.Query) (page admin.Page[admin.Token], err error) {
		if !wrong {
			page, err = v.Admin.ListTokens(v.ctx(), v.caller, filter, q)
		}
		if wrong = wrong || errors.Is(err, domain.ErrNotFound); wrong { // nobody has the name, so there is no token
			err = nil
		}
		return page, err
	}, show)
	if wrong = wrong || l.Problem != ""; err == nil && !wrong && filter != (admin.TokenFilter{}) && v.may("token.count") {
		var count admin.Count
		if count, err = v.Admin.CountTokens(v.ctx(), v.caller, filter); err == nil {
			l.Lead += " " + v.text("tokens.chosen", v.counted(count))
		}
	}
	if err != nil {
		return err
	}
	if path := v.revocationOf(filter); path != "" && v.may("revocation.begin") && len(l.Table.Rows) > 0 {
		l.Links = append(l.Links, link{Text: v.text("tokens.revoke"), Path: path})
	}
	v.showList(v.text("menu.tokens"), l)
	return nil
}

// tokenPage are the values of the address of the list, without others that it may have.
func (v *visit) tokenPage() url.Values {
	page := url.Values{}
	for _, name := range append([]string{byName, "size", "cursor"}, tokenFilters...) {
		if value := v.r.URL.Query().Get(name); value != "" {
			page.Set(name, value)
		}
	}
	return page
}

// revocationOf is where all that a filter chooses are revoked, empty where that is everything, or nothing can be.
func (v *visit) revocationOf(f admin.TokenFilter) string {
	if f == (admin.TokenFilter{}) || f.Search != "" || f.State == domain.TokenExpired || f.State == domain.TokenRevoked {
		return ""
	}
	chosen := url.Values{}
	for _, name := range tokenFilters {
		if value := v.r.URL.Query().Get(name); value != "" {
			chosen.Set(name, value)
		}
	}
	return query(address("new", "revocation"), chosen)
}

// counted says how many there are.
func (v *visit) counted(c admin.Count) string {
	n := grouped(int64(c.Count))
	switch {
	case !c.More:
		return n
	case c.Count == 0:
		return v.text("count.unknown")
	}
	return v.text("count.more", n)
}

// grouped writes a number as people read it: 12,345.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func (v *visit) tokenState(t admin.Token) badge {
	tones := map[domain.TokenState]string{domain.TokenLive: "good", domain.TokenSuspended: "warn", domain.TokenRevoked: "bad"}
	return badge{v.text("token_state." + string(t.Status)), tones[t.Status]}
}

// token finds the token of the address.
func (v *visit) token() (admin.Token, domain.TokenID, error) {
	id, err := domain.ParseTokenID(v.r.PathValue("jti"))
	if err != nil {
		return admin.Token{}, id, domain.ErrNotFound
	}
	token, err := v.Admin.FindToken(v.ctx(), v.caller, id)
	return token, id, err
}

// leading makes a cell lead to a page, for those who may see it.
func (v *visit) leading(c cell, operation string, path ...string) cell {
	if (c.Text != "" || c.Code != "") && v.may(operation) {
		c.Path = address(path...)
	}
	return c
}

func showToken(v *visit) error {
	t, _, err := v.token()
	if err != nil {
		return err
	}
	o := object{Trail: link{Text: v.text("menu.tokens"), Path: address("tokens")}, Lead: v.text("token_kind." + t.Kind), State: v.tokenState(t)}
	if t.Status == domain.TokenLive {
		o.act(v, "token.suspend", action{Text: v.text("token.suspend"), Path: address("tokens", t.ID, "suspend"), Post: true})
	}
	if t.Status == domain.TokenSuspended {
		o.act(v, "token.resume", action{Text: v.text("token.resume"), Path: address("tokens", t.ID, "resume"), Post: true})
	}
	if t.Status == domain.TokenLive || t.Status == domain.TokenSuspended {
		o.act(v, "token.revoke", action{Text: v.text("token.revoke.act"), Path: address("tokens", t.ID, "revoke"), Bad: true})
	}
	o.Panels = append(o.Panels, panel{Title: v.text("token.claims"), Hint: v.text("token.claims.hint"), Facts: []fact{
		{"jti", cell{Code: t.ID}}, {"sub", cell{Code: t.Subject}}, {"client_id", cell{Code: t.ClientID}}, {"aud", cell{Code: t.Audience}},
		{"kid", cell{Code: t.KID}}, {"iat", cell{Code: strconv.FormatInt(t.IssuedAt.Unix(), 10)}}, {"exp", cell{Code: strconv.FormatInt(t.ExpiresAt.Unix(), 10)}},
	}})
	from := panel{Title: v.text("token.origin"), Facts: []fact{
		v.fact("token.user", v.leading(cell{Text: t.Username}, "user.find", "users", t.Username)),
		v.fact("token.client", v.leading(cell{Text: t.ClientID}, "client.find", "clients", t.ClientID)),
		v.fact("token.api", v.leading(cell{Text: t.Audience}, "api.find", "apis", t.Audience)),
		v.fact("token.key", v.leading(cell{Code: t.KID}, "key.find", "keys", t.KID)),
	}}
	if t.GrantID != 0 {
		grant := strconv.FormatInt(t.GrantID, 10)
		others := url.Values{"grant": {grant}}
		if t.Username != "" { // by which they are found quickly
			others.Set("user", t.Username)
		}
		from.Facts = append(from.Facts, v.fact("token.grant", cell{Text: v.text("token.of_grant", grant), Path: address("tokens") + "?" + others.Encode()}))
	} else {
		from.Hint = v.text("token.no_grant")
	}
	o.Panels = append(o.Panels, from)
	history := panel{Title: v.text("token.history"), Facts: []fact{v.fact("token.issued", cell{Time: t.IssuedAt}), v.fact("token.expires", cell{Time: t.ExpiresAt})}}
	for _, f := range []fact{v.fact("token.suspended_at", cell{Time: t.SuspendedAt}), v.fact("token.revoked_at", cell{Time: t.RevokedAt})} {
		if !f.Value.Time.IsZero() {
			history.Facts = append(history.Facts, f)
		}
	}
	o.Panels = append(o.Panels, history)
	return v.show(t.ID, o)
}

func revokeToken(v *visit) error {
	t, id, err := v.token()
	if err != nil {
		return err
	}
	ok := v.confirmed(v.text("token.revoke"), confirmation{
		Lead: v.text("token.revoke.lead", cmp.Or(t.Username, t.Subject), t.ClientID), Submit: v.text("token.revoke.submit"), Cancel: address("tokens", t.ID),
	})
	if !ok {
		return nil
	}
	if err := v.Admin.RevokeToken(v.ctx(), v.caller, id); err != nil {
		return err
	}
	return v.done("token.revoked", "tokens", t.ID)
}

func suspendToken(v *visit) error {
	return v.setSuspended("token.suspended", v.Admin.SuspendToken(v.ctx(), v.caller, v.tokenID()))
}

func resumeToken(v *visit) error {
	return v.setSuspended("token.resumed", v.Admin.ResumeToken(v.ctx(), v.caller, v.tokenID()))
}

// tokenID is that of the address, zero if it is none: no token has that.
func (v *visit) tokenID() domain.TokenID {
	id, _ := domain.ParseTokenID(v.r.PathValue("jti"))
	return id
}

func (v *visit) setSuspended(done string, err error) error {
	path := []string{"tokens", v.r.PathValue("jti")}
	switch {
	case errors.Is(err, domain.ErrRevoked):
		return v.refuse(v.text("token.is_revoked"), address(path...))
	case err != nil:
		return err
	}
	if undoes[done].run != nil {
		return v.doneUntil(done, path[1:], path...)
	}
	return v.done(done, path...)
}
