// Package safetext makes text from the network fit for a terminal, and keeps
// secrets out of every output.
package safetext
