package match

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/hooks-cli/hooks/internal/inflate"
	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// MaxInput is how large a payload an expression looks at.
const MaxInput = 4 << 20

var errTooLarge = errors.New("the payload is larger than 4 MiB")

// document returns the payload of d as JSON: a JSON body itself, expanded if
// it is compressed; the fields of a form as an object of strings, or of arrays
// where a name repeats; other text as a string; other bytes as null.
func document(d *webhook.Delivery) ([]byte, error) {
	if len(d.Body) > MaxInput {
		return nil, errTooLarge
	}
	body, _, err := inflate.Body(d.Header, d.Body)
	if err != nil {
		return nil, err
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	if payload.Valid(body) == nil {
		return body, nil
	}
	if kind, _, err := mime.ParseMediaType(d.Header.Get("Content-Type")); err == nil && kind == "application/x-www-form-urlencoded" {
		if fields, err := form(string(body)); err == nil {
			return json.Marshal(fields)
		}
	}
	if !utf8.Valid(body) {
		return []byte("null"), nil
	}
	return json.Marshal(string(body))
}

// maxFields is how many fields of a form count.
const maxFields = 10_000

func form(body string) (map[string]any, error) {
	if strings.Count(body, "&") >= maxFields {
		return nil, fmt.Errorf("more than %d fields", maxFields)
	}
	values, err := url.ParseQuery(body)
	if err != nil {
		return nil, err
	}
	fields := make(map[string]any, len(values))
	for name, v := range values {
		if len(v) == 1 {
			fields[name] = v[0]
		} else {
			fields[name] = v
		}
	}
	return fields, nil
}
