//go:build !race

package signin

const raceDetector = false
