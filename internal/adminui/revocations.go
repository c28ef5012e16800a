package adminui

import (
	"net/http"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/revocation"
)

func (s *surface) mountRevocations() {
	s.handle("GET /new/revocation", "revocation.begin", revoke)
	s.handle("POST /new/revocation", "revocation.begin", revoke)
	s.handle("GET /revocations/{id}", "revocation.find", showRevocation)
}

// revoke revokes all of a user, client, API or grant that the address names.
func revoke(v *visit) error {
	filter, _, wrong := v.tokenFilter()
	path := revocationOf(filter)
	if wrong || path == "" {
		return domain.ErrNotFound
	}
	c := confirmation{Submit: v.text("revocation.submit"), Cancel: address("tokens"), Name: filter.User + filter.Client + filter.API}
	title := v.revocationTitle(kindOf(filter), c.Name)
	if filter.GrantID != 0 {
		title = v.text("revocation.of.grant", strconv.FormatInt(filter.GrantID, 10))
	}
	filter.State = domain.TokenLive
	if v.may("token.count") {
		count, err := v.Admin.CountTokens(v.ctx(), v.caller, filter)
		if err != nil {
			return err
		}
		c.Effects = append(c.Effects, v.text("revocation.tokens", v.counted(count)))
	}
	selector := revocation.TokenSelector{GrantID: filter.GrantID, IssuedBefore: filter.IssuedBefore}
	switch {
	case !filter.IssuedBefore.IsZero():
		c.Lead = v.text("revocation.lead.before", filter.IssuedBefore.Format("2 January 2006"))
		c.Effects = append(c.Effects, v.text("revocation.grants_stay"))
	case filter.GrantID != 0:
		c.Lead = v.text("revocation.lead")
	default:
		c.Lead = v.text("revocation.lead")
		keep := v.field("check", "revocation", "keep_grants", "")
		c.Fields = append(c.Fields, keep)
		c.Effects = append(c.Effects, v.text("revocation.grants_end"))
	}
	if !v.confirmed(title, c) {
		return nil
	}
	selector.KeepGrants = v.r.PostForm.Get("keep_grants") != "" && len(c.Fields) > 0
	begun, err := v.Admin.Revoke(v.ctx(), v.caller, filter.Names, selector)
	if err != nil {
		return err
	}
	return v.begun(begun)
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

func kindOf(f admin.TokenFilter) domain.RevocationKind {
	switch {
	case f.User != "":
		return domain.RevokeOfUser
	case f.Client != "":
		return domain.RevokeOfClient
	case f.API != "":
		return domain.RevokeOfAPI
	}
	return domain.RevokeOfGrant
}

func (v *visit) revocationTitle(kind domain.RevocationKind, name string) string {
	if name == "" {
		return v.text("revocation.any." + string(kind))
	}
	return v.text("revocation.of."+string(kind), name)
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
		Trail: link{Text: v.text("menu.tokens"), Path: address("tokens")}, Lead: v.text("revocation.holds"), Percent: 100,
		State: badge{v.text("revocation.done"), "good"}, Pending: r.DoneAt.IsZero(), Reached: r.MarkedUntil,
	}
	if p.Pending {
		p.State = badge{v.text("revocation.pending"), "warn"}
		oldest := r.CreatedAt.Add(-keys.MaxTokenLifetime)
		p.Percent = int(max(0, min(99, 100*r.MarkedUntil.Sub(oldest)/r.CreatedAt.Sub(oldest))))
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
	v.render(http.StatusOK, "admin/revocation", v.revocationTitle(r.Of, r.Name), p)
	return nil
}
