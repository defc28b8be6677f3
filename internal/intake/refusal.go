package intake

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/units"
)

// A Reason is the word under which a refusal is counted.
type Reason string

// The reasons for which a request or connection is refused.
const (
	Malformed     Reason = "malformed_request"    // 400
	TooSlow       Reason = "too_slow"             // 408
	BodyTooLarge  Reason = "body_too_large"       // 413
	TargetTooLong Reason = "url_too_long"         // 414
	HeadTooLarge  Reason = "headers_too_large"    // 431
	Panicked      Reason = "internal_error"       // 500
	Unsupported   Reason = "not_supported"        // 501, 505
	Busy          Reason = "busy"                 // 503: no memory for the body in time
	Crowded       Reason = "too_many_connections" // 503
	Interrupted   Reason = "connection_lost"      // the peer left within a body: no answer
)

// A Refusal says why a request was not taken. It is also the error that reading
// a body returns, so that a handler can answer with it.
type Refusal struct {
	Status     int
	Reason     Reason
	Text       string        // one line for the sender, without anything that he sent
	RetryAfter time.Duration // 0 for none
	RemoteAddr string
}

// Error returns the text.
func (r *Refusal) Error() string { return r.Text }

func malformed(text string) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Reason: Malformed, Text: text}
}

func unsupported(status int, text string) *Refusal {
	return &Refusal{Status: status, Reason: Unsupported, Text: text}
}

func tooSlow(text string) *Refusal {
	return &Refusal{Status: http.StatusRequestTimeout, Reason: TooSlow, Text: text}
}

func bodyTooLarge(limit int64) *Refusal {
	return &Refusal{
		Status: http.StatusRequestEntityTooLarge, Reason: BodyTooLarge,
		Text: "body larger than " + units.FormatSize(limit) + " (--max-body)",
	}
}

func headTooLarge(limit int) *Refusal {
	return &Refusal{
		Status: http.StatusRequestHeaderFieldsTooLarge, Reason: HeadTooLarge,
		Text: "request line and headers larger than " + units.FormatSize(int64(limit)),
	}
}

func targetTooLong(limit int) *Refusal {
	return &Refusal{
		Status: http.StatusRequestURITooLong, Reason: TargetTooLong,
		Text: "URL longer than " + units.FormatSize(int64(limit)),
	}
}

func busy() *Refusal {
	return &Refusal{
		Status: http.StatusServiceUnavailable, Reason: Busy,
		Text: "too many large bodies at once", RetryAfter: 5 * time.Second,
	}
}

func crowded() *Refusal {
	return &Refusal{
		Status: http.StatusServiceUnavailable, Reason: Crowded,
		Text: "too many connections", RetryAfter: 5 * time.Second,
	}
}

// Write answers with the refusal and ends the connection.
func (r *Refusal) Write(w http.ResponseWriter) {
	text := r.Text + "\n"
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	h.Set("Connection", "close")
	if r.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(r.RetryAfter.Seconds())))
	}
	w.WriteHeader(r.Status)
	_, _ = io.WriteString(w, text) // a peer that has left gets no answer
}

// raw is the refusal as the bytes of a whole answer, for a connection on which
// no request stands.
func (r *Refusal) raw() []byte {
	retry := ""
	if r.RetryAfter > 0 {
		retry = fmt.Sprintf("Retry-After: %d\r\n", int(r.RetryAfter.Seconds()))
	}
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"+
		"Content-Length: %d\r\n%sConnection: close\r\n\r\n%s\n",
		r.Status, http.StatusText(r.Status), len(r.Text)+1, retry, r.Text)
}

// counters is how often each reason occurred.
type counters struct {
	mu sync.Mutex // guards n
	n  map[Reason]int64
}

func (c *counters) add(reason Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n == nil {
		c.n = map[Reason]int64{}
	}
	c.n[reason]++
}

func (c *counters) all() map[Reason]int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[Reason]int64, len(c.n))
	maps.Copy(out, c.n)
	return out
}
