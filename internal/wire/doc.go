// Package wire is the protocol between a relay and its tunnel clients: the
// codec of its frames, and the Link that carries many streams over one
// websocket.
//
// # Version 1, "hooks.tunnel.v1"
//
// A link carries binary messages. A message is one or more whole frames, at
// most MaxMessage bytes in all, so that a reader never has to put a frame
// together from two messages. A frame:
//
//	0       1       2               6               10
//	| type  | flags | stream u32 BE | length u32 BE | payload … |
//
// Stream 0 is the link itself. The relay opens odd streams from 1, rising;
// even ones are kept for streams that a client opens. A frame of an unknown
// type is skipped if its flag OPTIONAL is set and ends the link if not: that
// is how a later version adds frames. Flags that a type does not use are 0.
//
//	type          dir   stream  payload
//	0x01 HELLO    c→r   0       JSON ≤ 4 KiB
//	0x02 WELCOME  r→c   0       JSON ≤ 4 KiB
//	0x10 OPEN     r→c   n       request head; FIN: no body; EXPECT: 100 awaited
//	0x11 HEAD     c→r   n       response head; FIN: no body; INFO: 1xx, more follow
//	0x12 DATA     both  n       body bytes ≤ 16 KiB; FIN: the last
//	0x13 END      both  n       u64 length, 32 B SHA-256 (zeros with NODIGEST), trailers
//	0x14 CREDIT   both  n or 0  u32 bytes granted in addition, never 0
//	0x15 RESET    both  n       u16 code, UTF-8 reason ≤ 256 B; ends both directions
//	0x20 EVENT    r→c   n       event head and request head; the body follows in DATA … FIN
//	0x21 ACK      c→r   0       u64 cumulative offset, 0–63 u64 single offsets above it
//	0x22 NACK     c→r   0       u64 offset, u32 delay ms, u8 why
//	0x23 SEEK     c→r   0       u8 kind, u64 value
//	0x24 STATE    r→c   0       backlog and durability
//	0x30 GOAWAY   r→c   0       u32 min ms, u32 max ms before reconnecting, u8 why
//
// Heads are binary and never JSON: no name that a sender chose ever meets a
// decoder's field name. Every encoding has exactly one form, so what decodes
// encodes back to the same bytes; HELLO and WELCOME are the exception, where
// unknown members are ignored so that they can grow.
//
// A live body of up to 256 KiB ends with END, whose length and SHA-256 the
// other end checks before it lets the body look whole; a longer one may end
// with DATA FIN. A stored request has both in its head.
//
// # Flow control
//
// Only DATA counts. Each direction of a stream starts with a window of
// 256 KiB, the link with 4 MiB, and DATA spends both. A receiver grants more
// with CREDIT when half of a window has been consumed by the reader beyond
// (the app or the sender), not when the bytes arrive. So a slow app slows its
// own sender, and what one stream holds in memory is bounded by its window. A
// receiver doubles the window of a stream that used up half of it within a
// round trip, to at most 2 MiB and as long as all fit into the link's.
package wire
