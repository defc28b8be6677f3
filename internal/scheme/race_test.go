//go:build race

package scheme_test

// raceDetector is on: sync.Pool then drops things at random, so allocations
// cannot be counted.
const raceDetector = true
