package adminui

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/domain"
)

// maxPolicyForm is more than a policy and its test cases have in a form, in bytes.
const maxPolicyForm = 3*2*decision.MaxText + 256<<10

func (s *surface) mountPolicies() {
	large := func(next http.Handler) http.Handler { return s.Pages.ProtectUpTo(maxPolicyForm, next) }
	s.handle("GET /apis/{audience}/policy", "policy.find", showPolicy)
	s.mount("POST /apis/{audience}/policy", "policy.find", workOnPolicy, large)
	s.handle("GET /apis/{audience}/policy/versions/{number}", "policy.find_version", showPolicyVersion)
	s.handle("POST /apis/{audience}/policy/restore", "policy.rollback", restorePolicy)
	s.handle("GET /apis/{audience}/policy/delete", "policy.delete", deletePolicy)
	s.handle("POST /apis/{audience}/policy/delete", "policy.delete", deletePolicy)
}

// What the form of a policy can be sent for.
const (
	actTest = "test"
	actTry  = "try"
)

// policyPage is the data of the page of an API's policy.
type policyPage struct {
	*form
	Trail    link
	State    badge
	Managed  badge
	Actions  []action
	Editable bool
	Text     *field
	Cases    *field
	Problems []policyProblem
	Tests    *policyTests // nil: none were run
	Trial    []*field     // empty: the visitor may not try it
	Verdict  *verdict     // nil: nothing was tried
	Versions table
	Audience string

	Resources    *table // nil: the visitor may not see them
	AllResources string // where they are
}

// codeField is one with a text that is code.
type codeField struct {
	Of       *field
	ReadOnly bool
}

// Code is a field of the page as the visitor may edit it.
func (p *policyPage) Code(f *field) codeField { return codeField{f, f == p.Text && !p.Editable} }

// policyProblem is what is wrong at a line of a text.
type policyProblem struct {
	Field string // which has the text
	Line  int
	Place string // FILE:LINE:COLUMN
	Text  string
	Code  string // the line
}

// policyTests is what test cases came to.
type policyTests struct {
	Summary  badge
	Rules    string
	Untested []string
	Table    table
}

// verdict is what was decided, and why.
type verdict struct {
	Badge  badge
	Reason string
	Table  table
}

// policyPage is the page as it is at first.
func (v *visit) policyPage() (*policyPage, admin.Policy, error) {
	audience := v.r.PathValue("audience")
	current, err := v.Admin.FindPolicy(v.ctx(), v.caller, audience)
	if err != nil {
		return nil, admin.Policy{}, err
	}
	p := &policyPage{
		Audience: audience, Trail: link{Text: audience, Path: address("apis", audience)}, Editable: v.may("policy.set"),
		State: badge{v.text("policy.none"), ""}, Text: v.field("lines", "policy", "text", current.Text), Cases: v.field("lines", "policy", "cases", ""),
	}
	p.Text.Rows, p.Cases.Rows = 20, 8
	p.form = &form{Version: strconv.FormatInt(current.Version, 10), Fields: []*field{p.Text, p.Cases}}
	if current.Number > 0 {
		p.State = badge{v.text("policy.decides", current.Number), "good"}
		if v.may("policy.delete") {
			p.Actions = append(p.Actions, action{Text: v.text("form.delete"), Path: address("apis", audience, "policy", "delete"), Icon: "delete", Bad: true})
		}
	}
	if v.may("api.find") {
		api, err := v.Admin.FindAPI(v.ctx(), v.caller, audience)
		if err != nil {
			return nil, admin.Policy{}, err
		}
		p.Managed = v.managed(api.ManagedBy)
		if p.Editable {
			p.Undone = v.undone(api.ManagedBy)
		}
	}
	if v.mayTryPolicies() {
		p.Trial = v.trialFields()
		p.Fields = append(p.Fields, p.Trial...)
	}
	if p.Versions, err = v.policyVersions(audience); err == nil && v.may("resource.list") {
		p.Resources, err = v.registered(audience)
		p.AllResources = address("apis", audience, "resources")
	}
	return p, current, err
}

func (v *visit) mayTryPolicies() bool { return v.may("decision.evaluate") && v.may("policy.set") }

const resourcesShown = 20

