package adminui

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountInvitations() {
	s.handle("GET /invitations", "invitation.list", showInvitations)
	s.handle("GET /new/invitation", "invitation.create", newInvitation)
	s.handle("POST /new/invitation", "invitation.create", newInvitation)
	s.handle("GET /invitations/{id}/delete", "invitation.delete", deleteInvitation)
	s.handle("POST /invitations/{id}/delete", "invitation.delete", deleteInvitation)
}

// showInvitations lists invitations by which clients register themselves; the search looks at their notes.
func showInvitations(v *visit) error {
	l := listing{Lead: v.text("invitations.lead"), Table: table{Columns: []string{
		v.text("invitation.note"), v.text("invitation.uses"), v.text("invitation.expires_at"), v.text("object.created"),
	}}}
	if v.may("invitation.create") {
		l.New = link{Text: v.text("invitation.new"), Path: address("new", "invitation")}
	}
	err := list(v, &l, func(q admin.Query) (admin.Page[admin.Invitation], error) {
		return v.Admin.ListInvitations(v.ctx(), v.caller, q)
	}, func(i admin.Invitation) row {
		r := row{Cells: []cell{{Text: i.Note}, {Text: v.text("invitation.used", i.Uses, i.MaxUses)}, {Time: i.ExpiresAt}, {Time: i.CreatedAt}}}
		if v.may("invitation.delete") {
			r.Actions = []action{{Text: v.text("invitation.delete"), Path: address("invitations", strconv.FormatInt(i.ID, 10), "delete"), Bad: true}}
		}
		return r
	})
	if err == nil {
		v.showList(v.text("invitations.title"), l)
	}
	return err
}

// newInvitation answers with the token of a new invitation, which no other page shows.
func newInvitation(v *visit) error {
	if !v.mayFill() {
		return nil
	}
	uses, until := v.field("text", "invitation", "max_uses", "1"), v.field("date", "invitation", "expires_at", v.Now().AddDate(0, 0, 7).Format(time.DateOnly))
	uses.Required, until.Required = true, true
	title := v.text("invitation.new")
	f := &form{
		Lead: v.text("invitation.new.lead"), Fields: []*field{v.field("text", "invitation", "note", ""), uses, until},
		Submit: v.text("invitation.create"), Cancel: address("invitations"),
	}
	if v.r.Method != http.MethodPost {
		v.render(http.StatusOK, "admin/form", title, f)
		return nil
	}
	f.read(v.r)
	times, err := strconv.Atoi(uses.Value)
	if err != nil {
		err = domain.Invalid("max_uses", domain.RuleFormat, "number %q: give it as 5", uses.Value)
	}
	ends, wrong := time.Parse(time.DateOnly, until.Value)
	if wrong != nil {
		err = errors.Join(err, domain.Invalid("expires_at", domain.RuleFormat, "date: give it as 2027-01-31"))
	}
	var made admin.MadeInvitation
	if err == nil {
		made, err = v.Admin.CreateInvitation(v.ctx(), v.caller, f.get("note"), times, ends)
	}
	if err != nil {
		return v.refused(f, title, err)
	}
	return v.showOnce(v.text("invitation.made"), once{
		Of: link{Text: v.text("invitations.title"), Path: address("invitations")}, Lead: v.text("invitation.give"),
		Label: v.text("invitation.token"), Secret: made.Token, ExpiresAt: made.ExpiresAt, Warning: v.text("invitation.once"),
	})
}

func deleteInvitation(v *visit) error {
	id, err := strconv.ParseInt(v.r.PathValue("id"), 10, 64)
	if err != nil {
		return domain.ErrNotFound
	}
	if !v.confirmed(v.text("invitation.delete.title"), confirmation{
		Lead: v.text("invitation.delete.lead"), Submit: v.text("invitation.delete.submit"), Cancel: address("invitations"),
	}) {
		return nil
	}
	if err := v.Admin.DeleteInvitation(v.ctx(), v.caller, id); err != nil {
		return v.explained(err, address("invitations"))
	}
	return v.done("invitation.deleted", "invitations")
}
