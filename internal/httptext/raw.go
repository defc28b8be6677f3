package httptext

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// parseRaw reads requests as they are on the wire, or as an editor has left
// them: lines end with CRLF or LF, the version may be missing, a body without
// Content-Length goes on to the end. Several stand apart by a line "###".
func parseRaw(text []byte, each func(Item) error) error {
	line := 1
	for n := 0; len(text) > 0; n++ {
		if n == maxRequests {
			return fmt.Errorf("read as raw HTTP: more than %d requests", maxRequests)
		}
		r, rest, err := rawRequest(text, line)
		if err != nil {
			return fmt.Errorf("read as raw HTTP: %w", err)
		}
		d, err := r.delivery()
		if err != nil {
			return fmt.Errorf("read as raw HTTP: %w", err)
		}
		if err := each(Item{Delivery: d}); err != nil {
			return err
		}
		line += bytes.Count(text[:len(text)-len(rest)], []byte("\n"))
		text = rest
	}
	return nil
}

// rawRequest reads one request and returns what follows it. line is the number
// of the first line, for errors.
func rawRequest(text []byte, line int) (r request, rest []byte, err error) {
	first, rest := cutLine(text)
	if err := r.requestLine(first); err != nil {
		return r, nil, fmt.Errorf("line %d: %w", line, err)
	}
	for {
		if len(rest) == 0 { // headers to the end, and no body
			return r, nil, r.withoutBody()
		}
		var head string
		head, rest = cutLine(rest)
		line++
		if head == "" {
			break
		}
		if err := r.addLine(head); err != nil {
			return r, nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
	rest, err = r.takeBody(rest)
	return r, rest, err
}

func cutLine(text []byte) (line string, rest []byte) {
	before, rest, _ := bytes.Cut(text, []byte("\n"))
	return string(bytes.TrimSuffix(before, []byte("\r"))), rest
}

func (r *request) requestLine(line string) error {
	words := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' })
	switch {
	case strings.HasPrefix(line, "HTTP/"):
		return errors.New("it is an answer, not a request")
	case len(words) < 2 || len(words) > 3 || len(words) == 3 && !strings.HasPrefix(words[2], "HTTP/"):
		return fmt.Errorf("%.60q is not a request line: POST /path HTTP/1.1", line)
	}
	r.method, r.target = words[0], words[1]
	if !token(r.method) {
		return fmt.Errorf("%.40q is not a method", r.method)
	}
	if !strings.HasPrefix(r.target, "/") && !strings.Contains(r.target, "://") && r.target != "*" {
		return fmt.Errorf("%.60q is neither a path nor a URL", r.target)
	}
	if len(words) == 3 {
		r.proto = words[2]
	}
	return nil
}

func (r *request) addLine(line string) error {
	if line[0] == ' ' || line[0] == '\t' { // the old way to go on
		if len(r.fields) == 0 {
			return errors.New("it begins with a space")
		}
		last := &r.fields[len(r.fields)-1]
		last.value += " " + strings.Trim(line, " \t")
		return nil
	}
	name, value, ok := strings.Cut(line, ":")
	if !ok {
		return fmt.Errorf("%.60q is not a header: Name: value", line)
	}
	if len(r.fields) == maxHeaders {
		return fmt.Errorf("more than %d headers", maxHeaders)
	}
	f := field{name, strings.Trim(value, " \t")}
	r.fields = append(r.fields, f)
	return checkField(f)
}

func (r *request) get(name string) (value string, ok bool) {
	for _, f := range r.fields {
		if strings.EqualFold(f.name, name) {
			return f.value, true
		}
	}
	return "", false
}

// withoutBody refuses headers that promise a body.
func (r *request) withoutBody() error {
	_, err := r.takeBody(nil)
	return err
}

// takeBody takes the body from the beginning of text and returns what follows
// it: nothing, or the next request.
func (r *request) takeBody(text []byte) (rest []byte, err error) {
	if length, ok := r.get("Content-Length"); ok {
		n, err := strconv.Atoi(length)
		switch {
		case err != nil || n < 0:
			return nil, fmt.Errorf("Content-Length %.40q is not a number", length)
		case n > len(text):
			return nil, fmt.Errorf("Content-Length is %d, but %d bytes of body follow", n, len(text))
		}
		r.body = text[:n:n]
		return r.behind(text[n:])
	}
	if coding, ok := r.get("Transfer-Encoding"); ok && strings.EqualFold(coding, "chunked") {
		// Many tools write this header above the body as they decoded it.
		if body, rest, ok := dechunk(text); ok {
			r.body = body
			return r.behind(rest)
		}
	}
	r.body, rest = cutSeparator(text)
	return rest, nil
}

// behind looks at what follows a body whose end is known: nothing but an
// editor's last line break, or a separator and the next request.
func (r *request) behind(text []byte) (rest []byte, err error) {
	rest = bytes.TrimLeft(text, "\r\n")
	switch {
	case len(rest) == 0:
		return nil, nil
	case bytes.HasPrefix(rest, []byte(separator)):
		_, rest = cutLine(rest)
		return bytes.TrimLeft(rest, "\r\n"), nil
	}
	return nil, fmt.Errorf("%d bytes more than the %d bytes of body follow", len(text), len(r.body))
}

// separator begins a line between two requests.
const separator = "###"

// cutSeparator ends a body of unknown length before a separator, if a request
// follows that.
func cutSeparator(text []byte) (body, rest []byte) {
	for at := 0; ; {
		n := bytes.Index(text[at:], []byte("\n"+separator))
		if n < 0 {
			return text, nil
		}
		at += n + 1
		_, next := cutLine(text[at:])
		next = bytes.TrimLeft(next, "\r\n")
		if len(next) == 0 || next[0] < 'A' || next[0] > 'Z' { // what is not even a method is told cheaply
			continue
		}
		first, _ := cutLine(next[:min(len(next), maxRequestLine)])
		if new(request).requestLine(first) == nil {
			return bytes.TrimRight(text[:at], "\r\n"), next
		}
	}
}

const maxRequestLine = 64 << 10

// dechunk decodes a chunked body with lines of either ending, if it is one.
func dechunk(text []byte) (body, rest []byte, ok bool) {
	for {
		line, data := cutLine(text)
		size, _, _ := strings.Cut(line, ";")
		n, err := strconv.ParseUint(strings.TrimSpace(size), 16, 31)
		if err != nil || int(n) > len(data) {
			return nil, nil, false
		}
		if n == 0 {
			text = data
			break
		}
		body = append(body, data[:n]...)
		end, next := cutLine(data[n:])
		if end != "" {
			return nil, nil, false
		}
		text = next
	}
	for len(text) > 0 { // trailers
		line, next := cutLine(text)
		if text = next; line == "" {
			break
		}
	}
	return body, text, true
}
