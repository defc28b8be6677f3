package webhook

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"
	"unicode/utf8"
)

// FormatTime writes t as every JSON document of hooks has it: RFC 3339 in UTC
// with six digits of a second.
func FormatTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// Milliseconds returns d as every JSON document of hooks has it: in
// milliseconds, to the microsecond.
func Milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// ErrNotDelivery is returned by UnmarshalJSON for JSON that is not a delivery.
var ErrNotDelivery = errors.New("not a delivery")

// The JSON forms below are the contract with scripts: field names and their
// order are fixed.

type deliveryJSON struct {
	ID         *string      `json:"id"`
	Direction  Direction    `json:"direction"`
	EventID    *string      `json:"event_id"`
	EventType  *string      `json:"event_type"`
	Provider   *string      `json:"provider"`
	ReceivedAt string       `json:"received_at"`
	Method     string       `json:"method"`
	URL        string       `json:"url"`
	Path       string       `json:"path"`
	Query      string       `json:"query"`
	Proto      string       `json:"proto"`
	RemoteAddr string       `json:"remote_addr"`
	Headers    []headerPair `json:"headers"`
	bodyJSON
	Size         int              `json:"size"`
	Verification verificationJSON `json:"verification"`
	DuplicateOf  *string          `json:"duplicate_of"`
	Attempts     []Attempt        `json:"attempts"`
	Response     *statusJSON      `json:"response"`
	Redacted     []string         `json:"redacted,omitempty"`
}

type bodyJSON struct {
	Body       *string `json:"body,omitempty"`
	BodyBase64 *string `json:"body_base64,omitempty"`
}

type verificationJSON struct {
	Status     Status  `json:"status"`
	Reason     *Reason `json:"reason"`
	Scheme     string  `json:"scheme"`
	SecretName string  `json:"secret_name"`
}

type statusJSON struct {
	Status int `json:"status"`
}

type attemptJSON struct {
	Number     int           `json:"number"`
	URL        string        `json:"url"`
	At         string        `json:"at"`
	Status     *int          `json:"status"`
	DurationMS float64       `json:"duration_ms"`
	Error      *string       `json:"error"`
	Response   *responseJSON `json:"response"`
}

type responseJSON struct {
	Status  int          `json:"status"`
	Headers []headerPair `json:"headers"`
	bodyJSON
}

type headerPair [2]string

// MarshalJSON writes the delivery in the one form that every command prints.
// A body that is not UTF-8 becomes body_base64.
func (d *Delivery) MarshalJSON() ([]byte, error) {
	out := deliveryJSON{
		ID: &d.ID, Direction: d.Direction,
		EventID: optional(d.EventID), EventType: optional(d.EventType), Provider: optional(d.Provider),
		ReceivedAt: FormatTime(d.ReceivedAt),
		Method:     d.Method, URL: d.URL, Path: d.Path, Query: d.Query, Proto: d.Proto, RemoteAddr: d.RemoteAddr,
		Headers: pairs(d.Header), bodyJSON: bodyOf(d.Body), Size: len(d.Body),
		Verification: verificationJSON{
			Status: d.Verification.Status, Scheme: d.Verification.Scheme, SecretName: d.Verification.SecretName,
		},
		DuplicateOf: optional(d.DuplicateOf), Attempts: d.Attempts, Redacted: d.Redacted,
	}
	if d.Verification.Reason != "" {
		out.Verification.Reason = &d.Verification.Reason
	}
	if out.Attempts == nil {
		out.Attempts = []Attempt{}
	}
	if d.Response != nil {
		out.Response = &statusJSON{d.Response.Status}
	}
	return encode(out)
}

