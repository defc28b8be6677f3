package payload

import (
	"errors"
	"fmt"
	"mime"
	"net/url"
	"strings"

	"github.com/hooks-cli/hooks/internal/spelling"
)

// SetBody makes edits in a body of the given content type: in a form if it is
// form-encoded, and else as Set does.
func SetBody(contentType string, body []byte, edits ...Edit) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return Set(body, edits...)
	}
	out := string(body)
	for _, e := range edits {
		var err error
		if out, err = setField(out, e); err != nil {
			return nil, err
		}
	}
	return []byte(out), nil
}

var errFormField = errors.New("a form has names and texts, nothing deeper")

// setField changes one field of a form, and adds it if the edit may.
func setField(form string, e Edit) (string, error) {
	if len(e.Path.steps) != 1 || e.Path.steps[0].kind != byKey || e.Mode == Raw || e.Mode == RawCreate {
		return "", fmt.Errorf("set %s: %w", e.Path, errFormField)
	}
	name := e.Path.steps[0].key
	fields, found := strings.Split(form, "&"), -1
	names := make([]string, len(fields))
	for i, f := range fields {
		key, _, _ := strings.Cut(f, "=")
		if plain, err := url.QueryUnescape(key); err == nil {
			key = plain
		}
		if names[i] = key; key != name {
			continue
		}
		if found >= 0 {
			return "", fmt.Errorf("set %s: %w", e.Path, ErrAmbiguous)
		}
		found = i
	}
	switch {
	case found >= 0:
		key, _, _ := strings.Cut(fields[found], "=")
		fields[found] = key + "=" + url.QueryEscape(e.Value)
	case e.Mode == Create && form == "":
		fields = []string{url.QueryEscape(name) + "=" + url.QueryEscape(e.Value)}
	case e.Mode == Create:
		fields = append(fields, url.QueryEscape(name)+"="+url.QueryEscape(e.Value))
	default:
		return "", &PathError{name, spelling.Nearest(name, names)}
	}
	return strings.Join(fields, "&"), nil
}
