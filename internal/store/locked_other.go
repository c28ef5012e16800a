//go:build !unix

package store

// isLocked is answered by SQLite itself, see fold.
func isLocked(string) (bool, error) { return false, nil }
