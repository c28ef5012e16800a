package adminui

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountAssignments() {
	s.handle("GET /assignments", "assignment.assign", assign)
	s.handle("POST /assignments", "assignment.assign", assign)
	s.handle("GET /assignments/remove", "assignment.unassign", unassign)
	s.handle("POST /assignments/remove", "assignment.unassign", unassign)
}

const rolesShown = 100

// rolesOf are the roles that are assigned to a user, a group or a client, with a form that assigns one.
func (v *visit) rolesOf(kind domain.SubjectKind, subject string) (panel, error) {
	p := panel{Title: v.text("assignment.roles"), Actions: v.accessOf(kind, subject), Empty: v.text("assignment.none"), Table: table{
		Columns: []string{v.text("assignment.role"), v.text("assignment.expires_at"), v.text("assignment.since")},
	}}
	held, err := v.Admin.ListAssignments(v.ctx(), v.caller, domain.AssignmentFilter{SubjectKind: kind, Subject: subject}, admin.Query{Limit: rolesShown})
	if err != nil {
		return panel{}, err
	}
	fields := map[string]string{"kind": string(kind), "subject": subject}
	for _, a := range held.Items {
		r := row{Path: address("roles", a.Role), Managed: v.managed(a.ManagedBy), Cells: []cell{{Text: a.Role}, {Time: a.ExpiresAt}, {Time: a.CreatedAt}}}
		if v.may("assignment.unassign") {
			r.Actions = []action{{Text: v.text("assignment.unassign"), Path: address("assignments", "remove"), Post: true, Fields: map[string]string{
				"kind": string(kind), "subject": subject, "role": a.Role,
			}}}
		}
		p.Table.Rows = append(p.Table.Rows, r)
	}
	if v.may("assignment.assign") {
		role := v.field("text", "assignment", "role", "")
		role.Required = true
		p.Add = &form{Fields: []*field{role, v.field("date", "assignment", "until", "")}, Submit: v.text("assignment.assign")}
		p.Path, p.Fields = address("assignments"), fields
	}
	return p, nil
}

// subjectOf is whom a form is about, and the address of the page of that.
func (v *visit) subjectOf() (kind domain.SubjectKind, subject string, page []string) {
	kind, subject = domain.SubjectKind(v.r.PostForm.Get("kind")), v.r.PostForm.Get("subject")
	return kind, subject, []string{string(kind) + "s", subject}
}

// fromAddress lets a form that was sent stand in the address of its page, and reads it there after a new sign-in.
func (v *visit) fromAddress(fields ...string) {
	if v.r.Method != http.MethodPost {
		v.r.PostForm = v.r.URL.Query()
		return
	}
	values := url.Values{}
	for _, name := range fields {
		values[name] = v.r.PostForm[name]
	}
	v.r.URL.RawQuery = values.Encode()
}

// assign says what it takes away before, if it lets an assignment end earlier.
func assign(v *visit) error {
	if v.r.Method != http.MethodPost && v.r.URL.Query().Has("flow") {
		return v.assignAgain()
	}
	v.fromAddress("kind", "subject", "role", "until")
	kind, subject, page := v.subjectOf()
	role := v.r.PostForm.Get("role")
	var until time.Time
	if text := v.r.PostForm.Get("until"); text != "" || v.r.Method != http.MethodPost { // what a link may ask has an end
		var err error
		if until, err = time.Parse(time.DateOnly, text); err != nil {
			return v.explained(fmt.Errorf("%w date: give it as 2027-01-31", domain.ErrInvalid), address(page...))
		}
	}
	act := actSave
	var err error
	if !until.IsZero() {
		var answered bool
		change := admin.RoleChange{SubjectKind: kind, Subject: subject, Until: until}
		act, answered, err = v.chosen(v.text("effect.of_end", subject, role, until.Format("2 January 2006")), v.ofRole(role, change), effectPage{
			Lead: v.text("effect.lead"), Save: v.text("effect.end"), Revoke: v.text("effect.end_and_revoke"), Cancel: address(page...),
		})
		if answered {
			return nil
		}
	}
	if err == nil {
		err = v.mayAssign(role)
	}
	return v.carryOut(act, err, change{
		done: "assignment.assigned", page: page,
		alone: func() error { return v.Admin.Assign(v.ctx(), v.caller, role, kind, subject, until) },
		revoking: func() (*admin.Revocation, error) {
			return v.Admin.AssignAndRevoke(v.ctx(), v.caller, role, kind, subject, until)
		},
	})
}

// assignAgain is where a new sign-in leads back to.
func (v *visit) assignAgain() error {
	typed := v.typed()
	role, subject, until := typed.Get("role"), typed.Get("subject"), typed.Get("until")
	var page []string // the start, where nothing was typed
	if typed != nil {
		page = []string{typed.Get("kind") + "s", subject}
	}
	title := v.text("give.role", role, subject)
	if until != "" {
		title = v.text("give.role_until", role, subject, until)
	}
	return v.sendAgain(title, v.text("assignment.assign"), page...)
}

// unassign says what it takes away before. It is asked with GET after a new sign-in.
func unassign(v *visit) error {
	v.fromAddress("kind", "subject", "role")
	kind, subject, page := v.subjectOf()
	role := v.r.PostForm.Get("role")
	held, err := v.assignment(role, kind, subject)
	if err != nil {
		return v.explained(err, address(page...))
	}
	act, answered, err := v.chosen(v.text("effect.of_unassign", role, subject), v.ofRole(role, admin.RoleChange{SubjectKind: kind, Subject: subject}), effectPage{
		Lead: v.text("effect.lead"), Undone: v.undone(held.ManagedBy), Save: v.text("assignment.unassign"), Revoke: v.text("effect.unassign_and_revoke"), Cancel: address(page...),
	})
	if answered {
		return nil
	}
	return v.carryOut(act, err, change{
		done: "assignment.unassigned", page: page,
		alone: func() error { return v.Admin.Unassign(v.ctx(), v.caller, role, kind, subject) },
		revoking: func() (*admin.Revocation, error) {
			return v.Admin.UnassignAndRevoke(v.ctx(), v.caller, role, kind, subject)
		},
		finish: func() error { return v.unassigned(held, page) },
	})
}

// assignment finds one; without a role if there is none, or the visitor may not see it.
func (v *visit) assignment(role string, kind domain.SubjectKind, subject string) (admin.Assignment, error) {
	if !v.may("assignment.list") {
		return admin.Assignment{}, nil
	}
	held, err := v.Admin.ListAssignments(v.ctx(), v.caller, domain.AssignmentFilter{SubjectKind: kind, Subject: subject, Role: role}, admin.Query{Limit: 1})
	if err != nil || len(held.Items) == 0 {
		return admin.Assignment{}, err
	}
	return held.Items[0], nil
}

// unassigned leads to a page that says that a role was taken away, which can be given back until the time that it had.
func (v *visit) unassigned(a admin.Assignment, page []string) error {
	if a.Role == "" {
		return v.done("assignment.unassigned", page...)
	}
	until := ""
	if !a.ExpiresAt.IsZero() {
		until = a.ExpiresAt.Format(time.RFC3339Nano)
	}
	return v.doneUntil("assignment.unassigned", []string{a.Role, string(a.SubjectKind), a.Subject, until}, page...)
}
