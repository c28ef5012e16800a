package adminui

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountAttributes() {
	s.handle("GET /attributes", "attribute.list", showAttributes)
	s.handle("GET /attributes/{name}", "attribute.find", showAttribute)
	s.handle("GET /new/attribute", "attribute.create", newAttribute)
	s.handle("POST /new/attribute", "attribute.create", newAttribute)
	s.handle("GET /attributes/{name}/edit", "attribute.update", editAttribute)
	s.handle("POST /attributes/{name}/edit", "attribute.update", editAttribute)
	s.handle("GET /attributes/{name}/delete", "attribute.delete", deleteAttribute)
	s.handle("POST /attributes/{name}/delete", "attribute.delete", deleteAttribute)
}

func showAttributes(v *visit) error {
	l := listing{Lead: v.text("attributes.lead"), Table: table{
		Columns: []string{v.text("attribute.name"), v.text("attribute.type"), v.text("attribute.description"), v.text("attribute.standard")},
	}}
	if v.may("attribute.create") {
		l.New = link{Text: v.text("attribute.new"), Path: address("new", "attribute")}
	}
	err := list(v, &l, func(q admin.Query) (admin.Page[admin.Attribute], error) {
		return v.Admin.ListAttributes(v.ctx(), v.caller, q)
	}, func(a admin.Attribute) row {
		return row{Path: address("attributes", a.Name), Managed: v.managed(a.ManagedBy), Cells: []cell{
			{Code: a.Name}, {Text: v.text("attribute_type." + a.Type)}, {Text: a.Description}, {Text: v.yesNo(a.Standard)},
		}}
	})
	if err == nil {
		v.showList(v.text("menu.attributes"), l)
	}
	return err
}

func showAttribute(v *visit) error {
	a, err := v.Admin.FindAttribute(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	o := object{Trail: link{Text: v.text("menu.attributes"), Path: address("attributes")}, Lead: a.Description, Managed: v.managed(a.ManagedBy), Created: a.CreatedAt, Updated: a.UpdatedAt}
	if !a.Standard {
		o.act(v, "attribute.update", action{Text: v.text("form.edit"), Path: address("attributes", a.Name, "edit"), Icon: "edit"})
		o.act(v, "attribute.delete", action{Text: v.text("form.delete"), Path: address("attributes", a.Name, "delete"), Icon: "delete", Bad: true})
	}
	o.Panels = []panel{{Title: v.text("attribute.about"), Facts: []fact{
		v.fact("attribute.name", cell{Code: a.Name}), v.fact("attribute.type", cell{Text: v.text("attribute_type." + a.Type)}),
		v.fact("attribute.standard", cell{Text: v.yesNo(a.Standard)}),
	}}}
	return v.show(a.Name, o)
}

// attributeForm is the form for an attribute, which may be a new one. Its name and type stay.
func (v *visit) attributeForm(a admin.Attribute) *form {
	f := &form{Fields: []*field{v.field("text", "attribute", "description", a.Description)}}
	if a.Version == 0 {
		name := v.field("text", "attribute", "name", "")
		name.Required = true
		kind := v.choice("attribute", "type", string(domain.AttributeString), v.options("attribute_type",
			domain.AttributeString, domain.AttributeNumber, domain.AttributeBoolean, domain.AttributeStringList))
		f.Fields = append([]*field{name, kind}, f.Fields...)
		f.Submit, f.Cancel = v.text("attribute.create"), address("attributes")
		return f
	}
	f.Undone = v.undone(a.ManagedBy)
	f.Version, f.Submit, f.Cancel = strconv.FormatInt(a.Version, 10), v.text("form.save"), address("attributes", a.Name)
	return f
}

func newAttribute(v *visit) error {
	title, f := v.text("attribute.new"), v.attributeForm(admin.Attribute{})
	if v.r.Method != http.MethodPost {
		v.render(http.StatusOK, "admin/form", title, f)
		return nil
	}
	f.read(v.r)
	a, err := v.Admin.CreateAttribute(v.ctx(), v.caller, f.get("name"), f.get("type"), f.get("description"))
	if err != nil {
		return v.refused(f, title, err)
	}
	return v.done("attribute.created", "attributes", a.Name)
}

func editAttribute(v *visit) error {
	a, err := v.Admin.FindAttribute(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	title, f := v.text("attribute.edit", a.Name), v.attributeForm(a)
	if v.r.Method != http.MethodPost {
		v.render(http.StatusOK, "admin/form", title, f)
		return nil
	}
	f.read(v.r)
	_, err = v.Admin.UpdateAttribute(v.ctx(), v.caller, a.Name, f.version(), func(a *domain.Attribute) error {
		a.Description = f.get("description")
		return nil
	})
	switch {
	case errors.Is(err, domain.ErrConflict):
		return v.moved(f, v.attributeForm(a), title)
	case err != nil:
		return v.refused(f, title, err)
	}
	return v.done("attribute.updated", "attributes", a.Name)
}

func deleteAttribute(v *visit) error {
	a, err := v.Admin.FindAttribute(v.ctx(), v.caller, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	ok := v.confirmed(v.text("attribute.delete", a.Name), confirmation{
		Lead: v.text("attribute.delete.lead"), Undone: v.undone(a.ManagedBy), Name: a.Name, Submit: v.text("attribute.delete.submit"), Cancel: address("attributes", a.Name),
	})
	if !ok {
		return nil
	}
	if err := v.Admin.DeleteAttribute(v.ctx(), v.caller, a.Name); err != nil {
		return v.explained(err, address("attributes", a.Name))
	}
	return v.done("attribute.deleted", "attributes")
}
