package adminui

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountResources() {
	s.handle("GET /apis/{audience}/resources", "resource.list", showResources)
	s.handle("GET /apis/{audience}/new/resource", "resource.set", newResource)
	s.handle("POST /apis/{audience}/new/resource", "resource.set", newResource)
	s.handle("GET /apis/{audience}/resource", "resource.set", editResource)
	s.handle("POST /apis/{audience}/resource", "resource.set", editResource)
	s.handle("GET /apis/{audience}/resource/delete", "resource.delete", deleteResource)
	s.handle("POST /apis/{audience}/resource/delete", "resource.delete", deleteResource)
}

// resourceAddress names a resource in the query: in a path, a browser takes the names "." and ".." for places.
func resourceAddress(audience string, r admin.Resource, more ...string) string {
	return query(address(append([]string{"apis", audience, "resource"}, more...)...), url.Values{"type": {r.Type}, "id": {r.ID}})
}

// resourceTable is an empty table of registered resources.
func (v *visit) resourceTable() table {
	return table{Columns: []string{v.text("resource.id"), v.text("resource.type"), v.text("resource.properties"), v.text("resource.updated")}}
}

// resourceRow shows a resource of an API, which leads to its form.
func (v *visit) resourceRow(audience string) func(r admin.Resource) row {
	return func(r admin.Resource) row {
		shown := row{Cells: []cell{{Text: r.ID}, {Text: r.Type}, {Code: domain.ClipText(propertiesText(r, ""), 200)}, {Time: r.UpdatedAt}}}
		if v.may("resource.set") {
			shown.Path = resourceAddress(audience, r)
		}
		if v.may("resource.delete") {
			shown.Actions = []action{{Text: v.text("form.delete"), Path: resourceAddress(audience, r, "delete"), Bad: true}}
		}
		return shown
	}
}

func propertiesText(r admin.Resource, indent string) string {
	if len(r.Properties) == 0 {
		return "{}"
	}
	var text strings.Builder
	to := json.NewEncoder(&text)
	to.SetEscapeHTML(false) // pages show it as text
	to.SetIndent("", indent)
	_ = to.Encode(r.Properties) // it was JSON
	return strings.TrimSuffix(text.String(), "\n")
}

// showResources lists the registered resources of an API.
func showResources(v *visit) error {
	audience, kind := v.r.PathValue("audience"), v.asked("text", "resource", "type")
	l := listing{
		Lead: v.text("resources.lead", audience), Links: []link{{Text: v.text("policy.link"), Path: address("apis", audience, "policy")}},
		Trail: link{Text: audience, Path: address("apis", audience)}, Filters: []*field{kind}, Find: v.text("resources.begins"), Table: v.resourceTable(),
	}
	kind.Hint = ""
	if v.may("resource.set") {
		l.New = link{Text: v.text("resource.new"), Path: address("apis", audience, "new", "resource")}
	}
	err := list(v, &l, func(q admin.Query) (admin.Page[admin.Resource], error) {
		return v.Admin.ListResources(v.ctx(), v.caller, audience, kind.Value, q)
	}, v.resourceRow(audience))
	if err == nil {
		v.showList(v.text("resources.title"), l)
	}
	return err
}

// resourceForm is the form for a resource, which may be a new one.
func (v *visit) resourceForm(r admin.Resource) *form {
	audience := v.r.PathValue("audience")
	properties := v.field("lines", "resource", "properties", propertiesText(r, "  "))
	properties.Max, properties.Rows = 8<<10, 8
	f := &form{Fields: []*field{properties}, Version: strconv.FormatInt(r.Version, 10), Submit: v.text("form.save"), Cancel: address("apis", audience, "resources")}
	if r.Version == 0 {
		kind, id := v.field("text", "resource", "type", ""), v.field("text", "resource", "id", "")
		kind.Required, kind.Max, id.Required, id.Max = true, 200, true, 500
		f.Fields, f.Submit = []*field{kind, id, properties}, v.text("resource.new")
	}
	return f
}

// setResource registers what a form says.
func (v *visit) setResource(f *form, name domain.ResourceName) error {
	var properties admin.Properties
	if err := json.Unmarshal([]byte(f.get("properties")), &properties); err != nil || properties == nil {
		return domain.Invalid("properties", domain.RuleFormat, "properties: write a JSON object, as {\"owner\": \"usr_7f3a\"}")
	}
	_, err := v.Admin.SetResource(v.ctx(), v.caller, v.r.PathValue("audience"), f.version(), name, properties)
	return err
}

func newResource(v *visit) error {
	audience, title := v.r.PathValue("audience"), v.text("resource.new")
	if _, err := v.Admin.ListResources(v.ctx(), v.caller, audience, "", admin.Query{Limit: 1}); err != nil { // finds out whether there is such an API
		return err
	}
	f := v.resourceForm(admin.Resource{})
	if v.r.Method != http.MethodPost {
		v.render(http.StatusOK, "admin/form", title, f)
		return nil
	}
	f.read(v.r)
	name := domain.ResourceName{Type: f.get("type"), ID: f.get("id")}
	err := v.setResource(f, name)
	if errors.Is(err, domain.ErrConflict) {
		err = domain.Invalid("id", domain.RuleUnique, "resource %s:%s: it is registered already", name.Type, name.ID)
	}
	if err != nil {
		return v.refused(f, title, err)
	}
	return v.done("resource.saved", "apis", audience, "resources")
}

// resource finds the resource of the address.
func (v *visit) resource() (r admin.Resource, name domain.ResourceName, err error) {
	asked := v.r.URL.Query()
	name = domain.ResourceName{Type: asked.Get("type"), ID: asked.Get("id")}
	r, err = v.Admin.FindResource(v.ctx(), v.caller, v.r.PathValue("audience"), name)
	return r, name, err
}

func editResource(v *visit) error {
	r, name, err := v.resource()
	if err != nil {
		return err
	}
	title, f := v.text("resource.edit", r.Type, r.ID), v.resourceForm(r)
	if v.r.Method != http.MethodPost {
		v.render(http.StatusOK, "admin/form", title, f)
		return nil
	}
	f.read(v.r)
	switch err := v.setResource(f, name); {
	case errors.Is(err, domain.ErrConflict):
		return v.moved(f, v.resourceForm(r), title)
	case err != nil:
		return v.refused(f, title, err)
	}
	return v.done("resource.saved", "apis", v.r.PathValue("audience"), "resources")
}

func deleteResource(v *visit) error {
	r, name, err := v.resource()
	if err != nil {
		return err
	}
	back := address("apis", v.r.PathValue("audience"), "resources")
	ok := v.confirmed(v.text("resource.delete"), confirmation{
		Lead: v.text("resource.delete.lead"), Name: r.Type + ":" + r.ID, Version: strconv.FormatInt(r.Version, 10), Submit: v.text("resource.delete.submit"), Cancel: back,
	})
	if !ok {
		return nil
	}
	sent := form{Version: v.r.PostForm.Get("version")}
	if err := v.Admin.DeleteResource(v.ctx(), v.caller, v.r.PathValue("audience"), sent.version(), name); err != nil {
		return v.movedOr(err, back)
	}
	return v.done("resource.deleted", "apis", v.r.PathValue("audience"), "resources")
}
