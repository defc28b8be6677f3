//go:build !linux

package crosscheck

import "testing"

// ranApart would run the test in a network of its own; see the one for Linux.
func ranApart(*testing.T) bool { return false }
