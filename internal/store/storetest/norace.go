//go:build !race

package storetest

// slowdown is how many times longer SQLite may take.
const slowdown = 1