// UnmarshalJSON reads what MarshalJSON writes. Fields that it does not know
// are ignored; JSON without a method or headers is ErrNotDelivery. On error d
// is unchanged.
func (d *Delivery) UnmarshalJSON(data []byte) error {
	var in deliveryJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	if in.Method == "" || in.Headers == nil {
		return fmt.Errorf("%w: a delivery has method and headers", ErrNotDelivery)
	}
	out := Delivery{
		ID: value(in.ID), Direction: in.Direction,
		EventID: value(in.EventID), EventType: value(in.EventType), Provider: value(in.Provider),
		Method: in.Method, URL: in.URL, Path: in.Path, Query: in.Query, Proto: in.Proto, RemoteAddr: in.RemoteAddr,
		Header: header(in.Headers),
		Verification: Verification{
			Status: in.Verification.Status, Scheme: in.Verification.Scheme, SecretName: in.Verification.SecretName,
		},
		DuplicateOf: value(in.DuplicateOf), Attempts: in.Attempts, Redacted: in.Redacted,
	}
	if in.Verification.Reason != nil {
		out.Verification.Reason = *in.Verification.Reason
	}
	if in.Response != nil {
		out.Response = &Response{Status: in.Response.Status}
	}
	var err error
	if out.Body, err = in.bytes(); err != nil {
		return err
	}
	if in.ReceivedAt != "" {
		if out.ReceivedAt, err = time.Parse(time.RFC3339Nano, in.ReceivedAt); err != nil {
			return fmt.Errorf("received_at: %w", err)
		}
	}
	*d = out
	return nil
}

// MarshalJSON writes the attempt as part of a delivery or as a line of its own.
func (a Attempt) MarshalJSON() ([]byte, error) {
	out := attemptJSON{
		Number: a.Number, URL: a.URL, At: FormatTime(a.At),
		DurationMS: Milliseconds(a.Duration), Error: optional(a.Err),
	}
	if a.Response != nil {
		out.Status = &a.Response.Status
		out.Response = &responseJSON{a.Response.Status, pairs(a.Response.Header), bodyOf(a.Response.Body)}
	}
	return encode(out)
}

// UnmarshalJSON reads what MarshalJSON writes. On error a is unchanged.
func (a *Attempt) UnmarshalJSON(data []byte) error {
	var in attemptJSON
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	out := Attempt{
		Number: in.Number, URL: in.URL, Err: value(in.Error),
		Duration: time.Duration(in.DurationMS * float64(time.Millisecond)),
	}
	var err error
	if out.At, err = time.Parse(time.RFC3339Nano, in.At); err != nil {
		return fmt.Errorf("attempt at: %w", err)
	}
	if in.Response != nil {
		out.Response = &Response{Status: in.Response.Status, Header: header(in.Response.Headers)}
		if out.Response.Body, err = in.Response.bytes(); err != nil {
			return err
		}
	}
	*a = out
	return nil
}

// encode is json.Marshal without the escapes that only HTML needs: a body is
// shown as it came.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(b.Bytes(), "\n"), nil
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func bodyOf(b []byte) bodyJSON {
	if utf8.Valid(b) {
		s := string(b)
		return bodyJSON{Body: &s}
	}
	s := base64.StdEncoding.EncodeToString(b)
	return bodyJSON{BodyBase64: &s}
}

func (b bodyJSON) bytes() ([]byte, error) {
	switch {
	case b.BodyBase64 != nil:
		raw, err := base64.StdEncoding.DecodeString(*b.BodyBase64)
		if err != nil {
			return nil, fmt.Errorf("body_base64: %w", err)
		}
		return raw, nil
	case b.Body != nil:
		return []byte(*b.Body), nil
	}
	return nil, nil
}

// pairs lists a header sorted by name, the values of a name in their order.
func pairs(h http.Header) []headerPair {
	out := make([]headerPair, 0, len(h))
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, v := range h[name] {
			out = append(out, headerPair{name, v})
		}
	}
	return out
}

func header(in []headerPair) http.Header {
	h := make(http.Header, len(in))
	for _, p := range in {
		h.Add(p[0], p[1])
	}
	return h
}
