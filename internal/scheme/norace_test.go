//go:build !race

package scheme_test

// raceDetector is off.
const raceDetector = false
