package page

import (
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/signet-auth/signet/web"
)

const layout = "layout.html"

// parseTemplates reads every page, each with the layout around it, by its name without ".html".
func (p *Pages) parseTemplates() (map[string]*template.Template, error) {
	base, err := template.New(layout).Funcs(template.FuncMap{
		"asset": p.assetURL,
		"path":  p.path,
		"date":  func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
	}).ParseFS(web.FS, "templates/"+layout)
	if err != nil {
		return nil, fmt.Errorf("parse the layout: %w", err)
	}
	files, err := fs.Glob(web.FS, "templates/*.html")
	if err != nil {
		return nil, fmt.Errorf("list templates: %w", err)
	}
	pages := map[string]*template.Template{}
	for _, file := range files {
		name := path.Base(file)
		if name == layout {
			continue
		}
		t, err := base.Clone()
		if err != nil {
			return nil, fmt.Errorf("copy the layout: %w", err)
		}
		if _, err := t.ParseFS(web.FS, file); err != nil {
			return nil, fmt.Errorf("parse %s: %w", file, err)
		}
		pages[strings.TrimSuffix(name, ".html")] = t
	}
	return pages, nil
}

// path puts a path of Signet's own under that of the issuer.
func (p *Pages) path(own string) string { return p.base + own }