// registered are the first resources that are registered for an API.
func (v *visit) registered(audience string) (*table, error) {
	t := v.resourceTable()
	t.Name = v.text("resources.title")
	found, err := v.Admin.ListResources(v.ctx(), v.caller, audience, "", admin.Query{Limit: resourcesShown})
	for _, r := range found.Items {
		t.Rows = append(t.Rows, v.resourceRow(audience)(r))
	}
	return &t, err
}

func (v *visit) trialFields() []*field {
	kind := v.choice("trial", "subject_kind", "user", v.options("trial.subject_kind", "user", "client", "claims"))
	fields := []*field{kind, v.field("text", "trial", "subject", "")}
	for _, name := range []string{"claims", "action", "resource_type", "resource_id", "properties", "context"} {
		f := v.field("text", "trial", name, "")
		if slices.Contains([]string{"claims", "properties", "context"}, name) {
			f.Kind, f.Rows, f.Max = "lines", 3, 16<<10
		}
		fields = append(fields, f)
	}
	return fields
}

func (v *visit) policyVersions(audience string) (table, error) {
	t := table{Name: v.text("policy.versions"), Columns: []string{v.text("policy.version"), v.text("policy.state"), v.text("policy.author"), v.text("policy.created")}}
	if !v.may("policy.list_versions") {
		return t, nil
	}
	versions, err := v.Admin.ListPolicyVersions(v.ctx(), v.caller, audience)
	for _, kept := range versions {
		state := cell{}
		if kept.Active {
			state.Badge = badge{v.text("policy.active"), "good"}
		}
		number := strconv.FormatInt(kept.Number, 10)
		t.Rows = append(t.Rows, row{Path: address("apis", audience, "policy", "versions", number), Cells: []cell{{Text: number}, state, {Text: kept.Author}, {Time: kept.CreatedAt}}})
	}
	return t, err
}

func (v *visit) showPolicyPage(status int, p *policyPage) error {
	v.render(status, "admin/policy", v.text("policy.title"), p)
	return nil
}

func showPolicy(v *visit) error {
	p, _, err := v.policyPage()
	if err != nil {
		return err
	}
	return v.showPolicyPage(http.StatusOK, p)
}

// workOnPolicy tests, tries or saves the text that the form has.
func workOnPolicy(v *visit) error {
	p, current, err := v.policyPage()
	if err != nil {
		return err
	}
	now := p.Version
	p.read(v.r)
	compiled, err := decision.Compile(p.Text.Value)
	if p.found(p.Text, "policy", err) {
		return v.showPolicyPage(http.StatusUnprocessableEntity, p)
	} else if err != nil {
		return err
	}
	switch v.r.PostForm.Get("act") {
	case actSave:
		return v.savePolicy(p, current, now)
	case actTry:
		return v.tryPolicy(p)
	}
	status := http.StatusOK
	if !v.testPolicy(p, compiled, current) {
		status = http.StatusUnprocessableEntity
	}
	return v.showPolicyPage(status, p)
}

func (v *visit) savePolicy(p *policyPage, current admin.Policy, version string) error {
	_, err := v.Admin.SetPolicy(v.ctx(), v.caller, p.Audience, p.version(), p.Text.Value)
	switch {
	case errors.Is(err, domain.ErrConflict):
		theirs := &field{Kind: "lines", Value: current.Text}
		now, yours := v.lines(theirs), v.lines(p.Text)
		p.Version, p.Problem, p.Anew = version, v.text("form.conflict"), v.here()
		p.Differences = []difference{{Field: p.Text.Name, Label: p.Text.Label, Now: only(now, yours), Yours: only(yours, now)}}
		return v.showPolicyPage(http.StatusConflict, p)
	case p.found(p.Text, "policy", err):
		return v.showPolicyPage(http.StatusUnprocessableEntity, p)
	case err != nil:
		return err
	}
	return v.done("policy.saved", "apis", p.Audience, "policy")
}

// found shows what is wrong with the text of a field, and says whether that is what the error is about.
func (p *policyPage) found(f *field, name string, err error) bool {
	problems, ok := errors.AsType[decision.Problems](err)
	lines := strings.Split(f.Value, "\n")
	for _, problem := range problems {
		shown := policyProblem{Field: f.Name, Line: problem.Line, Place: fmt.Sprintf("%s:%d:%d", name, problem.Line, problem.Column), Text: sentence(problem.Text)}
		if problem.Line <= len(lines) {
			shown.Code = strings.TrimSpace(domain.ClipText(lines[problem.Line-1], 200))
		}
		p.Problems = append(p.Problems, shown)
	}
	return ok
}

