package replay

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/junit"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/replay"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Run does the work and prints the answers.
func Run(ctx context.Context, env *cli.Env, o Options) error {
	list, err := choose(ctx, env, o)
	if err != nil {
		return err
	}
	p := &preparing{env: env, o: o}
	items, err := p.prepare(ctx, list)
	if err != nil {
		return err
	}
	tellDropped(env, items)
	if o.DryRun {
		return p.dryRun(ctx, items)
	}
	if err := allow(env, o, items); err != nil {
		return err
	}
	stop, err := env.StartApp(ctx, nil, items[0].Request.URL, o.Wait)
	defer stop()
	if err != nil {
		return err
	}
	r := &replaying{env: env, o: o, stored: map[*webhook.Delivery]bool{}, several: len(items)*o.Times > 1}
	for _, c := range list {
		r.stored[c.delivery] = c.stored
	}
	r.client = env.Deliverer(o.Insecure)
	defer r.client.Close()
	return r.run(ctx, items)
}

// dryRun prints the requests that would be sent.
func (p *preparing) dryRun(ctx context.Context, items []replay.Item) error {
	var out []*webhook.Delivery
	for _, i := range items {
		d := *i.Sent
		d.Header = i.Request.Header
		out = append(out, p.conceal(&d))
	}
	return p.env.PrintRequests(ctx, out...)
}

// replaying is one run of the command.
type replaying struct {
	env     *cli.Env
	o       Options
	client  *deliver.Client
	stored  map[*webhook.Delivery]bool
	several bool // more than one attempt is made

	// The following are used by one Done at a time.
	done     []replay.Outcome
	printErr error
}

func (r *replaying) run(ctx context.Context, items []replay.Item) error {
	speed, err := r.o.speed()
	if err != nil {
		return err
	}
	broken := replay.Run{
		Items: items, Times: r.o.Times, Speed: speed, Concurrency: r.o.concurrency(),
		Send: r.send,
		Done: func(out replay.Outcome) {
			r.done = append(r.done, out)
			if err := r.tell(ctx, out); err != nil && r.printErr == nil {
				r.printErr = err
			}
		},
	}.Do(ctx)
	if r.printErr != nil {
		return r.printErr
	}
	if r.o.Diff {
		r.tellSum()
	}
	if err := r.env.WriteJUnit(r.o.JUnit, r.suite()); err != nil {
		return err
	}
	if broken != nil {
		return broken
	}
	return r.verdict()
}

// send makes one attempt and records it under its delivery.
func (r *replaying) send(ctx context.Context, item replay.Item, number int) deliver.Result {
	res := r.client.Send(ctx, item.Request, number)
	if !r.stored[item.Delivery] {
		return res
	}
	st, err := r.env.Workspace().Store(context.WithoutCancel(ctx))
	if err == nil {
		err = st.AddAttempt(context.WithoutCancel(ctx), item.Delivery.ID, res.Attempt)
	}
	if err != nil {
		r.env.Warn("the attempt is not kept: " + err.Error())
	}
	return res
}

// replayedJSON is the delivery with its attempts, the new one last, and two
// more fields.
type replayedJSON struct {
	*webhook.Delivery
	delivered bool
	verdict   replay.Verdict
}

// MarshalJSON puts delivered and verdict behind the fields of the delivery.
func (j replayedJSON) MarshalJSON() ([]byte, error) {
	b, err := j.Delivery.MarshalJSON()
	if err != nil {
		return nil, err
	}
	verdict := "null"
	if j.verdict != replay.Unknown {
		verdict = strconv.Quote(string(j.verdict))
	}
	return append(b[:len(b)-1], fmt.Sprintf(`,"delivered":%v,"verdict":%s}`, j.delivered, verdict)...), nil
}

// tell prints the outcome of one attempt.
func (r *replaying) tell(ctx context.Context, out replay.Outcome) error {
	if r.env.Global.WantsJSON() {
		d := *out.Item.Delivery
		d.Attempts = append(slices.Clone(d.Attempts), out.Result.Attempt)
		doc := replayedJSON{httptext.Masked(&d), out.Result.Delivered(), out.Verdict}
		if r.several {
			return r.env.JSONLine(ctx, doc)
		}
		return r.env.JSON(ctx, doc)
	}
	v := r.env.View()
	d := *out.Item.Sent
	d.Attempts = []webhook.Attempt{out.Result.Attempt}
	line := v.Line(&d)
	if text := r.compared(v, out); text != "" {
		line += " " + text
	}
	if out.Result.Location != "" {
		line += " (it points to another address; redirects are not followed)"
	}
	text := line + "\n"
	if r.env.Global.Verbose {
		text += v.Attempts(d.Attempts)
	}
	if r.o.Diff {
		text += bodies(v, out)
	}
	return r.env.Print(text)
}

