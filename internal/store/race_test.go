//go:build race

package store_test

// raced says that the race detector is watching, which allocates itself.
const raced = true
