// Package webhook holds the nouns of hooks: a Delivery, its Attempts, its
// Verification. Everything else in the program passes these values along.
//
// It does no I/O, reads no clock and knows no provider.
package webhook

import (
	"bytes"
	"net/http"
	"slices"
	"time"
)

// Direction tells who made the request.
type Direction string

// The two directions.
const (
	Received Direction = "received" // it came to us
	Sent     Direction = "sent"     // we sent it
)

// Status is the verdict on a delivery's signature. The zero value is no
// verdict; it is never a good one.
type Status string

// The verdicts.
const (
	Verified   Status = "verified"   // a known secret made this signature, in time
	Invalid    Status = "invalid"    // it can be judged, and it is wrong
	Unsigned   Status = "unsigned"   // the provider is known and no signature came
	Unverified Status = "unverified" // it cannot be judged: no secret or no provider
)

// Reason is the one word that says why a delivery is not verified.
type Reason string

// The reasons. Scripts match on them: they never change.
const (
	SignatureMissing   Reason = "signature_missing"
	SignatureMismatch  Reason = "signature_mismatch"
	SignatureMalformed Reason = "signature_malformed"
	TimestampMissing   Reason = "timestamp_missing"
	TimestampMalformed Reason = "timestamp_malformed"
	TimestampExpired   Reason = "timestamp_expired"
	TimestampFuture    Reason = "timestamp_future"
	SecretUnknown      Reason = "secret_unknown"
	ProviderUnknown    Reason = "provider_unknown"
)

// Verification is the outcome of checking a signature.
type Verification struct {
	Status     Status
	Reason     Reason // "" when verified
	Scheme     string // name of the scheme that was applied, "" if none was
	SecretName string // where the secret came from, never the secret
}

// A Delivery is one HTTP request that carried an event.
//
// Body is the bytes of the wire and is never decoded and encoded again:
// signatures cover bytes, not values. What a person is shown (event type,
// pretty JSON) is derived from it and can be thrown away.
//
// A Delivery is passed by pointer and treated as read-only once it has been
// stored; whoever wants another one works on a Clone.
type Delivery struct {
	ID         string // "dlv_…", sorts by time
	Direction  Direction
	EventID    string // "" if the provider gives none
	EventType  string // "" if unknown
	Provider   string // "" if unknown
	ReceivedAt time.Time
	Method     string
	URL        string // the address that was called, as far as it is known
	Path       string // the raw path of the request target, as it came
	Query      string // the raw query, without "?"
	Proto      string
	RemoteAddr string
	Header     http.Header // canonical names; Host and Content-Length are kept as values
	Body       []byte

	Verification Verification
	DuplicateOf  string // id of the first delivery with the same event, or ""
	Attempts     []Attempt
	Response     *Response // what answered this delivery; nil if nothing has yet
	Redacted     []string  // header names and paths that were masked for sharing
}

// An Attempt is one try to hand a delivery to an endpoint.
type Attempt struct {
	Number   int // from 1
	URL      string
	At       time.Time
	Duration time.Duration
	Err      string    // "" if an answer came
	Response *Response // nil if none came
}

// A Response is an HTTP answer. For a delivery's own Response only the status
// is part of its JSON form.
type Response struct {
	Status int
	Header http.Header
	Body   []byte // at most 10 MiB are kept
}

// Delivered says whether the endpoint took the delivery: the newest attempt
// was answered with a 2xx status.
func (d *Delivery) Delivered() bool {
	if len(d.Attempts) == 0 {
		return false
	}
	return d.Attempts[len(d.Attempts)-1].Delivered()
}

// Delivered says whether the attempt was answered with a 2xx status.
func (a *Attempt) Delivered() bool {
	return a.Response != nil && a.Response.Status >= 200 && a.Response.Status <= 299
}

// Clone returns a deep copy that shares nothing with d.
func (d *Delivery) Clone() *Delivery {
	c := *d
	c.Header = d.Header.Clone()
	c.Body = bytes.Clone(d.Body)
	c.Redacted = slices.Clone(d.Redacted)
	c.Response = d.Response.clone()
	c.Attempts = slices.Clone(d.Attempts)
	for i := range c.Attempts {
		c.Attempts[i].Response = c.Attempts[i].Response.clone()
	}
	return &c
}

func (r *Response) clone() *Response {
	if r == nil {
		return nil
	}
	c := *r
	c.Header = r.Header.Clone()
	c.Body = bytes.Clone(r.Body)
	return &c
}
