// Package cluster is what several relays share: the events that wait, who owns
// which name, and who is alive. It rests on a NATS cluster with JetStream and
// keeps nothing on a disk of its own.
//
// # What is kept where
//
//	stream HK_EV_SS      events: the subject hk.ev.SS.NAME holds one message an
//	                     event, hk.ec.SS.NAME the pieces of larger bodies
//	bucket hk_meta       id of the store, how many streams, the nodes' key
//	bucket hk_own        NAME → owner, mode and sharing; its revision is the
//	                     generation of the ownership
//	bucket hk_node       node → address; a node that is silent for 10 s is gone
//	bucket hk_cur        NAME or NAME.INSTANCE → how far it was acknowledged
//	bucket hk_tok        id of a token → its record
//	bucket hk_cert       certificates, sealed with the nodes' key
//	subject hk.note.NODE what that node should know: an event was stored for a
//	                     name of its own
//	subject hk.moved     a name has another owner
//	subject hk.left.NODE the same to who owned it, who answers when it is given up
//
// SS is FNV-1a of NAME modulo the number of streams. An event's offset is its
// sequence in the stream: rising within a name, with gaps. The store's epoch is
// the id in hk_meta.
//
// # What is promised
//
// Append returns when JetStream has acknowledged the event: a majority of the
// replicas has it, on their disks if the servers sync always. The id of an
// event is its Nats-Msg-Id, so that storing it again after an answer was lost
// makes no second one for two minutes.
//
// The entries of a name go when it is released. Its owner does that after a time
// without use; for owners that are gone any node does, once a day.
//
// A name has one owner a generation. Only who holds the newest generation
// delivers, and its cursor is refused once another has claimed the name. Notes
// may be lost, so each node also follows what is stored, without the bodies.
//
// Stored events are delivered in the order of their offsets. A live request
// waits behind them where the owner knows of them: for an event that was stored
// while nobody could reach the owner, that is a moment after it is back.
package cluster
