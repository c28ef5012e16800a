package adminui

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountKeys() {
	s.handle("GET /keys", "key.list", showKeys)
	s.handle("GET /keys/{kid}", "key.find", showKey)
	s.handle("GET /new/rotation", "key.rotate", rotateKeys)
	s.handle("POST /new/rotation", "key.rotate", rotateKeys)
	s.handle("GET /keys/{kid}/revoke", "key.revoke", revokeKey)
	s.handle("POST /keys/{kid}/revoke", "key.revoke", revokeKey)
}

func showKeys(v *visit) error {
	find := &listing{Search: v.query(byName), Find: v.text("keys.begins")}
	all, err := v.Admin.ListKeys(v.ctx(), v.caller, admin.KeyFilter{Search: find.Search})
	if err != nil {
		return err
	}
	o := object{Lead: v.text("keys.lead"), Find: find}
	o.act(v, "key.rotate", action{Text: v.text("key.rotate"), Path: address("new", "rotation")})
	for _, alg := range domain.SigningAlgs {
		of := slices.DeleteFunc(slices.Clone(all), func(k admin.Key) bool { return k.Alg != alg })
		if len(of) == 0 {
			continue
		}
		slices.Reverse(of)
		span := spanOf(of, v.Now())
		p := panel{Title: alg, Table: table{Columns: []string{v.text("key.kid"), v.text("key.state"), v.text("key.time"), v.text("key.since"), v.text("key.until")}}}
		for _, k := range of {
			s := v.strip(k, span)
			p.Table.Rows = append(p.Table.Rows, row{Path: address("keys", k.KID), Cells: []cell{
				{Code: k.KID}, {Badge: v.keyState(k)}, {Strip: &s}, {Time: changedAt(k)}, {Time: k.RotatesAt},
			}})
		}
		o.Panels = append(o.Panels, p)
	}
	if len(o.Panels) > 0 {
		o.Panels[len(o.Panels)-1].Legend = v.keyLegend()
	} else {
		o.Panels = []panel{{Title: v.text("menu.keys"), Empty: v.text("list.none")}}
	}
	return v.show(v.text("menu.keys"), o)
}

func (v *visit) keyState(k admin.Key) badge {
	tones := map[domain.KeyState]string{domain.KeyActive: "good", domain.KeyRevoked: "bad"}
	return badge{v.text("key_state." + string(k.State)), tones[k.State]}
}

func showKey(v *visit) error {
	k, err := v.Admin.FindKey(v.ctx(), v.caller, v.r.PathValue("kid"))
	if err != nil {
		return err
	}
	o := object{Trail: link{Text: v.text("menu.keys"), Path: address("keys")}, Lead: v.text("key_state." + string(k.State) + ".lead"), State: v.keyState(k)}
	if k.State != domain.KeyRevoked {
		o.act(v, "key.drill", action{Text: v.text("key.drill"), Path: address("keys", k.KID, "drill")})
		o.act(v, "key.revoke", action{Text: v.text("key.revoke.act"), Path: address("keys", k.KID, "revoke"), Bad: true})
	}
	if k.State == domain.KeyRevoked {
		o.act(v, "key.drill", action{Text: v.text("key.drill.follow"), Path: address("keys", k.KID, "drill")})
	}
	about := panel{Title: v.text("key.about"), Facts: []fact{
		v.fact("key.kid", cell{Code: k.KID}), v.fact("key.alg", cell{Code: k.Alg}), v.fact("key.created_at", cell{Time: k.CreatedAt}),
	}}
	for _, f := range []fact{
		v.fact("key.activated_at", cell{Time: k.ActivatedAt}), v.fact("key.rotates_at", cell{Time: k.RotatesAt}),
		v.fact("key.retired_at", cell{Time: k.RetiredAt}), v.fact("key.revoked_at", cell{Time: k.RevokedAt}),
	} {
		if !f.Value.Time.IsZero() {
			about.Facts = append(about.Facts, f)
		}
	}
	if v.may("token.count") && k.State != domain.KeyNext {
		count, err := v.Admin.CountTokens(v.ctx(), v.caller, admin.TokenFilter{KID: k.KID, State: domain.TokenLive})
		if err != nil {
			return err
		}
		query := url.Values{"kid": {k.KID}, "state": {string(domain.TokenLive)}}
		about.Facts = append(about.Facts, v.fact("key.live", cell{Text: v.counted(count), Path: address("tokens") + "?" + query.Encode()}))
	}
	o.Panels = append(o.Panels, about)
	return v.show(k.KID, o)
}

