// The program lets the Go libraries that providers publish judge requests, and
// sign them. What it reads and answers, a line each, is written at the head of
// ../node/run.mjs. The clock that the libraries read is the machine's.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"time"
)

type request struct {
	Do      string            `json:"do"`
	Library string            `json:"library"`
	Module  string            `json:"module"`
	Method  string            `json:"method"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers"`
	Body    []byte            `json:"body_base64"`
	Secret  string            `json:"secret"`
	At      int64             `json:"at"`
}

type answer struct {
	Accepts bool              `json:"accepts"`
	Why     string            `json:"why,omitempty"`
	Headers map[string]string `json:"headers,omitempty"`
	Body    []byte            `json:"body_base64,omitempty"`
	Secret  string            `json:"secret,omitempty"`
	Version string            `json:"version,omitempty"`
	Error   string            `json:"error,omitempty"`
}

// errNo is the answer of a library that gives no reason.
var errNo = errors.New("it says no")

func yes(ok bool) error {
	if ok {
		return nil
	}
	return errNo
}

func (q *request) header() http.Header {
	h := http.Header{}
	for name, value := range q.Headers {
		h.Set(name, value)
	}
	return h
}

// http returns the request as a handler gets it.
func (q *request) http() *http.Request {
	r, err := http.NewRequestWithContext(context.Background(), q.Method, q.URL, bytes.NewReader(q.Body))
	if err != nil {
		panic(err)
	}
	r.Header = q.header()
	return r
}

func (q *request) time() time.Time { return time.UnixMilli(q.At) }

func (q *request) seconds() string { return fmt.Sprint(q.time().Unix()) }

func main() {
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return
		}
		var q request
		if err == nil {
			err = json.Unmarshal(line, &q)
		}
		var a answer
		if err != nil {
			a.Error = err.Error()
		} else {
			a = reply(&q)
		}
		if err := json.NewEncoder(os.Stdout).Encode(a); err != nil {
			os.Exit(1)
		}
	}
}

func reply(q *request) (a answer) {
	if q.Do == "version" {
		return answer{Version: version(q.Module)}
	}
	l, ok := libraries[q.Library]
	if !ok {
		return answer{Error: "no library is named " + q.Library}
	}
	if q.Do == "sign" {
		return l.sign(q)
	}
	if err := l.verify(q); err != nil {
		return answer{Why: err.Error()}
	}
	return answer{Accepts: true}
}

// version is that of a module this program was built with.
func version(module string) string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return m.Version
			}
		}
	}
	return ""
}
