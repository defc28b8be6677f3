package listen

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/capture"
	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/diagnose"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A display shows what happens. The pipeline calls observe from one goroutine.
type display struct {
	l      *listening
	env    *cli.Env
	print  string                  // full, line or none
	broken context.CancelCauseFunc // ends the run: the output cannot be written
	failed bool                    // it was called

	mu      sync.Mutex // held while something is shown
	hinted  map[string]bool
	refused map[intake.Reason]*refusals
}

// refusals keeps a flood of refusals to a line a second for each reason.
type refusals struct {
	said   time.Time
	silent int // since then
}

const (
	refusalTime = time.Second
	// brief is how many events may wait before deliveries are shown on one line
	// each, whatever was asked for: nobody reads along any more.
	brief = 32
	// maxHints is how many hints are remembered as given.
	maxHints = 1000
)

func newDisplay(l *listening) *display {
	d := &display{
		l: l, env: l.env, print: l.o.Print, broken: func(error) {},
		hinted: map[string]bool{}, refused: map[intake.Reason]*refusals{},
	}
	if d.print == "" {
		d.print = "line"
		if l.env.OutTerminal {
			d.print = "full"
		}
	}
	return d
}

// observe shows one event.
func (d *display) observe(e capture.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch e.Kind {
	case capture.Stored:
		if e.Selected {
			d.delivery(e)
			d.explain(e)
		}
		d.hints(e)
	case capture.Attempted:
		d.attempt(e)
	case capture.Refused:
		d.refusal(e.Refusal)
	case capture.Noted:
		d.env.Warn(e.Note)
	}
}

// write ends the run at the first result that cannot be written: whoever reads
// along would miss something and not know.
func (d *display) write(err error) {
	if err != nil && !d.failed {
		d.failed = true
		d.broken(err)
	}
}

func (d *display) text(s string) { d.write(d.env.Print(s)) }

func (d *display) delivery(e capture.Event) {
	d.handshake(e.Handshake)
	if d.env.Global.WantsJSON() {
		extra := ""
		if e.OutOfOrder {
			extra = `"out_of_order":true,`
		}
		members := `"kind":"delivery",` + extra
		if len(e.Delivery.Body) >= largeBody && d.env.Global.JQ == "" {
			d.large(members, httptext.Masked(e.Delivery))
			return
		}
		d.line(members, httptext.Masked(e.Delivery))
		return
	}
	view := d.env.View()
	switch {
	case d.print == "none":
	case d.print == "line" || e.Behind > brief:
		d.text(strings.Join(append([]string{view.Line(e.Delivery)}, marks(view, e)...), " ") + "\n")
	default:
		out := view.Full(e.Delivery, render.FullOptions{Signed: d.l.judge.Covered(e.Delivery)})
		for _, mark := range marks(view, e) {
			out += "  " + mark + "\n"
		}
		d.text(out + "\n")
	}
}

// handshake says what a handshake leaves to know, or to do.
func (d *display) handshake(g *judge.Greeting) {
	switch {
	case g == nil:
		return
	case g.Kept != "":
		d.env.Say("%s handed over its secret; it is kept in the %s and counts from now on (hooks secrets get %s prints it)",
			g.Provider, g.Kept, g.Provider)
	case g.NotKept != "":
		d.env.Say("%s handed over a secret that is not used: %s", g.Provider, g.NotKept)
	}
	if g.Visit != "" {
		d.env.Say("%s wants this address to be opened, which is left to you: %s", g.Provider, safetext.Line(g.Visit))
	}
}

// marks are what is to be said of a delivery besides itself.
func marks(v render.View, e capture.Event) []string {
	var out []string
	if e.OutOfOrder {
		out = append(out, v.Palette.Warn("out of order"))
	}
	switch {
	case e.Handshake == nil:
	case e.Handshake.Refused != "":
		out = append(out, v.Palette.Bad("handshake refused: "+safetext.Line(e.Handshake.Refused)))
	default:
		out = append(out, v.Palette.Good("handshake of "+safetext.Line(e.Handshake.Provider)))
	}
	for _, a := range e.Outcome.Ambiguous {
		out = append(out, v.Palette.Warn(fmt.Sprintf("ambiguous %s: first %s, last %s",
			safetext.Line(a.Path), safetext.Line(a.First), safetext.Line(a.Last))))
	}
	if names := e.Outcome.Candidates; len(names) > 0 {
		out = append(out, v.Palette.Dim("may be from "+safetext.Line(strings.Join(names, ", "))))
	}
	return out
}

