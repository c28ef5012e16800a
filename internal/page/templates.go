package page

import (
	"fmt"
	"html/template"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/signet-auth/signet/web"
)

// shared are the templates of a folder that all its pages are made with.
var shared = []string{layout, "parts.html"}

const layout = "layout.html"

// parseTemplates reads every page, each with what its folder shares around it, by its path without ".html".
func (p *Pages) parseTemplates() (map[string]*template.Template, error) {
	functions := template.FuncMap{
		"asset": p.assetURL,
		"path":  p.path,
		"date":  func(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") },
		"stamp": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"ago":   func(t time.Time) string { return distance(p.now(), t) },
		"text":  p.texts.text,
	}
	pages := map[string]*template.Template{}
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
			t, err := base.Clone()
			if err != nil {
				return nil, fmt.Errorf("copy the layout: %w", err)
			}
			if _, err := t.ParseFS(web.FS, file); err != nil {
				return nil, fmt.Errorf("parse %s: %w", file, err)
			}
			pages[strings.TrimSuffix(strings.TrimPrefix(file, "templates/"), ".html")] = t
		}
	}
	return pages, nil
}

// path puts a path of Signet's own under that of the issuer.
func (p *Pages) path(own string) string { return p.base + own }