// testPolicy runs the cases of the form, and says whether they can be read.
func (v *visit) testPolicy(p *policyPage, compiled *decision.Policy, current admin.Policy) bool {
	cases, err := decision.ParseCases(p.Cases.Value)
	if p.found(p.Cases, "cases", err) {
		return false
	}
	published := decision.Permissions
	if current.Number > 0 {
		if published, err = decision.Compile(current.Text); err != nil {
			published = compiled // one that this version does not take: there is nothing to compare with
		}
	}
	results, untested := compiled.Test(cases)
	before, _ := published.Test(cases)
	t := &policyTests{Untested: untested, Table: table{Columns: []string{
		v.text("policy.case"), v.text("policy.result"), v.text("policy.decided"), v.text("policy.because"), v.text("policy.published"),
	}}}
	failed := 0
	for i, r := range results {
		result := badge{v.text("policy.passes"), "good"}
		if !r.Passed {
			result = badge{v.text("policy.fails"), "bad"}
			failed++
		}
		was := cell{Text: v.text("policy.same")}
		if before[i].Verdict.Allowed != r.Verdict.Allowed {
			was = cell{Badge: v.decided(before[i].Verdict.Allowed)}
		}
		name := fmt.Sprintf("cases:%d", r.Case.Line)
		t.Table.Rows = append(t.Table.Rows, row{Cells: []cell{
			{Text: strings.TrimSpace(name + " " + r.Case.Name)}, {Badge: result}, {Badge: v.decided(r.Verdict.Allowed)}, {Text: r.Verdict.Reason()}, was,
		}})
	}
	t.Summary = badge{v.text("policy.all_pass", len(results)), "good"}
	switch {
	case len(results) == 0:
		t.Summary = badge{v.text("policy.compiles"), "good"}
	case failed > 0:
		t.Summary = badge{v.text("policy.some_fail", failed, len(results)), "bad"}
	}
	rules := len(compiled.Rules())
	t.Rules = v.text("policy.coverage", rules-len(untested), rules)
	p.Tests = t
	return true
}

func (v *visit) decided(allowed bool) badge {
	if allowed {
		return badge{v.text("policy.allowed"), "good"}
	}
	return badge{v.text("policy.denied"), "warn"}
}

// tryPolicy decides what the form asks.
func (v *visit) tryPolicy(p *policyPage) error {
	if !v.mayTryPolicies() {
		return domain.ErrDenied
	}
	t := admin.Trial{
		Policy: p.Text.Value, Action: p.get("action"),
		Resource: decision.Resource{Type: p.get("resource_type"), ID: p.get("resource_id"), Properties: p.jsonObject(v, "properties")},
		Context:  p.jsonObject(v, "context"),
	}
	switch p.get("subject_kind") {
	case "client":
		t.Client = p.required(v, "subject")
	case "claims":
		if t.Claims = p.jsonObject(v, "claims"); t.Claims == nil {
			p.required(v, "claims")
		}
	default:
		t.User = p.required(v, "subject")
	}
	p.required(v, "action")
	p.required(v, "resource_type")
	if slices.ContainsFunc(p.Trial, func(f *field) bool { return f.Problem != "" }) {
		return v.showPolicyPage(http.StatusUnprocessableEntity, p)
	}
	d, err := v.Admin.TryPolicy(v.ctx(), v.caller, p.Audience, t)
	if err != nil {
		return err
	}
	p.Verdict = &verdict{Badge: v.decided(d.Allowed), Reason: d.Reason, Table: table{Columns: []string{
		v.text("policy.rule"), v.text("policy.effect"), v.text("policy.applies"), v.text("policy.because"),
	}}}
	for _, r := range d.Rules {
		applies := cell{Text: v.yesNo(r.Applies)}
		if r.Applies {
			applies = cell{Badge: badge{v.text("yes"), "good"}}
		}
		p.Verdict.Table.Rows = append(p.Verdict.Table.Rows, row{Cells: []cell{{Code: r.Rule}, {Text: v.text("policy.effect." + string(r.Effect))}, applies, {Text: r.Why}}})
	}
	return v.showPolicyPage(http.StatusOK, p)
}

