package tunnel

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"
	"sync"
	"time"

	"rsc.io/qr"

	"github.com/hooks-cli/hooks/internal/capture"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/tunnel"
	"github.com/hooks-cli/hooks/internal/webhook"
	"github.com/hooks-cli/hooks/internal/wire"
)

// A host is one run of the command: it remembers what was said, so that
// nothing is said twice.
type host struct {
	env    *cli.Env
	opts   Options
	target *url.URL
	place  *cli.RelayPlace
	kept   *store.Store

	mu       sync.Mutex // guards the following, and the order of what is printed
	ready    bool
	failed   error // of the output
	away     bool
	waiting  uint64
	received int
	verified int
	invalid  int
}

// Ready is the first line of --json.
type Ready struct {
	Kind string `json:"kind"`
	URL  string `json:"url"`
	Name string `json:"name"`
}

// state tells what became of the connection.
func (h *host) state(s tunnel.State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case s.Phase == tunnel.Reconnecting:
		h.away = true
		h.env.Say("reconnecting in %s: %v", render.Duration(s.In.Round(100*time.Millisecond)), s.Err)
		return
	case s.Phase != tunnel.Connected:
		return
	case !h.ready:
		h.ready = true
		h.place.Remember(s.Name)
		h.announce(s)
	case s.Moved && h.away:
		h.away = false
		h.env.Say("connected again")
	}
	h.news(s)
}

// news tells what a relay's store has to say.
func (h *host) news(s tunnel.State) {
	if s.Replaced {
		h.env.Say("store of the relay was replaced")
	}
	if s.Expired > 0 {
		h.env.Warn(fmt.Sprintf("%d events expired while away", s.Expired))
	}
	if s.Blocked {
		h.env.WarnOnce("the relay's store takes nothing: senders are told 503")
	}
	if s.Err != nil {
		h.env.Warn(s.Err.Error())
	}
	switch {
	case s.Waiting > h.waiting && s.Waiting > 1 && h.waiting == 0:
		oldest := ""
		if !s.Oldest.IsZero() {
			oldest = ", the oldest from " + h.env.ErrView().Moment(s.Oldest)
		}
		h.env.Say("%d events wait%s", s.Waiting, oldest)
	case s.Waiting == 0 && h.waiting > 1:
		h.env.Say("all events that waited are here")
	}
	h.waiting = s.Waiting
}

// announce says where the tunnel is.
func (h *host) announce(s tunnel.State) {
	if h.env.Global.WantsJSON() {
		h.print(h.env.JSONLine(context.Background(), Ready{Kind: "ready", URL: s.URL, Name: s.Name}))
	} else {
		_, err := io.WriteString(h.env.Out, h.env.View().Palette.Link(s.URL)+" → "+h.target.String()+"\n")
		h.print(err)
	}
	if h.opts.QR && !h.env.Global.WantsJSON() {
		h.print(h.code(s.URL))
	}
	if s.Mode == wire.ModeLive && h.opts.Mode != "live" {
		text := "the relay keeps nothing: while this tunnel is away, senders are told 503"
		if h.opts.Mode == "queue" {
			h.env.Warn(text)
		} else {
			h.env.Verbose("%s", text)
		}
	}
}

// code draws the URL in half blocks, two modules a character, for a terminal
// with a dark background. On a light one it is inverted, which phones read too.
func (h *host) code(text string) error {
	c, err := qr.Encode(text, qr.L)
	if err != nil {
		return fmt.Errorf("draw the QR code: %w", err)
	}
	const quiet = 2
	var b strings.Builder
	for y := -quiet; y < c.Size+quiet; y += 2 {
		for x := -quiet; x < c.Size+quiet; x++ {
			switch up, down := c.Black(x, y), c.Black(x, y+1); {
			case up && down:
				b.WriteByte(' ')
			case up:
				b.WriteRune('▄')
			case down:
				b.WriteRune('▀')
			default:
				b.WriteRune('█')
			}
		}
		b.WriteByte('\n')
	}
	_, err = io.WriteString(h.env.Out, b.String())
	return err
}

// observe tells what came.
func (h *host) observe(e capture.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch e.Kind {
	case capture.Noted:
		h.env.Warn(e.Note)
	case capture.Stored:
		h.count(e.Delivery)
		h.print(h.delivery(e))
	case capture.Attempted:
		h.print(h.attempt(e))
	}
}

func (h *host) count(d *webhook.Delivery) {
	h.received++
	switch d.Verification.Status {
	case webhook.Verified:
		h.verified++
	case webhook.Invalid, webhook.Unsigned:
		h.invalid++
	}
}

// delivery shows what was stored. For a person a live one is shown with its
// attempt, one that the relay kept when it has gone to the app.
func (h *host) delivery(e capture.Event) error {
	d := e.Delivery
	if h.env.Global.WantsJSON() {
		return h.object("delivery", "", httptext.Masked(d))
	}
	if len(d.Attempts) > 0 || d.Response == nil {
		return nil // told with the attempt
	}
	return h.show(d)
}

func (h *host) attempt(e capture.Event) error {
	if h.env.Global.WantsJSON() {
		return h.object("attempt", e.Delivery.ID, httptext.MaskedAttempt(e.Attempt))
	}
	return h.show(e.Delivery)
}

func (h *host) show(d *webhook.Delivery) error {
	v := h.env.View()
	text := ""
	switch h.opts.Print {
	case "none":
		return nil
	case "full":
		text = v.Full(d, render.FullOptions{}) + "\n"
	default:
		text = v.Line(d) + "\n"
	}
	_, err := io.WriteString(h.env.Out, text)
	return err
}

// object writes v as one line with its kind in front.
func (h *host) object(kind, id string, v any) error {
	doc, err := json.Marshal(v)
	if err != nil {
		return err
	}
	head := fmt.Sprintf(`{"kind":%q,`, kind)
	if id != "" {
		head += fmt.Sprintf(`"delivery_id":%q,`, id)
	}
	return h.env.JSONLine(context.Background(), json.RawMessage(append([]byte(head), bytes.TrimPrefix(doc, []byte("{"))...)))
}

// print keeps the first error of the output: the tunnel goes on, what it
// carries matters more than what it shows.
func (h *host) print(err error) {
	if err != nil && h.failed == nil {
		h.failed = err
		h.env.Warn("the output is lost: " + err.Error())
	}
}

// summary says at the end what came.
func (h *host) summary() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.received == 0 {
		return
	}
	text := fmt.Sprintf("received %s: %d verified, %d invalid", render.Plural(h.received, "delivery", "deliveries"), h.verified, h.invalid)
	if rest := h.received - h.verified - h.invalid; rest > 0 {
		text += fmt.Sprintf(", %d not judged", rest)
	}
	h.env.Say("%s", text)
}
