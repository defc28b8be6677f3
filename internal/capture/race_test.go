//go:build race

package capture

// underRace says that the race detector is on: it takes memory of its own.
const underRace = true
