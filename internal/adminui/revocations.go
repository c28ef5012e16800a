package adminui

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/keys"
)

func (s *surface) mountRevocations() {
	s.handle("GET /new/revocation", "revocation.begin", revoke)
	s.handle("POST /new/revocation", "revocation.begin", revoke)
	s.handle("GET /new/revocation/chosen", "token.revoke_chosen", revokeChosen)
	s.handle("POST /new/revocation/chosen", "token.revoke_chosen", revokeChosen)
	s.handle("GET /revocations", "revocation.list", showRevocations)
	s.handle("GET /revocations/{id}", "revocation.find", showRevocation)
}

// criteriaTexts says in words what a filter chooses, the narrowest name first.
func (v *visit) criteriaTexts(f admin.TokenFilter) (texts []string) {
	grant := ""
	if f.GrantID != 0 {
		grant = strconv.FormatInt(f.GrantID, 10)
	}
	for _, c := range [][2]string{
		{"grant", grant}, {"user", f.User}, {"client", f.Client}, {"api", f.API}, {"kid", f.KID}, {"role", f.Role},
		{"since", day(f.IssuedSince)}, {"before", day(f.IssuedBefore)},
	} {
		if c[1] != "" {
			texts = append(texts, v.text("revocation.by."+c[0], c[1]))
		}
	}
	if f.State == domain.TokenSuspended {
		texts = append(texts, v.text("revocation.by.suspended"))
	}
	if len(texts) == 0 {
		texts = []string{v.text("revocation.by.nothing")}
	}
	return texts
}

// day is a date, with the time of the day if it is not midnight; empty for the zero time.
func day(t time.Time) string {
	switch {
	case t.IsZero():
		return ""
	case t.Equal(t.Truncate(24 * time.Hour)):
		return t.Format("2 January 2006")
	}
	return t.UTC().Format("2 January 2006, 15:04:05 UTC")
}

// revoke revokes all that the filter in the address chooses.
func revoke(v *visit) error {
	filter, _, wrong := v.tokenFilter()
	if wrong || v.revocationOf(filter) == "" {
		return domain.ErrNotFound
	}
	c := confirmation{
		Lead: v.text("revocation.lead"), Submit: v.text("revocation.submit"), Cancel: query(address("tokens"), v.r.URL.Query()),
		Name: cmp.Or(filter.User, filter.Client, filter.API, filter.Role, filter.KID),
	}
	if c.Name == "" && filter.GrantID == 0 {
		c.Name = v.text("revocation.all_name")
	}
	if err := v.countRevoked(&c, filter); err != nil {
		return err
	}
	c.Effects = append(c.Effects, v.text("revocation.until"))
	switch {
	case !filter.EndsGrants():
		c.Effects = append(c.Effects, v.text("revocation.grants_stay"))
	default:
		c.Effects = append(c.Effects, v.text("revocation.grants_end"))
		if filter.GrantID == 0 {
			c.Fields = append(c.Fields, v.field("check", "revocation", "keep_grants", ""))
		}
	}
	if !v.confirmed(v.text("revocation.new", strings.Join(v.criteriaTexts(filter), ", ")), c) {
		return nil
	}
	rest := filter
	if rest.IssuedBefore = (time.Time{}); rest.State == domain.TokenLive {
		rest.State = ""
	}
	begun, err := v.Admin.Revoke(v.ctx(), v.caller, filter, admin.Revoking{
		All: rest == admin.TokenFilter{}, KeepGrants: len(c.Fields) > 0 && c.Fields[0].Checked(),
	})
	if err != nil {
		return v.explained(err, c.Cancel)
	}
	return v.begun(begun)
}

// countRevoked says before a revocation how many tokens end.
func (v *visit) countRevoked(c *confirmation, filter admin.TokenFilter) error {
	if !v.may("token.count") {
		return nil
	}
	counted := func(state domain.TokenState) (admin.Count, error) {
		filter.State = state
		return v.Admin.CountTokens(v.ctx(), v.caller, filter)
	}
	if filter.State != domain.TokenSuspended {
		live, err := counted(domain.TokenLive)
		if err != nil {
			return err
		}
		c.Effects = append(c.Effects, v.text("revocation.tokens", v.counted(live)))
	}
	suspended, err := counted(domain.TokenSuspended)
	if suspended.Count > 0 || suspended.More || len(c.Effects) == 0 {
		c.Effects = append(c.Effects, v.text("revocation.suspended", v.counted(suspended)))
	}
	return err
}

// revokeChosen revokes the tokens whose ids the address has.
func revokeChosen(v *visit) error {
	page := v.tokenPage()
	back := query(address("tokens"), page)
	var ids []domain.TokenID
	for _, jti := range v.r.URL.Query()["jti"] {
		id, err := domain.ParseTokenID(jti)
		if err != nil {
			return domain.ErrNotFound
		}
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return v.refuse(v.text("tokens.none_chosen"), back)
	}
	c := confirmation{Lead: v.text("tokens.chosen_lead"), Submit: v.text("revocation.submit"), Cancel: back, Name: v.text("tokens.chosen_name", len(ids))}
	if v.may("token.find") {
		tokens, err := v.Admin.FindTokens(v.ctx(), v.caller, ids)
		if err != nil {
			return v.explained(err, back)
		}
		for _, t := range tokens {
			c.Effects = append(c.Effects, v.text("tokens.chosen_one", t.ID, cmp.Or(t.Username, t.Subject), t.ClientID, v.tokenState(t).Text))
		}
	}
	if !v.confirmed(v.text("tokens.chosen_title"), c) {
		return nil
	}
	if _, err := v.Admin.RevokeChosen(v.ctx(), v.caller, ids); err != nil {
		return v.explained(err, back)
	}
	return v.doneAt("token.chosen_revoked", page, "tokens")
}

