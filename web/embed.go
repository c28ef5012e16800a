// Package web embeds the pages: templates/*.html, static/* (style, script, marks), texts/*.json (what the administration says, by
// language) and snippets/* (code that sets a client up, in which its settings are filled in). There is no build step.
package web

import "embed"

// FS holds templates/, static/, texts/ and snippets/.
//
//go:embed templates static texts snippets
var FS embed.FS
