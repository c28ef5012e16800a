//go:build !linux

package server

import "runtime/debug"

// releaseMemory gives back to the system what only starting needed.
func releaseMemory() { debug.FreeOSMemory() }
