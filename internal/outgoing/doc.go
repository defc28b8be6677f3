// Package outgoing composes the requests that hooks sends: a sample event or
// given bytes, the edits to them, the provider's headers and signature, and
// faults that are made on purpose.
//
// It is pure: secret, time and chance are arguments, and nothing is sent or
// stored. It passes deliveries along and never changes one that it was given.
package outgoing
