package adminui

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountOverview() {
	s.handle("GET /{$}", "", showOverview)
}

// overviewPage is what a visitor may see of how Signet does.
type overviewPage struct {
	Lead   string
	Hints  []hint
	Calm   bool // nothing wants attention
	Chart  *chart
	Panels []panel
}

// hint is something that somebody should look at.
type hint struct {
	Text string
	Tone string
	At   cell
	Path string
}

func showOverview(v *visit) error {
	p := overviewPage{Lead: v.text("overview.lead")}
	for _, add := range []struct {
		operation string
		to        func(v *visit, p *overviewPage) error
	}{
		{"attention.list", addHints}, {"statistics.sum", addChart}, {"token.count_live", addLive}, {"key.list", addKeys},
		{"replica.list", addReplicas}, {"receiver.list", addReceivers}, {"audit.list", addChanges},
	} {
		if !v.may(add.operation) {
			continue
		}
		if err := add.to(v, &p); err != nil {
			return err
		}
	}
	v.render(http.StatusOK, "admin/overview", v.text("menu.overview"), p)
	return nil
}

// urgent are kinds of hints by their tone; others are "warn".
var urgent = map[string]string{admin.HintPlainHTTP: "bad", admin.HintKey: "bad", admin.HintReplica: "bad", admin.HintReceiver: "bad"}

func addHints(v *visit, p *overviewPage) error {
	hints, err := v.Admin.ListAttention(v.ctx(), v.caller)
	if err != nil {
		return err
	}
	p.Calm = len(hints) == 0
	for _, h := range hints {
		kind, name, _ := strings.Cut(h.Object, ":")
		words := v.text("hint."+h.Kind, name)
		if h.Kind == admin.HintAssignment {
			words = v.text("hint."+h.Kind, h.About, v.text("kind."+kind), name)
		}
		if h.Kind == admin.HintConditions {
			words = v.text("hint."+h.Kind, h.About)
		}
		if h.Further {
			words += " " + v.text("hint.further")
		}
		shown := hint{Text: words, Tone: "warn", At: cell{Time: h.At}}
		if tone, ok := urgent[h.Kind]; ok {
			shown.Tone = tone
		}
		switch kind {
		case "client", "user", "group", "key", "receiver":
			shown.Path = address(kind+"s", name)
		}
		if h.Kind == admin.HintAdministrator {
			shown.Path = address("roles", domain.RoleAdministrator)
		}
		p.Hints = append(p.Hints, shown)
	}
	return nil
}

func addChart(v *visit, p *overviewPage) error {
	drawn, err := v.chart()
	p.Chart = &drawn
	return err
}

func addLive(v *visit, p *overviewPage) error {
	if !v.may("api.list") {
		return nil
	}
	counts, err := v.Admin.CountLive(v.ctx(), v.caller)
	if err != nil {
		return err
	}
	live := panel{Title: v.text("overview.live"), Empty: v.text("overview.no_apis"), Table: table{Columns: []string{v.text("token.api"), v.text("overview.live_tokens")}}}
	for _, api := range counts.APIs {
		query := url.Values{"api": {api.Audience}, "state": {string(domain.TokenLive)}}
		live.Table.Rows = append(live.Table.Rows, row{
			Path: address("apis", api.Audience), Cells: []cell{{Code: api.Audience}, {Text: v.counted(api.Count), Path: address("tokens") + "?" + query.Encode()}},
		})
	}
	if len(counts.APIs) > 0 {
		live.Hint = v.text("overview.live.hint", counts.CountedAt.UTC().Format("15:04:05 UTC"))
		if counts.More {
			live.Hint += " " + v.text("overview.live.more")
		}
	}
	p.Panels = append(p.Panels, live)
	return nil
}

