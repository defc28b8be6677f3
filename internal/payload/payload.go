// Package payload finds out what is in a body: values by path, the event's id,
// type and time, and whether another parser could read it differently. It also
// changes single fields and keeps every other byte.
//
// It works on the bytes that were signed and never decodes a document as a
// whole. There is one parser, it accepts exactly what RFC 8259 calls JSON (and
// a byte order mark in front), compares names exactly, and its stack does not
// grow with the depth of the input. A body that is not JSON simply holds no
// value. It knows no provider.
package payload

import "time"

// An Info is what can be said about an event from the request that carried it.
// Fields that the request does not show are zero.
type Info struct {
	EventID   string
	EventType string
	CreatedAt time.Time

	// Ambiguous lists the facts above that another parser could read otherwise,
	// because a name occurs twice in one object.
	Ambiguous []Ambiguity
}

// An Ambiguity is a path at which a body holds more than one value. Most
// parsers take the last one, and so does everything here.
type Ambiguity struct {
	Path        string
	First, Last string
}
