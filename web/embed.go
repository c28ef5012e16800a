// Package web embeds the pages: templates/*.html, static/* (style, script, marks) and texts/*.json (what the administration says, by
// language). There is no build step.
package web

import "embed"

// FS holds templates/, static/ and texts/.
//
//go:embed templates static texts
var FS embed.FS
