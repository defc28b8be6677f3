// Package intake takes HTTP/1.1 from anyone: from a careful sender, from a
// broken one, and from one that means harm. It is net/http with what net/http
// leaves open closed: one framing for every message, limits on time, size,
// memory and connections, refusals that say why and are counted.
//
// # What a connection goes through
//
//	accept    caps by peer and in all; the oldest idle connection makes room
//	head      read whole and judged here before net/http sees its end: strict
//	          lines (CRLF only), one Host, one length, one coding
//	body      limit by Content-Length before reading, by count while reading;
//	          a time-out and, for peers elsewhere, a least rate
//	answer    10 s without progress end it, however long the app took before
//	close     after a refusal the rest is drained for a moment, so that the
//	          answer is not lost to a reset
//
// Bodies are held in memory only under a budget that all requests share; see
// Server.ReadBody.
//
// The package knows nothing of webhooks. What a handler gets is an ordinary
// http.Request; Target gives the request target as the bytes that came.
package intake