func addKeys(v *visit, p *overviewPage) error {
	all, err := v.Admin.ListKeys(v.ctx(), v.caller, admin.KeyFilter{})
	if err != nil {
		return err
	}
	keys := panel{Title: v.text("menu.keys"), Empty: v.text("overview.no_keys"), Table: table{Columns: []string{v.text("key.alg"), v.text("key.activated_at"), v.text("overview.rotates")}}}
	for _, k := range all {
		if k.State == domain.KeyActive {
			keys.Table.Rows = append(keys.Table.Rows, row{Path: address("keys", k.KID), Cells: []cell{{Text: k.Alg}, {Time: k.ActivatedAt}, {Time: k.RotatesAt}}})
		}
	}
	p.Panels = append(p.Panels, keys)
	return nil
}

func addReplicas(v *visit, p *overviewPage) error {
	all, err := v.Admin.ListReplicas(v.ctx(), v.caller)
	if err != nil {
		return err
	}
	replicas := panel{Title: v.text("overview.replicas"), Empty: v.text("overview.no_replicas"), Table: v.replicaTable(all), Hint: v.text("overview.replicas.hint")}
	p.Panels = append(p.Panels, replicas)
	return nil
}

func (v *visit) replicaTable(all []admin.Replica) table {
	t := table{Columns: []string{v.text("replica.id"), v.text("replica.state"), v.text("replica.seen_at"), v.text("replica.started_at"), v.text("replica.version")}}
	for _, r := range all {
		t.Rows = append(t.Rows, row{Cells: []cell{{Code: r.ID}, {Badge: v.replicaState(r)}, {Time: r.SeenAt}, {Time: r.StartedAt}, {Text: r.Version}}})
	}
	return t
}

// lagging is from how many seconds on a replica, which asks for changes every second, is behind.
const lagging = 5

func (v *visit) replicaState(r admin.Replica) badge {
	switch {
	case r.Silent:
		return badge{v.text("replica.silent"), "bad"}
	case r.Lag > lagging:
		return badge{v.text("replica.behind", domain.DurationText(time.Duration(r.Lag)*time.Second)), "warn"}
	case !r.Publishes:
		return badge{v.text("replica.older_keys"), "warn"}
	}
	return badge{v.text("replica.current"), "good"}
}

func addReceivers(v *visit, p *overviewPage) error {
	page, err := v.Admin.ListReceivers(v.ctx(), v.caller, admin.Query{Limit: 50})
	if err != nil {
		return err
	}
	behind := slices.DeleteFunc(page.Items, func(r admin.Receiver) bool { return r.WaitingSince.IsZero() && !r.Paused })
	if len(behind) == 0 {
		return nil
	}
	receivers := panel{Title: v.text("overview.receivers"), Table: table{Columns: []string{v.text("receiver.client_id"), v.text("receiver.state"), v.text("receiver.waiting_since")}}}
	for _, r := range behind {
		receivers.Table.Rows = append(receivers.Table.Rows, row{Path: address("receivers", r.ClientID), Cells: []cell{{Text: r.ClientID}, {Badge: v.receiverState(r)}, {Time: r.WaitingSince}}})
	}
	p.Panels = append(p.Panels, receivers)
	return nil
}

const changesShown = 8

func addChanges(v *visit, p *overviewPage) error {
	page, err := v.Admin.ListEvents(v.ctx(), v.caller, domain.EventFilter{}, admin.Query{Limit: changesShown})
	if err != nil {
		return err
	}
	changes := panel{
		Title: v.text("overview.changes"), Empty: v.text("overview.no_changes"), Actions: []action{{Text: v.text("overview.all_changes"), Path: address("audit")}},
		Table: table{Columns: []string{v.text("event.at"), v.text("event.action"), v.text("event.target"), v.text("event.actor")}},
	}
	for _, e := range page.Items {
		changes.Table.Rows = append(changes.Table.Rows, row{
			Path: address("audit", strconv.FormatInt(e.Seq, 10)), Cells: []cell{{Time: e.At}, {Code: e.Action}, {Text: e.Target}, {Text: e.Actor}},
		})
	}
	p.Panels = append(p.Panels, changes)
	return nil
}
