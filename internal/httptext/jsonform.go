package httptext

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/hooks-cli/hooks/internal/webhook"
)

// parseJSON reads one JSON value or several, one behind the other: deliveries,
// lists of them, HAR entries and logs.
func parseJSON(text []byte, each func(Item) error) error {
	if err := checkDepth(text); err != nil {
		return err
	}
	if text[0] == '[' {
		return elements(text, "element", each, parseObject)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	for {
		var raw json.RawMessage
		switch err := dec.Decode(&raw); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return jsonError(text, dec.InputOffset(), err)
		}
		if err := parseObject(raw, each); err != nil {
			return err
		}
	}
}

// elements calls parse for each element of a JSON array, without holding them
// all. The errors of parse get the number of the element, called by its name.
func elements(text []byte, name string, each func(Item) error, parse func(json.RawMessage, func(Item) error) error) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('[') {
		return fmt.Errorf("read as JSON: it is no list: %.20q", text)
	}
	for n := 1; dec.More(); n++ {
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return jsonError(text, dec.InputOffset(), err)
		}
		if n > maxRequests {
			return fmt.Errorf("more than %d requests", maxRequests)
		}
		if err := parse(raw, each); err != nil {
			return fmt.Errorf("%s %d: %w", name, n, err)
		}
	}
	if _, err := dec.Token(); err != nil {
		return jsonError(text, dec.InputOffset(), err)
	}
	return nil
}

// jsonError says where JSON is broken, by line and column.
func jsonError(text []byte, offset int64, err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok && syntax.Offset > offset {
		offset = syntax.Offset
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		offset, err = int64(len(text)), errors.New("it ends too early")
	}
	before := text[:max(0, min(int(offset)-1, len(text)))]
	line := bytes.Count(before, []byte("\n")) + 1
	column := len(before) - bytes.LastIndexByte(before, '\n')
	return fmt.Errorf("read as JSON: line %d, column %d: %s", line, column, strings.TrimPrefix(err.Error(), "json: "))
}

// checkDepth refuses JSON that is nested too deep, before anything recursive
// looks at it.
func checkDepth(text []byte) error {
	depth := 0
	for at := 0; at < len(text); at++ {
		switch text[at] {
		case '{', '[':
			if depth++; depth > maxDepth {
				return fmt.Errorf("read as JSON: nested deeper than %d levels", maxDepth)
			}
		case '}', ']':
			depth--
		case '"':
			for at++; at < len(text) && text[at] != '"'; at++ {
				if text[at] == '\\' {
					at++
				}
			}
		}
	}
	return nil
}

// shape is what tells the forms of JSON apart.
type shape struct {
	Kind       string          `json:"kind"`
	DeliveryID string          `json:"delivery_id"`
	Log        json.RawMessage `json:"log"`
	Request    json.RawMessage `json:"request"`
	Method     *string         `json:"method"`
	HTTPMethod *string         `json:"httpMethod"`
	Headers    json.RawMessage `json:"headers"`
	ID         *string         `json:"id"`
	Direction  *string         `json:"direction"`
}

func parseObject(raw json.RawMessage, each func(Item) error) error {
	var s shape
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("read as JSON: %w", plainJSON(err))
	}
	switch {
	case s.Kind == "ready" || s.Kind == "summary":
		return nil
	case s.Kind == "attempt":
		var a webhook.Attempt
		if err := json.Unmarshal(raw, &a); err != nil {
			return fmt.Errorf("read as an attempt: %w", plainJSON(err))
		}
		return each(Item{Attempt: &a, DeliveryID: s.DeliveryID})
	case s.Log != nil:
		return parseLog(s.Log, each)
	case s.Request != nil:
		if err := parseEntry(raw, each); err != nil {
			return fmt.Errorf("read as a HAR entry: %w", err)
		}
		return nil
	case s.Method == nil && s.HTTPMethod == nil || s.Headers == nil:
		return errors.New("read as JSON: it is no delivery (method, headers, body), HAR entry (request) or HAR log (log)")
	}
	d, err := parseDelivery(raw, &s)
	if err != nil {
		return fmt.Errorf("read as a delivery: %w", err)
	}
	return each(Item{Delivery: d})
}