// rotateKeys asks, and asks once more where services may not have fetched the next key yet.
func rotateKeys(v *visit) error {
	all, err := v.Admin.ListKeys(v.ctx(), v.caller, admin.KeyFilter{})
	if err != nil {
		return err
	}
	algs := []option{{"", v.text("key.all_algs")}}
	for _, alg := range domain.SigningAlgs {
		if slices.ContainsFunc(all, func(k admin.Key) bool { return k.Alg == alg && k.State == domain.KeyActive }) {
			algs = append(algs, option{alg, alg})
		}
	}
	title := v.text("key.rotate.title")
	c := confirmation{
		Lead: v.text("key.rotate.lead"), Submit: v.text("key.rotate"), Cancel: address("keys"),
		Fields: []*field{v.choice("rotation", "alg", "", algs)},
	}
	if !v.confirmed(title, c) {
		return nil
	}
	var chosen []string
	if alg := v.r.PostForm.Get("alg"); alg != "" {
		chosen = []string{alg}
	}
	_, err = v.Admin.RotateKeys(v.ctx(), v.caller, chosen, v.r.PostForm.Get("force") != "")
	switch {
	case errors.Is(err, domain.ErrTooSoon):
		c.Problem, c.Fields = sentence(err.Error()), append(c.Fields, v.field("check", "rotation", "force", ""))
		v.render(http.StatusConflict, "admin/confirm", title, c)
		return nil
	case errors.Is(err, domain.ErrInvalid), errors.Is(err, domain.ErrConsumed):
		return v.refuse(sentence(err.Error()), address("keys"))
	case err != nil:
		return err
	}
	return v.done("key.rotated", "keys")
}

// shownOfKID is how much of a kid has to be typed to revoke the key.
const shownOfKID = 8

func revokeKey(v *visit) error {
	k, err := v.Admin.FindKey(v.ctx(), v.caller, v.r.PathValue("kid"))
	if err != nil {
		return err
	}
	if k.State == domain.KeyRevoked {
		return v.refuse(v.text("key.is_revoked"), address("keys", k.KID))
	}
	c, err := v.keyRevocation(k)
	if err != nil {
		return err
	}
	if !v.confirmed(v.text("key.revoke", k.KID), c) {
		return nil
	}
	_, begun, err := v.Admin.RevokeKey(v.ctx(), v.caller, k.KID)
	if errors.Is(err, domain.ErrConsumed) {
		return v.refuse(v.text("key.is_revoked"), address("keys", k.KID))
	}
	if err != nil {
		return err
	}
	return v.begun(begun)
}

// keyRevocation asks before a key is revoked.
func (v *visit) keyRevocation(k admin.Key) (confirmation, error) {
	c := confirmation{
		Lead: v.text("key.revoke.lead"), Name: k.KID[:min(shownOfKID, len(k.KID))], Submit: v.text("key.revoke.submit"), Cancel: address("keys", k.KID),
		Effects: []string{v.text("key.revoke." + string(k.State)), v.text("key.revoke.services", domain.DurationText(v.JWKSMaxAge))},
	}
	if v.may("token.count") {
		count, err := v.Admin.CountTokens(v.ctx(), v.caller, admin.TokenFilter{KID: k.KID, State: domain.TokenLive})
		if err != nil {
			return confirmation{}, err
		}
		c.Effects = append([]string{v.text("revocation.tokens", v.counted(count))}, c.Effects...)
	}
	return c, nil
}
