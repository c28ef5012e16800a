package page

import (
	"html/template"
	"net/http"
)

// formPost is the data of the page that posts an answer to an application.
type formPost struct {
	Client string
	Action template.HTMLAttr
	Fields []field
}

type field struct{ Name, Value string }

// PostTo answers with a page whose form sends names and values in turn to a client's registered https or http URI (OAuth 2.0 Form Post
// Response Mode §2): by itself, or where there are no scripts by a button.
func (p *Pages) PostTo(w http.ResponseWriter, r *http.Request, client, uri string, pairs []string) {
	// Not as a URL, of which the template would escape some characters anew.
	data := formPost{Client: client, Action: template.HTMLAttr(`action="` + template.HTMLEscapeString(uri) + `"`)} //nolint:gosec // escaped
	for i := 0; i+1 < len(pairs); i += 2 {
		data.Fields = append(data.Fields, field{pairs[i], pairs[i+1]})
	}
	p.AllowRedirect(w)
	p.secure(w)
	w.Header().Set("Referrer-Policy", "origin") // or the application would see "Origin: null", and many refuse that
	p.Render(w, r, http.StatusOK, "form_post", data)
}
