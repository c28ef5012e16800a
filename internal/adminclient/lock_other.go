//go:build !unix

package adminclient

import "os"

// lockFile does nothing here: of two commands that refresh at once, one may have to sign in again.
func lockFile(*os.File) error { return nil }