// plainJSON says an error of encoding/json without the names of our types.
func plainJSON(err error) error {
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if kind.Field == "" {
			return fmt.Errorf("%s where an object belongs", kind.Value)
		}
		return fmt.Errorf("%s cannot be a %s", kind.Field, kind.Value)
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

// parseDelivery reads our own form, and the form of others that have at least
// a method, headers and a body.
func parseDelivery(raw json.RawMessage, s *shape) (*webhook.Delivery, error) {
	if s.Method != nil && s.Direction != nil && s.ID != nil {
		d := new(webhook.Delivery)
		if err := json.Unmarshal(raw, d); err != nil {
			return nil, plainJSON(err)
		}
		return d, checkDelivery(d)
	}
	var in struct {
		Method       string          `json:"method"`
		HTTPMethod   string          `json:"httpMethod"`
		URL          string          `json:"url"`
		Path         string          `json:"path"`
		Query        json.RawMessage `json:"query"`
		Proto        string          `json:"proto"`
		Headers      json.RawMessage `json:"headers"`
		Body         json.RawMessage `json:"body"`
		BodyBase64   *string         `json:"body_base64"`
		IsBase64     bool            `json:"isBase64Encoded"`
		Redacted     []string        `json:"redacted"`
		Verification json.RawMessage `json:"verification"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, plainJSON(err)
	}
	r := request{method: in.Method + in.HTTPMethod, target: in.URL, proto: in.Proto}
	if in.Method != "" {
		r.method = in.Method
	}
	if r.target == "" {
		if r.target = in.Path; r.target == "" {
			r.target = "/"
		}
		var query string
		if json.Unmarshal(in.Query, &query) == nil && query != "" {
			r.target += "?" + query
		}
	}
	var err error
	if r.fields, err = headersOf(in.Headers); err != nil {
		return nil, err
	}
	if r.body, err = bodyOf(in.Body, in.BodyBase64, in.IsBase64); err != nil {
		return nil, err
	}
	d, err := r.delivery()
	if err != nil {
		return nil, err
	}
	d.Redacted = in.Redacted
	return d, nil
}

// checkDelivery refuses a delivery in our own form that was made by hand and
// cannot be sent as one request, or says what no delivery is.
func checkDelivery(d *webhook.Delivery) error {
	if !token(d.Method) {
		return fmt.Errorf("%.40q is not a method", d.Method)
	}
	switch d.Direction {
	case "", webhook.Received, webhook.Sent:
	default:
		return fmt.Errorf("direction %.40q is not received or sent", d.Direction)
	}
	switch d.Verification.Status {
	case "", webhook.Verified, webhook.Invalid, webhook.Unsigned, webhook.Unverified:
	default:
		return fmt.Errorf("%.40q is no status of a verification", d.Verification.Status)
	}
	for name, values := range d.Header {
		for _, v := range values {
			if err := checkField(field{name, v}); err != nil {
				return err
			}
		}
	}
	return nil
}

// headersOf reads headers as pairs, as objects with name and value, or as an
// object of texts and lists.
func headersOf(raw json.RawMessage) ([]field, error) {
	var pairs [][2]string
	if json.Unmarshal(raw, &pairs) == nil {
		fields := make([]field, 0, len(pairs))
		for _, p := range pairs {
			fields = append(fields, field{p[0], p[1]})
		}
		return fields, nil
	}
	var named []harField
	if json.Unmarshal(raw, &named) == nil {
		return harFields(named), nil
	}
	var object map[string]any
	if json.Unmarshal(raw, &object) != nil {
		return nil, errors.New("headers are neither pairs nor an object")
	}
	var fields []field
	for _, name := range slices.Sorted(maps.Keys(object)) {
		values, ok := object[name].([]any)
		if !ok {
			values = []any{object[name]}
		}
		for _, v := range values {
			text, ok := v.(string)
			if !ok {
				return nil, fmt.Errorf("header %.40q is not a text", name)
			}
			fields = append(fields, field{name, text})
		}
	}
	return fields, nil
}

var errNotBytes = errors.New("body is JSON, not a string: a signature covers bytes, and they are lost; give the body as a string, or as body_base64")

// bodyOf returns the bytes of a body that is given as text, or in base64.
func bodyOf(body json.RawMessage, inBase64 *string, isBase64 bool) ([]byte, error) {
	text := ""
	switch {
	case inBase64 != nil:
		text, isBase64 = *inBase64, true
	case len(body) == 0 || string(body) == "null":
		return nil, nil
	case json.Unmarshal(body, &text) != nil:
		return nil, errNotBytes
	}
	if !isBase64 {
		return []byte(text), nil
	}
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("body_base64: %w", err)
	}
	return b, nil
}

// looksLikeLines says whether a text begins with a whole JSON object on one
// line, with more to come.
func looksLikeLines(head []byte) bool {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	if len(head) == 0 || head[0] != '{' {
		return false
	}
	line, _, whole := bytes.Cut(head, []byte("\n"))
	var s shape
	if !whole { // one line, perhaps longer than what can be seen of it
		return bytes.HasPrefix(line, []byte(`{"id":"dlv_`)) || bytes.HasPrefix(line, []byte(`{"kind":"`))
	}
	return json.Unmarshal(line, &s) == nil && s.Log == nil
}

// readLines reads JSON of which every line is a whole value.
func readLines(in *bufio.Reader, each func(Item) error) error {
	for n := 1; ; n++ {
		line, err := readLine(in)
		if text := bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\ufeff"))); len(text) > 0 && err == nil || errors.Is(err, io.EOF) && len(text) > 0 {
			if perr := parseJSON(text, each); perr != nil {
				return fmt.Errorf("line %d: %w", n, perr)
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
}

func readLine(in *bufio.Reader) ([]byte, error) {
	var line []byte
	for {
		part, err := in.ReadSlice('\n')
		line = append(line, part...)
		switch {
		case len(line) > maxLine:
			return nil, fmt.Errorf("it is longer than %d MiB", maxLine>>20)
		case errors.Is(err, bufio.ErrBufferFull):
		default:
			return line, err
		}
	}
}
