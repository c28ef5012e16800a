// Package web embeds the pages: templates/*.html and static/* (style, script, marks). There is no build step.
package web

import "embed"

// FS holds templates/ and static/.
//
//go:embed templates static
var FS embed.FS
