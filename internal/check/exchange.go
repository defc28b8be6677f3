package check

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// keptAnswer is how much of an answer is looked at.
const keptAnswer = 256 << 10

// A shot is one request of a case.
type shot struct {
	name     string // among the variants of its case; "" if it is the only one
	delivery *webhook.Delivery
	header   http.Header // sent in place of the delivery's, names spelled as they are
	manner   outgoing.Manner
	line     string    // the command that sends the same again
	at       time.Time // the signed time
	forged   bool      // the app must not take it
	extra    bool      // its body has a field that the event has not
}

// An answer is what came of a shot.
type answer struct {
	status   int // 0 if none came
	header   http.Header
	body     []byte
	kind     deliver.Kind
	text     string // why none came
	location string
	duration time.Duration
	began    bool // a connection stood
}

// A want says which answers are right.
type want func(a *answer) bool

func accepted(a *answer) bool { return a.status >= 200 && a.status <= 299 }

func rejected(a *answer) bool { return a.status >= 400 && a.status <= 499 }

func survived(a *answer) bool { return a.status > 0 && a.status <= 499 }

func acceptedOrTooLarge(a *answer) bool {
	return accepted(a) || a.status == http.StatusRequestEntityTooLarge
}

func notRedirected(a *answer) bool { return a.status > 0 && (a.status < 300 || a.status > 399) }

// request is what goes over the wire.
func (s *shot) request(limit time.Duration) deliver.Request {
	m := s.manner
	if m.Timeout == 0 {
		m.Timeout = limit + m.Slow
	}
	req := outgoing.Request(s.delivery, m)
	req.Keep = keptAnswer
	if s.header != nil {
		req.Header = s.header
	}
	return req
}

// send makes one exchange, when there is room for it.
func (r *run) send(ctx context.Context, s *shot) answer {
	select {
	case r.slots <- struct{}{}:
	case <-ctx.Done():
		return answer{kind: deliver.Canceled, text: "interrupted"}
	}
	defer func() { <-r.slots }()
	return r.sendNow(ctx, s)
}

// sendNow is send without waiting for room.
func (r *run) sendNow(ctx context.Context, s *shot) answer {
	res := r.o.Client.Send(ctx, s.request(r.limit), 1)
	a := answer{kind: res.Kind, text: res.Err, location: res.Location, duration: res.Duration, began: res.Connected}
	if res.Response != nil {
		a.status, a.header, a.body = res.Response.Status, res.Response.Header, res.Response.Body
	}
	r.seen.look(r, s, &a)
	return a
}

// dropped says whether the app may have gone down.
func (a answer) dropped() bool { return a.status == 0 }

// words tells the answer to a person: its status, and what it says if it is
// short.
func (r *run) words(a *answer) string {
	if a.status == 0 {
		return a.text
	}
	text := strings.TrimSpace(fmt.Sprintf("%d %s", a.status, http.StatusText(a.status)))
	if a.status >= 300 && a.status <= 399 && a.location != "" {
		return text + ", to " + safetext.Line(safetext.CleanURL(r.kit.signer.Hide(a.location)))
	}
	if accepted(a) {
		return text
	}
	if said := r.excerpt(a); said != "" {
		text += " “" + said + "”"
	}
	return text
}

// maxExcerpt is how much of an answer a result repeats.
const maxExcerpt = 100

// excerpt is the text of a short answer on one line. A page is not repeated,
// nor is anything in it that could be a signature or a secret.
func (r *run) excerpt(a *answer) string {
	text := strings.TrimSpace(string(a.body))
	if strings.Contains(a.header.Get("Content-Type"), "html") || strings.HasPrefix(text, "<") || len(text) > 4*maxExcerpt {
		return ""
	}
	text, _, _ = strings.Cut(safetext.Block(r.kit.signer.Hide(text)), "\n")
	text = regexp.MustCompile(`[A-Za-z0-9+/_=-]*[0-9+/][A-Za-z0-9+/_=-]{15,}`).ReplaceAllString(text, "…")
	if cut := []rune(text); len(cut) > maxExcerpt {
		text = string(cut[:maxExcerpt]) + "…"
	}
	return text
}

// took writes how long an exchange took.
func took(d time.Duration) string {
	if d < time.Millisecond {
		return "less than 1ms"
	}
	step := time.Millisecond
	if d >= 10*time.Second {
		step = 100 * time.Millisecond
	}
	return units.FormatDuration(d.Round(step))
}

// seen is what all answers together tell.
type seen struct {
	mu       sync.Mutex // guards the following
	rejects  int        // answers that were no 2xx
	leak     string     // what the first answer that gave something away held
	leakLine string
	clues    clues
}