func (d *display) attempt(e capture.Event) {
	if d.env.Global.WantsJSON() {
		id, err := json.Marshal(e.Delivery.ID)
		if err != nil {
			d.write(err)
			return
		}
		d.line(`"kind":"attempt","delivery_id":`+string(id)+`,`, httptext.MaskedAttempt(e.Attempt))
		return
	}
	if d.print == "none" {
		return
	}
	view := d.env.View()
	name := e.Delivery.EventID
	if name == "" {
		name = e.Delivery.ID
	}
	out := "  " + view.Palette.Dim(safetext.Line(name)) + " " + view.Attempt(e.Attempt)
	if !e.Waiting.IsZero() {
		out += view.Palette.Dim(" · again at " + view.Clock(e.Waiting))
	}
	d.text(out + "\n")
}

// line writes an object with some members in front of v's own.
func (d *display) line(members string, v json.Marshaler) {
	doc, err := v.MarshalJSON()
	if err != nil {
		d.write(err)
		return
	}
	d.write(d.env.JSONLine(context.Background(), json.RawMessage("{"+members+string(doc[1:]))))
}

func (d *display) refusal(r intake.Refusal) {
	now := d.env.Now()
	last := d.refused[r.Reason]
	if last == nil {
		last = &refusals{}
		d.refused[r.Reason] = last
	}
	if !last.said.IsZero() && now.Sub(last.said).Abs() < refusalTime {
		last.silent++
		return
	}
	text := fmt.Sprintf("refused with %d: %s", r.Status, r.Text)
	if r.RemoteAddr != "" {
		text += ", from " + r.RemoteAddr
	}
	if last.silent > 0 {
		text += fmt.Sprintf(" (and %s more)", safetext.Thousands(last.silent))
	}
	last.said, last.silent = now, 0
	d.env.Warn(text)
}

// panicked is the line for a mistake in the program. It holds nothing of the
// request.
func (d *display) panicked(p intake.Panic) string {
	d.env.Verbose("%s", strings.ReplaceAll(string(p.Stack), "\n", " | "))
	return "a mistake in hooks met request " + p.ID + ": " + p.Kind + "; --verbose shows where"
}

// hints says what can be done about a delivery that was not verified, once for
// each case.
func (d *display) hints(e capture.Event) {
	if p := e.Outcome.Problem; p != nil {
		d.hint(p.Error())
	}
	v, id := e.Delivery.Verification, e.Delivery.Provider
	switch {
	case id == "" || !e.Outcome.Development:
	case v.Status == webhook.Unverified && v.Reason == webhook.SecretUnknown:
		d.hint("the secret of "+id+" is not known, so its signature cannot be judged", "hooks secrets set "+id+" keeps it; what comes then is verified")
	case v.Reason == webhook.SignatureMismatch:
		d.hint("only the development secret of "+id+" is known here, and it did not make this signature",
			"hooks secrets set "+id+" keeps the real secret",
			"hooks secrets get "+id+" prints the development secret, for whoever sends")
	}
}

const (
	// explainTime is how long the display may look for the cause of an invalid
	// signature, and explainSize up to which body it does.
	explainTime = 50 * time.Millisecond
	explainSize = 256 << 10
)

// explain says on one line why a delivery is invalid, if that is found at once
// and nobody waits meanwhile.
func (d *display) explain(e capture.Event) {
	v := e.Delivery.Verification
	if v.Status != webhook.Invalid || e.Outcome.Development || e.Behind > 0 || len(e.Delivery.Body) > explainSize || d.print == "none" {
		return
	}
	report, err := d.env.Diagnose(context.Background(), d.l.judge, e.Delivery, e.Delivery.ReceivedAt, explainTime, false)
	if err != nil || len(report.Findings) == 0 || slices.Contains(report.Findings[0].Causes, diagnose.Unknown) {
		return // the verdict stands without it; hooks verify --explain takes its time
	}
	d.env.Say("%s: %s (hooks verify %s --explain)", e.Delivery.ID, report.Findings[0].Detail, e.Delivery.ID)
}

func (d *display) hint(text string, hints ...string) {
	if d.hinted[text] || len(d.hinted) == maxHints {
		return
	}
	d.hinted[text] = true
	d.env.Warn(text, hints...)
}
