package adminui

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/httpjson"
)

func (s *surface) mountAudit() {
	s.handle("GET /audit", "audit.list", showEvents)
	s.handle("GET /audit/{seq}", "audit.find", showEvent)
	s.handle("GET /audit/export", "audit.export", exportEvents)
	s.handle("GET /audit/verify", "audit.verify", askToVerify)
	s.handle("POST /audit/verify", "audit.verify", verifyAudit)
}

// examples are what filters may hold.
var examples = map[string]string{"actor": "user:alice", "action": "client.update", "target": "client:shop"}

// eventFilters are the fields by which events are chosen, with what the address has in them.
func (v *visit) eventFilters() (fields []*field, filter domain.EventFilter, err error) {
	get := func(kind, name string) string {
		f := v.field(kind, "event", name, v.query(name))
		f.Max, f.Example = 2000, examples[name]
		fields = append(fields, f)
		return f.Value
	}
	day := func(name string) (t time.Time) {
		if text := get("date", name); text != "" && err == nil {
			if t, err = time.Parse(time.DateOnly, text); err != nil || t.IsZero() {
				err = fmt.Errorf("%w date %q: give it as 2027-01-31", domain.ErrInvalid, text)
			}
		}
		return t
	}
	filter.Actor, filter.Action, filter.Target = get("text", "actor"), get("text", "action"), get("text", "target")
	filter.Since, filter.Before = day("since"), day("before")
	return fields, filter, err
}

func showEvents(v *visit) error {
	filters, filter, err := v.eventFilters()
	if err != nil {
		return v.explained(err, address("audit"))
	}
	l := listing{Lead: v.text("audit.lead"), Filters: filters, Table: v.eventTable()}
	if v.may("audit.export") && v.query(byName) == "" { // it knows no search
		chosen := url.Values{}
		for _, f := range filters {
			if f.Value != "" {
				chosen.Set(f.Name, f.Value)
			}
		}
		l.Links = append(l.Links, link{Text: v.text("audit.export"), Path: query(address("audit", "export"), chosen)})
	}
	if v.may("audit.verify") {
		l.Links = append(l.Links, link{Text: v.text("audit.verify"), Path: address("audit", "verify")})
	}
	err = list(v, &l, func(q admin.Query) (admin.Page[admin.Event], error) {
		return v.Admin.ListEvents(v.ctx(), v.caller, filter, q)
	}, v.eventRow)
	if errors.Is(err, domain.ErrInvalid) && !errors.Is(err, admin.ErrCursor) {
		return v.explained(err, address("audit"))
	}
	if err == nil {
		v.showList(v.text("menu.audit"), l)
	}
	return err
}

// query is an address with a query, if there is one.
func query(path string, values url.Values) string {
	if len(values) == 0 {
		return path
	}
	return path + "?" + values.Encode()
}

// eventTable is an empty table of events.
func (v *visit) eventTable() table {
	return table{Columns: []string{v.text("event.at"), v.text("event.action"), v.text("event.target"), v.text("event.actor")}}
}

func (v *visit) eventRow(e admin.Event) row {
	return row{Path: address("audit", strconv.FormatInt(e.Seq, 10)), Cells: []cell{{Time: e.At}, {Code: e.Action}, {Text: e.Target}, {Text: e.Actor}}}
}

// pagesOf are the sections of objects that events name, and what it takes to see them.
var pagesOf = map[string]struct{ section, operation string }{
	"user": {"users", "user.find"}, "group": {"groups", "group.find"}, "role": {"roles", "role.find"},
	"client": {"clients", "client.find"}, "api": {"apis", "api.find"}, "receiver": {"receivers", "receiver.find"},
}

// named is a cell that names an object as events do, "user:alice", and leads to its page.
func (v *visit) named(name string) cell {
	c := cell{Text: name}
	kind, object, _ := strings.Cut(name, ":")
	if to := pagesOf[kind]; object != "" && to.operation != "" && v.may(to.operation) {
		c.Path = address(to.section, object)
	}
	return c
}

func showEvent(v *visit) error {
	seq, err := strconv.ParseInt(v.r.PathValue("seq"), 10, 64)
	if err != nil {
		return domain.ErrNotFound
	}
	e, err := v.Admin.FindEvent(v.ctx(), v.caller, seq)
	if err != nil {
		return err
	}
	o := object{Trail: link{Text: v.text("menu.audit"), Path: address("audit")}}
	if e.ErasedBy != 0 {
		o.Warnings = append(o.Warnings, v.text("event.erased", e.ErasedBy))
	} else {
		o.Actions = []action{
			{Text: v.text("event.same_target"), Path: query(address("audit"), url.Values{"target": {e.Target}})},
			{Text: v.text("event.same_actor"), Path: query(address("audit"), url.Values{"actor": {e.Actor}})},
		}
	}
	o.Panels = []panel{{Title: v.text("event.about"), Facts: []fact{
		v.fact("event.at", cell{Time: e.At}), v.fact("event.exact", cell{Text: e.At.UTC().Format("2006-01-02 15:04:05.000000 UTC")}),
		v.fact("event.actor", v.named(e.Actor)), v.fact("event.action", cell{Code: e.Action}), v.fact("event.target", v.named(e.Target)),
		v.fact("event.request", cell{Code: e.RequestID}), v.fact("event.hash", cell{Code: e.Hash}),
	}}, v.eventDetails(e)}
	return v.show(v.text("event.title", e.Seq), o)
}

