package adminui

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountDrill() {
	s.handle("GET /keys/{kid}/drill", "key.drill", showDrill)
	s.handle("GET /keys/{kid}/drill/revoke", "key.revoke", drillRevoke)
	s.handle("POST /keys/{kid}/drill/revoke", "key.revoke", drillRevoke)
}

// drillPage follows the revocation of a key, or says what it would end.
type drillPage struct {
	object
	Steps    []drillStep
	Follows  bool // the page is loaded again by itself
	Revoked  bool
	Revoke   action
	Progress string
}

// drillStep is one of what a revocation takes until it has come to all.
type drillStep struct {
	Text string
	Done bool
}

// followEvery is in seconds.
const followEvery = 5

// showDrill says what revoking a key would end; once it is revoked, it follows until all have come to know.
func showDrill(v *visit) error {
	d, err := v.Admin.DrillKey(v.ctx(), v.caller, v.r.PathValue("kid"))
	if err != nil {
		return err
	}
	k := d.Key
	p := drillPage{Revoked: k.State == domain.KeyRevoked}
	p.Trail, p.State, p.Lead = link{Text: k.KID, Path: address("keys", k.KID)}, v.keyState(k), v.text("drill.lead")
	if p.Revoked {
		p.Lead = v.text("drill.lead.revoked")
		p.Steps = v.drillSteps(d)
		p.Follows = !d.Converged && v.r.URL.Query().Get("follow") != "no"
		if p.Follows {
			v.w.Header().Set("Refresh", strconv.Itoa(followEvery))
		}
		p.Progress = v.text("drill.pending")
		if d.Converged {
			p.Progress = v.text("drill.converged")
		}
	} else if v.may("key.revoke") {
		p.Actions = append(p.Actions, action{Text: v.text("drill.revoke"), Path: address("keys", k.KID, "drill", "revoke"), Bad: true})
	}
	if v.may("token.list") {
		p.Panels = append(p.Panels, v.holdings(d))
	}
	p.Panels = append(p.Panels, panel{Title: v.text("overview.replicas"), Empty: v.text("overview.no_replicas"), Hint: v.text("drill.replicas.hint"), Table: v.drillReplicas(d.Replicas)}, v.verifiers(d))
	if len(d.Receivers) > 0 {
		p.Panels = append(p.Panels, v.drillReceivers(d, p.Revoked))
	}
	v.render(http.StatusOK, "admin/drill", v.text("drill.title", k.KID[:min(shownOfKID, len(k.KID))]), p)
	return nil
}

// drillSteps are what has come to all, and what has not.
func (v *visit) drillSteps(d admin.Drill) []drillStep {
	all := d.Known.Current + d.Known.Older
	steps := []drillStep{
		{v.text("drill.step.revoked", d.Key.RevokedAt.UTC().Format("2 January 2006, 15:04:05 UTC")), true},
		{v.text("drill.step.replicas", grouped(int64(d.Published.Done)), grouped(int64(d.Published.All))), d.Published.Whole()},
		{v.text("drill.step.verifiers", grouped(int64(d.Known.Current)), grouped(int64(all)), domain.DurationText(v.JWKSMaxAge)), d.Known.Older == 0},
	}
	if len(d.Receivers) > 0 {
		steps = append(steps, drillStep{v.text("drill.step.receivers", grouped(int64(d.Acknowledged.Done)), grouped(int64(d.Acknowledged.All))), d.Acknowledged.Whole()})
	}
	if !d.At.IsZero() {
		steps = append(steps, drillStep{v.text("drill.step.last", d.At.UTC().Format("15:04:05 UTC")), true})
	}
	return steps
}

func (v *visit) holdings(d admin.Drill) panel {
	p := panel{
		Title: v.text("drill.live", v.counted(d.Live)), Empty: v.text("drill.no_live"),
		Table: table{Columns: []string{v.text("token.client"), v.text("token.api"), v.text("drill.tokens")}},
	}
	for _, h := range d.Holdings {
		p.Table.Rows = append(p.Table.Rows, row{Cells: []cell{{Text: h.ClientID, Path: v.clientPath(h.ClientID)}, {Code: h.Audience}, {Text: grouped(int64(h.Count))}}})
	}
	if d.Live.More || d.Live.Count > 1000 {
		p.Hint = v.text("drill.sampled")
	}
	return p
}

