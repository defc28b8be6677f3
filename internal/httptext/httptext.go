// Package httptext reads and writes HTTP requests as people hold them: the raw
// text, a curl command line, a HAR log, the JSON of a delivery.
//
// Reading is tolerant of how the forms are really met (either line ending,
// header names in any case, quoting of several shells) and strict about bytes:
// what a signature covers is either read exactly or refused. No file that a
// text names is ever opened and nothing in it is run. What is written can be
// pasted: no part of a delivery can end the quoting it stands in.
package httptext

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/hooks-cli/hooks/internal/webhook"
)

const (
	// MaxSize is how long a text may be; of the JSON of deliveries, one a
	// line, it is the limit of a line that matters, and there may be any
	// number of them.
	MaxSize = 32 << 20
	maxLine = 40 << 20 // a body of 25 MiB in base64, and its headers

	maxDepth    = 64
	maxHeaders  = 1000
	maxRequests = 100_000
)

// An Item is one thing read: a delivery, or an attempt that belongs to one.
type Item struct {
	Delivery   *webhook.Delivery
	Attempt    *webhook.Attempt
	DeliveryID string // of Attempt
}

// Parse reads the one request that data holds, in whichever form. What begins
// with "{" or "[" is JSON: a delivery, a HAR entry or log. What begins with
// "curl " is a command line, for sh, PowerShell or cmd. All else is raw HTTP.
// An error says as what it was read and where that failed.
func Parse(data []byte) (*webhook.Delivery, error) {
	all, err := ParseAll(data)
	switch {
	case err != nil:
		return nil, err
	case len(all) != 1:
		return nil, &SeveralError{Count: len(all)}
	}
	return all[0], nil
}

// A SeveralError says that there is more than the one request that was meant.
type SeveralError struct{ Count int }

// Error says how many there are.
func (e *SeveralError) Error() string { return fmt.Sprintf("it holds %d requests, not one", e.Count) }

// ErrNone says that a list of requests has none in it.
var ErrNone = errors.New("it holds no request")

// ParseAll reads every request that data holds. Attempts that stand on lines
// of their own are put to their deliveries. Where there is none,
// the error is ErrNone.
func ParseAll(data []byte) ([]*webhook.Delivery, error) {
	if len(data) > MaxSize {
		return nil, fmt.Errorf("it is larger than %d MiB", MaxSize>>20)
	}
	var all []*webhook.Delivery
	byID := map[string]*webhook.Delivery{}
	err := parse(data, func(item Item) error {
		switch d := byID[item.DeliveryID]; {
		case item.Delivery != nil:
			all = append(all, item.Delivery)
			byID[item.Delivery.ID] = item.Delivery
		case d != nil:
			d.Attempts = append(d.Attempts, *item.Attempt)
		}
		return nil
	})
	if err == nil && len(all) == 0 {
		err = ErrNone
	}
	if err != nil {
		return nil, err
	}
	return all, nil
}

// Read calls each for everything that r holds, in its order. Deliveries in
// JSON, one a line, are read and handed on line by line; the other forms are
// read as a whole first. It stops at the first error, be it each's own.
func Read(r io.Reader, each func(Item) error) error {
	in := bufio.NewReaderSize(r, 64<<10)
	first, err := in.Peek(in.Size())
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read: %w", err)
	}
	if !isUTF16(first) && looksLikeLines(first) {
		return readLines(in, each)
	}
	data, err := io.ReadAll(io.LimitReader(in, MaxSize+1))
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	if len(data) > MaxSize {
		return fmt.Errorf("it is larger than %d MiB", MaxSize>>20)
	}
	return parse(data, each)
}

// parse tells the forms apart.
func parse(data []byte, each func(Item) error) error {
	data = bytes.TrimPrefix(FromUTF16(data), []byte("\ufeff"))
	text := bytes.TrimLeft(data, " \t\r\n")
	switch {
	case len(text) == 0:
		return errors.New("it is empty")
	case text[0] == '{' || text[0] == '[':
		return parseJSON(text, each)
	case isCommand(text):
		return parseCommands(string(text), each)
	}
	return parseRaw(text, each)
}

// isCommand says whether curl is called in the beginning of a text that does
// not begin with a request line: behind a prompt, comments, variables that are
// set for it, or what feeds it.
func isCommand(text []byte) bool {
	head := string(text[:min(len(text), 4096)])
	first, _, _ := strings.Cut(head, "\n")
	if !strings.HasPrefix(first, "curl") && new(request).requestLine(strings.TrimSuffix(first, "\r")) == nil {
		return false
	}
	for _, word := range []string{"printf ", "echo ", "cat "} {
		if strings.HasPrefix(head, word) {
			return true // what it prints may be longer than what is looked at here
		}
	}
	for rest := head; ; {
		before, after, ok := strings.Cut(rest, "curl")
		if !ok {
			return false
		}
		after = strings.TrimPrefix(after, ".exe")
		if (before == "" || strings.ContainsAny(before[len(before)-1:], " \t\n;|&")) && after != "" && strings.ContainsAny(after[:1], " \t\\\r\n^`") {
			return true
		}
		rest = after
	}
}
