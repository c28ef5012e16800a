package page

import (
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/web"
)

// shared are the templates of a folder that all its pages are made with.
var shared = []string{layout, "parts.html"}

const layout = "layout.html"

// findTemplates lists every page, by its path without ".html". Each is parsed when it is first shown, with what its folder shares around
// it: a replica that shows no pages needs no memory for them.
func (p *Pages) findTemplates() (map[string]func() (*template.Template, error), error) {
	functions := template.FuncMap{
		"asset": p.assetURL,
		"path":  p.path,
		"date":  func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
		"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"ago":   func(t time.Time) string { return distance(p.now(), t) },
		"text":  p.texts.text,
	}
	pages := map[string]func() (*template.Template, error){}
	for _, folder := range []string{"templates", "templates/admin"} {
		files, err := fs.Glob(web.FS, folder+"/*.html")
		if err != nil {
			return nil, fmt.Errorf("list templates: %w", err)
		}
		around := slices.DeleteFunc(slices.Clone(files), func(file string) bool { return !slices.Contains(shared, path.Base(file)) })
		base, err := template.New(layout).Funcs(functions).ParseFS(web.FS, around...)
		if err != nil {
			return nil, fmt.Errorf("parse the layout: %w", err)
		}
		for _, file := range files {
			if slices.Contains(around, file) {
				continue
			}
			pages[strings.TrimSuffix(strings.TrimPrefix(file, "templates/"), ".html")] = sync.OnceValues(func() (*template.Template, error) {
				t, err := base.Clone()
				if err != nil {
					return nil, fmt.Errorf("copy the layout: %w", err)
				}
				return t.ParseFS(web.FS, file)
			})
		}
	}
	return pages, nil
}

// template is that of a page.
func (p *Pages) template(page string) (*template.Template, error) {
	parsed, ok := p.templates[page]
	if !ok {
		return nil, fmt.Errorf("template %q: %w", page, domain.ErrNotFound)
	}
	return parsed()
}

// path puts a path of Signet's own under that of the issuer.
func (p *Pages) path(own string) string { return p.base + own }
