// Package capture is the receiving pipeline, the same wherever deliveries come
// from:
//
//	receive → judge → store → forward where asked → answer → observe
//
// A delivery is in the store, synced, before anything is answered or forwarded:
// what the sender was promised survives a crash. What cannot be stored is
// refused aloud. The sender's bytes are never changed; whoever wants to show
// them decodes a copy.
//
// The package prints nothing. What happened is told to an observer as data.
package capture
