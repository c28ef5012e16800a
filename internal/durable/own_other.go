//go:build !unix

package durable

import "os"

// Own does nothing where a file has no owner of this kind.
func Own(*os.File) error { return nil }
