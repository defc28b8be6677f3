// Package replay sends stored deliveries again: it says where each goes, what
// of it is left out on the way, whether it can still be accepted, and how the
// new answer compares with the recorded one.
//
// It reads nothing from a store and writes nothing to one; whoever calls it
// gives the deliveries and records the attempts.
package replay