// showRevocations lists revocations, and how far each has come.
func showRevocations(v *visit) error {
	done := v.askedOption("revocations", "done", []option{{"", v.text("list.any_state")}, {"no", v.text("revocation.pending")}, {"yes", v.text("revocation.done")}})
	l := listing{Lead: v.text("revocations.lead"), Filters: []*field{done}, Table: table{Columns: []string{
		v.text("revocations.of"), v.text("token.state"), v.text("revocation.revoked_tokens"), v.text("revocation.revoked_grants"), v.text("revocation.created_at"),
	}}}
	filter := domain.RevocationFilter{}
	if done.Value != "" {
		is := done.Value == "yes"
		filter.Done = &is
	}
	err := list(v, &l, func(q admin.Query) (admin.Page[admin.Revocation], error) {
		return v.Admin.ListRevocations(v.ctx(), v.caller, filter, q)
	}, func(r admin.Revocation) row {
		return row{Path: address("revocations", strconv.FormatInt(r.ID, 10)), Cells: []cell{
			{Text: v.revocationTitle(r)}, {Badge: v.revocationState(r)}, {Text: grouped(r.RevokedTokens)}, {Text: grouped(r.RevokedGrants)}, {Time: r.CreatedAt},
		}}
	})
	if err == nil {
		v.showList(v.text("revocations.title"), l)
	}
	return err
}

func (v *visit) revocationState(r admin.Revocation) badge {
	if r.DoneAt.IsZero() {
		return badge{v.text("revocation.pending"), "warn"}
	}
	return badge{v.text("revocation.done"), "good"}
}

// begun leads to where a revocation is followed.
func (v *visit) begun(r domain.Revocation) error {
	if r.ID == 0 {
		return v.done("revocation.done", "tokens")
	}
	return v.begunAt(r.ID)
}

func (v *visit) begunAt(id int64) error {
	return v.done("revocation.begun", "revocations", strconv.FormatInt(id, 10))
}

func (v *visit) revocationTitle(r admin.Revocation) string {
	switch {
	case r.Criteria != nil:
		k := r.Criteria
		return v.text("revocation.of.criteria", strings.Join(v.criteriaTexts(admin.TokenFilter{
			Names: index.Names{User: k.User, Client: k.Client, API: k.API}, KID: k.KID, Role: k.Role, GrantID: k.GrantID, State: k.State, IssuedSince: k.IssuedSince,
			IssuedBefore: r.IssuedBefore,
		}), ", "))
	case r.Name == "":
		return v.text("revocation.any." + string(r.Of))
	}
	return v.text("revocation.of."+string(r.Of), r.Name)
}

// progress is the data of a revocation's page.
type progress struct {
	Trail   link
	Lead    string
	State   badge
	Pending bool
	Percent int // of the time in which its tokens were issued
	Reached time.Time
	Facts   []fact
}

// showRevocation shows how far a revocation has come.
func showRevocation(v *visit) error {
	id, err := strconv.ParseInt(v.r.PathValue("id"), 10, 64)
	if err != nil || id < 1 {
		return domain.ErrNotFound
	}
	r, err := v.Admin.FindRevocation(v.ctx(), v.caller, id)
	if err != nil {
		return err
	}
	p := progress{
		Trail: link{Text: v.text("revocations.title"), Path: address("revocations")}, Lead: v.text("revocation.holds"), Percent: 100,
		State: v.revocationState(r), Pending: r.DoneAt.IsZero(), Reached: r.MarkedUntil,
	}
	if p.Pending {
		oldest, newest := r.CreatedAt.Add(-keys.MaxTokenLifetime), r.CreatedAt
		if r.Criteria != nil && r.Criteria.IssuedSince.After(oldest) {
			oldest = r.Criteria.IssuedSince
		}
		if r.Criteria != nil && !r.IssuedBefore.IsZero() && r.IssuedBefore.Before(newest) {
			newest = r.IssuedBefore
		}
		if newest.After(oldest) {
			p.Percent = int(max(0, min(99, 100*r.MarkedUntil.Sub(oldest)/newest.Sub(oldest))))
		}
	}
	p.Facts = []fact{
		v.fact("revocation.revoked_tokens", cell{Text: grouped(r.RevokedTokens)}), v.fact("revocation.revoked_grants", cell{Text: grouped(r.RevokedGrants)}),
		v.fact("revocation.created_at", cell{Time: r.CreatedAt}),
	}
	if !r.IssuedBefore.IsZero() {
		p.Facts = append(p.Facts, v.fact("revocation.issued_before", cell{Time: r.IssuedBefore}))
	}
	if !p.Pending {
		p.Facts = append(p.Facts, v.fact("revocation.done_at", cell{Time: r.DoneAt}))
	}
	v.render(http.StatusOK, "admin/revocation", v.revocationTitle(r), p)
	return nil
}