// compared says how the answer compares with the recorded one, where that is
// worth a word or --diff asks for it.
func (r *replaying) compared(v render.View, out replay.Outcome) string {
	before, known := replay.Before(out.Item.Delivery)
	was := "was no answer"
	if before != 0 {
		was = fmt.Sprintf("was %d", before)
	}
	switch {
	case !known:
		if r.o.Diff {
			return v.Palette.Dim("no answer is recorded")
		}
		return ""
	case out.Verdict == replay.Fixed:
		return v.Palette.Good("fixed") + " " + v.Palette.Dim(was)
	case out.Verdict == replay.Regressed:
		return v.Palette.Bad("regressed") + " " + v.Palette.Dim(was)
	case !r.o.Diff:
		return ""
	case out.Result.Response != nil && out.Result.Response.Status == before:
		return v.Palette.Dim("same")
	}
	return v.Palette.Dim("same, " + was)
}

// bodies says whether the answer's body is another one than the recorded.
func bodies(v render.View, out replay.Outcome) string {
	n := len(out.Item.Delivery.Attempts)
	if n == 0 || out.Result.Response == nil || out.Item.Delivery.Attempts[n-1].Response == nil {
		return ""
	}
	before, after := out.Item.Delivery.Attempts[n-1].Response.Body, out.Result.Response.Body
	if bytes.Equal(before, after) {
		return ""
	}
	return fmt.Sprintf("  %s %s\n  %s %s\n", v.Palette.Bad("-"), firstLine(v, before), v.Palette.Good("+"), firstLine(v, after))
}

// firstLine returns the beginning of an answer, made safe.
func firstLine(v render.View, body []byte) string {
	if len(body) == 0 {
		return v.Palette.Dim("no body")
	}
	const limit = 200
	line, rest, _ := bytes.Cut(bytes.TrimSpace(body), []byte("\n"))
	text := strings.TrimRight(v.Text(line[:min(len(line), limit)], ""), "\n")
	if len(line) > limit || len(rest) > 0 {
		text += v.Palette.Dim(" … " + render.Size(len(body)) + " in all")
	}
	return text
}

// tellSum says how many answers compare how.
func (r *replaying) tellSum() {
	count := map[replay.Verdict]int{}
	for _, out := range r.done {
		count[out.Verdict]++
	}
	text := fmt.Sprintf("%d fixed, %d regressed, %d same", count[replay.Fixed], count[replay.Regressed], count[replay.Same])
	if n := count[replay.Unknown]; n > 0 {
		text += fmt.Sprintf(", %d without a recorded answer", n)
	}
	r.env.Say("%s", text)
}

// verdict makes the exit status of what became of all attempts.
func (r *replaying) verdict() error {
	all, connected := true, false
	var refused *replay.Outcome
	for i := range r.done {
		out := &r.done[i]
		connected = connected || out.Result.Connected
		all = all && accepted(out.Result.Response)
		if refused == nil && out.Result.Kind == deliver.Refused {
			refused = out
		}
	}
	var hints []string
	if refused != nil {
		hints = append(hints, "nothing listens at "+refused.Item.Host+"; --to URL sends elsewhere, --wait 30s waits for the app")
	}
	switch {
	case all:
		return nil
	case !connected:
		return &cli.Error{Status: cli.StatusError, Hints: hints}
	}
	return cli.No(hints...)
}

// suite is the report for --junit.
func (r *replaying) suite() junit.Suite {
	suite := junit.Suite{Name: "hooks replay", At: r.env.Now()}
	for _, out := range r.done {
		d := out.Item.Delivery
		c := junit.Case{
			Class: d.Provider, Name: strings.TrimSpace(d.EventType + " " + d.EventID + " " + d.ID),
			Duration: out.Result.Duration,
		}
		switch a := out.Result.Response; {
		case accepted(a):
		case a != nil:
			c.Failure = fmt.Sprintf("answered with %d", a.Status)
			c.Output = string(a.Body[:min(len(a.Body), 4<<10)])
		case out.Result.Connected:
			c.Failure = out.Result.Err
		default:
			c.Error = out.Result.Err
		}
		suite.Cases = append(suite.Cases, c)
	}
	return suite
}

func plural(n int) string { return render.Plural(n, "delivery", "deliveries") }
