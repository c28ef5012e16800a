// Package migrations embeds the database schema, one folder a dialect, the same file names in both.
package migrations

import "embed"

// FS holds postgres/*.sql and sqlite/*.sql in golang-migrate's naming.
//
//go:embed postgres/*.sql sqlite/*.sql
var FS embed.FS
