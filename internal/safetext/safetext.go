// Package safetext makes text from the network fit for a terminal, and keeps
// secrets out of every output.
//
// Whatever came from outside passes through Line, Block or one of their
// relatives before it is printed, whether or not a terminal reads it, and
// through EscapeJSON where JSON is printed. The package writes nothing itself.
package safetext
