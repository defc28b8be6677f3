// Package spool keeps the requests that a relay accepted and has not delivered
// yet: one SQLite file, one process, every accepted request on the disk before
// Append returns.
//
// Events are numbered without gaps within a name, so that a client can prove
// by counting that it misses nothing. What happened to them is counted in the
// transaction in which it happens; after any crash
//
//	stored = acked + expired + waiting
//
// holds for each name. Acknowledgements are written a moment later and in
// groups: losing one makes a duplicate, which clients know by the event's id,
// and never a loss.
package spool
