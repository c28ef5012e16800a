//go:build race

package storetest

// slowdown is how many times longer SQLite may take, which is Go too, where the race detector watches.
const slowdown = 20
