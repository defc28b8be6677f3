package httptext

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/webhook"
)

// The parts of HAR 1.2 that are read and written. Fields of others, among them
// all that begin with "_" or "x-", are ignored when reading.
// See http://www.softwareishard.com/blog/har-12-spec/.

type harLog struct {
	Version string     `json:"version"`
	Creator harCreator `json:"creator"`
	Entries []harEntry `json:"entries"`
}

type harCreator struct {
	Name    string `json:"name"`
	Version string `json:"version"`
}

type harEntry struct {
	StartedDateTime string      `json:"startedDateTime"`
	Time            float64     `json:"time"`
	Request         harRequest  `json:"request"`
	Response        harResponse `json:"response"`
	Cache           struct{}    `json:"cache"`
	Timings         harTimings  `json:"timings"`
	ServerIPAddress string      `json:"serverIPAddress,omitempty"`
	Comment         string      `json:"comment,omitempty"`

	// Direction is a field of our own: a delivery that was received stays one.
	Direction webhook.Direction `json:"_direction,omitempty"`
}

type harRequest struct {
	Method      string     `json:"method"`
	URL         string     `json:"url"`
	HTTPVersion string     `json:"httpVersion"`
	Cookies     []harField `json:"cookies"`
	Headers     []harField `json:"headers"`
	QueryString []harField `json:"queryString"`
	PostData    *harBody   `json:"postData,omitempty"`
	HeadersSize int        `json:"headersSize"`
	BodySize    int        `json:"bodySize"`
}

type harResponse struct {
	Status      int        `json:"status"`
	StatusText  string     `json:"statusText"`
	HTTPVersion string     `json:"httpVersion"`
	Cookies     []harField `json:"cookies"`
	Headers     []harField `json:"headers"`
	Content     harContent `json:"content"`
	RedirectURL string     `json:"redirectURL"`
	HeadersSize int        `json:"headersSize"`
	BodySize    int        `json:"bodySize"`
}

type harField struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// A harBody is the body of a request. HAR 1.2 has only text there; that it is
// base64 is said as in the content of responses, in a field of our own.
type harBody struct {
	MimeType string     `json:"mimeType"`
	Text     string     `json:"text"`
	Params   []harField `json:"params"`
	Encoding string     `json:"_encoding,omitempty"`

	OtherEncoding string `json:"encoding,omitempty"` // as other tools write it
}

type harContent struct {
	Size     int    `json:"size"`
	MimeType string `json:"mimeType"`
	Text     string `json:"text,omitempty"`
	Encoding string `json:"encoding,omitempty"`
}

type harTimings struct {
	Send    float64 `json:"send"`
	Wait    float64 `json:"wait"`
	Receive float64 `json:"receive"`
}

func parseLog(raw json.RawMessage, each func(Item) error) error {
	var log struct {
		Entries json.RawMessage `json:"entries"`
	}
	if err := json.Unmarshal(raw, &log); err != nil {
		return fmt.Errorf("read as a HAR log: %w", plainJSON(err))
	}
	n := 0
	err := elements(log.Entries, "entry", func(i Item) error { n++; return each(i) }, parseEntry)
	switch {
	case err != nil:
		return fmt.Errorf("read as a HAR log: %w", err)
	case n == 0:
		return errors.New("read as a HAR log: it has no entries")
	}
	return nil
}

func parseEntry(raw json.RawMessage, each func(Item) error) error {
	var e harEntry
	if err := json.Unmarshal(raw, &e); err != nil {
		return plainJSON(err)
	}
	d, err := e.delivery()
	if err != nil {
		return err
	}
	return each(Item{Delivery: d})
}

func (e *harEntry) delivery() (*webhook.Delivery, error) {
	r := request{method: e.Request.Method, target: e.Request.URL, proto: e.Request.HTTPVersion, fields: harFields(e.Request.Headers)}
	if !strings.HasPrefix(r.proto, "HTTP/") {
		r.proto = "" // "h2", "unknown"
	}
	if p := e.Request.PostData; p != nil {
		if p.Text == "" && len(p.Params) > 0 {
			return nil, errors.New("postData has params and no text: the bytes of the body are lost")
		}
		body, err := decodeText(p.Text, p.Encoding+p.OtherEncoding)
		if err != nil {
			return nil, fmt.Errorf("postData: %w", err)
		}
		r.body = body
	}
	d, err := r.delivery()
	if err != nil {
		return nil, err
	}
	if e.StartedDateTime != "" {
		if d.ReceivedAt, err = time.Parse(time.RFC3339Nano, e.StartedDateTime); err != nil {
			return nil, fmt.Errorf("startedDateTime %.40q is not a time", e.StartedDateTime)
		}
	}
	return d, addResponse(d, e)
}

// addResponse keeps the answer of an entry: of what was sent, as an attempt.
func addResponse(d *webhook.Delivery, e *harEntry) error {
	in := &e.Response
	if in.Status < 100 || in.Status > 599 {
		return nil // there was none
	}
	body, err := decodeText(in.Content.Text, in.Content.Encoding)
	if err != nil {
		return fmt.Errorf("content: %w", err)
	}
	h := http.Header{}
	for _, f := range harFields(in.Headers) {
		if checkField(f) == nil {
			h.Add(f.name, f.value)
		}
	}
	if e.Direction != webhook.Sent {
		d.Response = &webhook.Response{Status: in.Status}
		return nil
	}
	d.Direction = webhook.Sent
	d.Attempts = []webhook.Attempt{{
		Number: 1, URL: d.URL, At: d.ReceivedAt, Duration: time.Duration(max(e.Time, 0) * float64(time.Millisecond)),
		Response: &webhook.Response{Status: in.Status, Header: h, Body: body},
	}}
	return nil
}

func decodeText(text, encoding string) ([]byte, error) {
	if encoding != "base64" {
		if text == "" {
			return nil, nil
		}
		return []byte(text), nil
	}
	return base64.StdEncoding.DecodeString(text)
}

// harFields leaves out the names that HTTP/2 begins with a colon.
func harFields(in []harField) []field {
	fields := make([]field, 0, len(in))
	for _, f := range in {
		if f.Name != "" && f.Name[0] != ':' {
			fields = append(fields, field{f.Name, f.Value})
		}
	}
	return fields
}