// trial is a field of those of what is to be tried.
func (p *policyPage) trial(name string) *field {
	return p.Trial[slices.IndexFunc(p.Trial, func(f *field) bool { return f.Name == name })]
}

// required is the value of a field, which must have one.
func (p *policyPage) required(v *visit, name string) string {
	f := p.trial(name)
	if f.Value == "" && f.Problem == "" {
		f.Problem = v.text("trial.missing")
	}
	return f.Value
}

// jsonObject is the object that a field has; nil if it is empty, or no object.
func (p *policyPage) jsonObject(v *visit, name string) map[string]any {
	f := p.trial(name)
	if strings.TrimSpace(f.Value) == "" {
		return nil
	}
	var object domain.JSONObject
	if err := json.Unmarshal([]byte(f.Value), &object); err != nil || object == nil {
		f.Problem = v.text("trial.no_json")
		return nil
	}
	return object
}

// policyVersionPage is the data of the page of a version.
type policyVersionPage struct {
	Trail       link
	State       badge
	Actions     []action
	Author      string
	Kept        admin.PolicyVersion
	Lines       []string
	Differences []difference
	Known       bool // what the version began from: it is not
}

func showPolicyVersion(v *visit) error {
	audience := v.r.PathValue("audience")
	number, err := strconv.ParseInt(v.r.PathValue("number"), 10, 64)
	if err != nil {
		return domain.ErrNotFound
	}
	kept, err := v.Admin.FindPolicyVersion(v.ctx(), v.caller, audience, number)
	if err != nil {
		return err
	}
	current, err := v.Admin.FindPolicy(v.ctx(), v.caller, audience)
	if err != nil {
		return err
	}
	p := policyVersionPage{Trail: link{Text: v.text("policy.title"), Path: address("apis", audience, "policy")}, Kept: kept, Lines: strings.Split(strings.TrimSuffix(kept.Text, "\n"), "\n")}
	if kept.Active {
		p.State = badge{v.text("policy.active"), "good"}
	} else {
		now, then := v.lines(&field{Value: current.Text}), v.lines(&field{Value: kept.Text})
		p.Differences = []difference{{Field: "source", Label: v.text("policy.title"), Now: only(now, then), Yours: only(then, now)}}
		if v.may("policy.rollback") {
			p.Actions = append(p.Actions, action{
				Text: v.text("policy.restore"), Path: address("apis", audience, "policy", "restore"), Post: true,
				Fields: map[string]string{"number": strconv.FormatInt(number, 10), "version": strconv.FormatInt(current.Version, 10)},
			})
		}
	}
	v.render(http.StatusOK, "admin/policy_version", v.text("policy.version.title", number), p)
	return nil
}

func restorePolicy(v *visit) error {
	audience := v.r.PathValue("audience")
	number, err := strconv.ParseInt(v.r.PostForm.Get("number"), 10, 64)
	if err != nil {
		return domain.ErrNotFound
	}
	f := form{Version: v.r.PostForm.Get("version")}
	_, err = v.Admin.RollbackPolicy(v.ctx(), v.caller, audience, f.version(), number)
	if err != nil {
		return v.movedOr(err, address("apis", audience, "policy"))
	}
	return v.done("policy.restored", "apis", audience, "policy")
}

func deletePolicy(v *visit) error {
	audience := v.r.PathValue("audience")
	p, _, err := v.policyPage()
	if err != nil {
		return err
	}
	back := address("apis", audience, "policy")
	ok := v.confirmed(v.text("policy.delete"), confirmation{
		Lead: v.text("policy.delete.lead"), Undone: p.Undone, Name: audience, Version: p.Version, Submit: v.text("policy.delete.submit"), Cancel: back,
	})
	if !ok {
		return nil
	}
	sent := form{Version: v.r.PostForm.Get("version")}
	if err := v.Admin.DeletePolicy(v.ctx(), v.caller, audience, sent.version()); err != nil {
		return v.movedOr(err, back)
	}
	return v.done("policy.deleted", "apis", audience, "policy")
}