func (v *visit) drillReplicas(all []admin.Replica) table {
	t := table{Columns: []string{v.text("replica.id"), v.text("drill.publishes"), v.text("replica.seen_at"), v.text("replica.version")}}
	for _, r := range all {
		state := badge{v.text("drill.publishes.yes"), "good"}
		switch {
		case r.Silent && r.Older():
			state = badge{v.text("drill.publishes.silent", r.Until.UTC().Format("15:04:05 UTC")), "bad"}
		case r.Silent:
			state = badge{v.text("replica.silent"), "bad"}
		case !r.Publishes:
			state = badge{v.text("drill.publishes.no"), "warn"}
		}
		t.Rows = append(t.Rows, row{Cells: []cell{{Code: r.ID}, {Badge: state}, {Time: r.SeenAt}, {Text: r.Version}}})
	}
	return t
}

func (v *visit) verifiers(d admin.Drill) panel {
	p := panel{
		Title: v.text("drill.verifiers", grouped(int64(d.Known.Current+d.Known.Older))), Empty: v.text("drill.no_verifiers"), Hint: v.text("drill.verifiers.hint"),
		Table: table{Columns: []string{v.text("verifier.agent"), v.text("verifier.id"), v.text("verifier.state"), v.text("verifier.seen_at")}},
	}
	for _, known := range d.Verifiers {
		state := badge{v.text("verifier.older"), "warn"}
		if known.Current {
			state = badge{v.text("verifier.current"), "good"}
		}
		agent := known.UserAgent
		if strings.TrimSpace(agent) == "" {
			agent = v.text("verifier.unnamed")
		}
		p.Table.Rows = append(p.Table.Rows, row{Cells: []cell{{Text: agent}, {Code: known.ID[:min(8, len(known.ID))]}, {Badge: state}, {Time: known.SeenAt}}})
	}
	return p
}

func (v *visit) drillReceivers(d admin.Drill, revoked bool) panel {
	p := panel{Title: v.text("menu.receivers"), Table: table{Columns: []string{v.text("receiver.client_id"), v.text("drill.acknowledged"), v.text("receiver.waiting_since")}}}
	for _, r := range d.Receivers {
		state := badge{v.text("drill.hears"), ""}
		switch {
		case r.Acknowledged:
			state = badge{v.text("yes"), "good"}
		case revoked:
			state = badge{v.text("no"), "warn"}
		}
		p.Table.Rows = append(p.Table.Rows, row{Path: address("receivers", r.ClientID), Cells: []cell{{Text: r.ClientID}, {Badge: state}, {Time: r.WaitingSince}}})
	}
	return p
}

// drillRevoke revokes the key and leads back to what follows.
func drillRevoke(v *visit) error {
	k, err := v.Admin.FindKey(v.ctx(), v.caller, v.r.PathValue("kid"))
	if err != nil {
		return err
	}
	if k.State == domain.KeyRevoked {
		return v.refuse(v.text("key.is_revoked"), address("keys", k.KID, "drill"))
	}
	c, err := v.keyRevocation(k)
	if err != nil {
		return err
	}
	c.Cancel = address("keys", k.KID, "drill")
	if !v.confirmed(v.text("key.revoke", k.KID), c) {
		return nil
	}
	_, _, err = v.Admin.RevokeKey(v.ctx(), v.caller, k.KID)
	if errors.Is(err, domain.ErrConsumed) {
		return v.refuse(v.text("key.is_revoked"), address("keys", k.KID, "drill"))
	}
	if err != nil {
		return err
	}
	http.Redirect(v.w, v.r, address("keys", k.KID, "drill"), http.StatusSeeOther)
	return nil
}