// eventDetails are what an event says, beside what earlier ones said of the same.
func (v *visit) eventDetails(e admin.FoundEvent) panel {
	p := panel{Title: v.text("event.details"), Empty: v.text("event.no_details"), Table: table{Columns: []string{v.text("event.name"), v.text("event.value")}}}
	if len(e.Earlier) > 0 {
		p.Table.Columns = append(p.Table.Columns, v.text("event.earlier"))
		p.Hint = v.text("event.earlier.hint")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(e.Details, &members); err != nil {
		members = map[string]json.RawMessage{"": e.Details}
	}
	changed := func(name string) bool { return e.Earlier[name] != nil && !bytes.Equal(e.Earlier[name], members[name]) }
	names := slices.Sorted(maps.Keys(members))
	slices.SortStableFunc(names, func(a, b string) int { // what was changed comes first
		switch {
		case changed(a) == changed(b):
			return 0
		case changed(a):
			return -1
		}
		return 1
	})
	for _, name := range names {
		r := row{Cells: []cell{{Code: name}, jsonCell(members[name])}}
		if changed(name) {
			r.Cells = append(r.Cells, jsonCell(e.Earlier[name]))
		} else if len(e.Earlier) > 0 {
			r.Cells = append(r.Cells, cell{})
		}
		p.Table.Rows = append(p.Table.Rows, r)
	}
	return p
}

// jsonCell shows a JSON value: texts and lists of texts as such, all else as it is.
func jsonCell(value json.RawMessage) cell {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return cell{Text: text}
	}
	var texts []string
	if json.Unmarshal(value, &texts) == nil {
		return cell{List: texts}
	}
	return cell{Code: string(value)}
}

func exportEvents(v *visit) error {
	_, filter, err := v.eventFilters()
	if err == nil {
		err = httpjson.WriteLines(v.w, "audit.jsonl", func(write func([]admin.Event) error) error {
			return v.Admin.ExportEvents(v.ctx(), v.caller, filter, 0, write)
		})
	}
	if errors.Is(err, domain.ErrInvalid) {
		return v.explained(err, address("audit"))
	}
	return err
}

// verifyForm asks for what was noted of the log elsewhere.
func (v *visit) verifyForm() *form {
	noted := v.field("lines", "audit", "checkpoints", "")
	noted.Max = 16 << 10
	return &form{Lead: v.text("audit.verify.lead"), Fields: []*field{noted}, Submit: v.text("audit.verify"), Cancel: address("audit")}
}

func askToVerify(v *visit) error {
	v.render(http.StatusOK, "admin/form", v.text("audit.verify.title"), v.verifyForm())
	return nil
}

// verified is what a verification has come to.
type verified struct {
	Event   int64
	Of      int64
	Problem string // the log is not whole, or cannot be read
	Whole   bool
}

// Percent is how much was looked at.
func (r verified) Percent() int64 { return min(100, r.Event*100/max(r.Of, 1)) }

// maxCheckpoints is how many can be compared at once.
const maxCheckpoints = 100

func verifyAudit(v *visit) error {
	f := v.verifyForm()
	f.read(v.r)
	noted := f.lines("checkpoints")
	if len(noted) > maxCheckpoints {
		return v.explained(fmt.Errorf("%w checkpoints: give at most %d", domain.ErrInvalid, maxCheckpoints), address("audit", "verify"))
	}
	if !v.verifying.TryLock() {
		v.render(http.StatusConflict, "admin/problem", v.text("audit.verify.title"), v.text("audit.verify.busy"))
		return nil
	}
	defer v.verifying.Unlock()
	newest, err := v.Admin.ListEvents(v.ctx(), v.caller, domain.EventFilter{}, admin.Query{Limit: 1})
	if err != nil {
		return err
	}
	var r verified
	if len(newest.Items) > 0 {
		r.Of = newest.Items[0].Seq
	}
	v.stream("admin/verify", v.text("audit.verify.title"), link{Text: v.text("menu.audit"), Path: address("audit")}, func(show func(part string, data any) error) error {
		var shown time.Time
		last, err := v.Admin.VerifyAudit(v.ctx(), v.caller, func(seq int64) error {
			if v.Now().Sub(shown) < time.Second {
				return nil
			}
			shown, r.Event = v.Now(), seq
			return show("progress", r)
		}, noted)
		switch {
		case errors.Is(err, domain.ErrInvalid):
			r.Problem = sentence(err.Error())
		case domain.IsTemporary(err):
			r.Problem = v.text("audit.verify.interrupted")
		case err != nil:
			return err
		default:
			r.Whole = true
		}
		r.Event = last.Seq
		return show("result", r)
	})
	return nil
}
