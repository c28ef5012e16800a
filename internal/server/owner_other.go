//go:build !unix

package server

import "io/fs"

// ownerOf is not known where a file's mode says nothing about who may read it.
func ownerOf(fs.FileInfo) (id int, known bool) { return 0, false }
