package send

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/deliver"
	"github.com/hooks-cli/hooks/internal/junit"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// loadGCPercent is how much the heap may grow in a load before it is collected.
const loadGCPercent = 400

// load sends many events and prints the account of them.
func (s *sending) load(ctx context.Context) error {
	s.announce()
	l := deliver.Load{
		Client: s.client, Count: s.o.Count, Duration: s.o.Duration, Rate: s.rate, Concurrency: s.o.Concurrency,
		Now: s.env.Now, Build: s.shot,
	}
	// What a request leaves behind is small and soon forgotten; collecting it
	// less often takes a few MiB and saves a quarter of the processor time.
	defer debug.SetGCPercent(debug.SetGCPercent(loadGCPercent))
	clear := func() {}
	if s.env.Animate() {
		l.Progress, clear = s.progress()
	}
	r, err := l.Run(ctx)
	clear()
	if err != nil {
		return err
	}
	if err := s.tellLoad(ctx, r); err != nil {
		return err
	}
	if err := s.env.WriteJUnit(s.o.JUnit, s.loadSuite(r)); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return cli.Interrupted()
	}
	return s.loadVerdict(r)
}

// shot makes request n: a fresh event with a fresh signature.
func (s *sending) shot(n int) (deliver.Shot, error) {
	now := s.env.Now()
	at := s.order.At
	if at.IsZero() {
		at = now
	}
	order := s.order.Fresh(at)
	if len(s.types) > 0 {
		order.Type = s.types[n%len(s.types)]
	}
	d, err := outgoing.Compose(order)
	if err != nil {
		return deliver.Shot{}, composeError(err)
	}
	signed, err := s.signer.Sign(d, now)
	if err != nil {
		return deliver.Shot{}, cli.Usage(err)
	}
	return deliver.Shot{ID: d.EventID, Request: outgoing.Request(signed, s.manner)}, nil
}

// loadVerdict makes the exit status of a load: every request has to be answered
// as it should.
func (s *sending) loadVerdict(r deliver.Report) error {
	wanted := r.Accepted
	if s.expect != nil {
		wanted = 0
		for status, n := range r.Statuses {
			if s.expect(status) {
				wanted += n
			}
		}
	}
	switch {
	case wanted == r.Planned:
		return nil
	case !r.Connected:
		var hints []string
		if r.Errors[deliver.Refused] > 0 {
			hints = append(hints, "nothing listens there; to see what arrives: hooks listen "+s.target.Host)
		}
		return &cli.Error{Status: cli.StatusError, Hints: hints}
	}
	var hints []string
	if r.NotSent > 0 {
		hints = append(hints, fmt.Sprintf("%d had no turn: all %d connections were waiting for answers (--concurrency)", r.NotSent, s.o.Concurrency))
	}
	return cli.No(hints...)
}

// loadJSON is the account as scripts read it.
type loadJSON struct {
	URL        string         `json:"url"`
	Provider   string         `json:"provider"`
	Events     []string       `json:"events"`
	Planned    int            `json:"planned"`
	Sent       int            `json:"sent"`
	NotSent    int            `json:"not_sent"`
	Answered   int            `json:"answered"`
	Accepted   int            `json:"accepted"`
	Statuses   map[string]int `json:"statuses"`
	Errors     map[string]int `json:"errors"`
	Lost       int            `json:"lost"`
	LostIDs    []string       `json:"lost_ids"`
	DurationMS float64        `json:"duration_ms"`
	Throughput float64        `json:"answers_per_second"`
	Latency    latencyJSON    `json:"latency_ms"`
	Service    latencyJSON    `json:"service_ms"`
}

type latencyJSON struct {
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P95  float64 `json:"p95"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
	Max  float64 `json:"max"`
}

func latency(l deliver.Latencies) latencyJSON {
	ms := webhook.Milliseconds
	return latencyJSON{ms(l.Min), ms(l.Mean), ms(l.P50), ms(l.P90), ms(l.P95), ms(l.P99), ms(l.P999), ms(l.Max)}
}

// sentTypes are the types of the events of a load: those that were named, else
// that of the body that was given.
func (s *sending) sentTypes() []string {
	if len(s.types) > 0 {
		return s.types
	}
	if d, err := outgoing.Compose(s.order); err == nil && d.EventType != "" {
		return []string{d.EventType}
	}
	return []string{}
}

func (s *sending) tellLoad(ctx context.Context, r deliver.Report) error {
	if !s.env.Global.WantsJSON() {
		head := strings.TrimSpace(s.provider.ID + " " + strings.Join(s.sentTypes(), ", "))
		return s.env.Print("→ " + safetext.Line(head) + "\n" + s.env.View().Load(r))
	}
	out := loadJSON{
		URL: s.target.Redacted(), Provider: s.provider.ID, Events: s.sentTypes(),
		Planned: r.Planned, Sent: r.Sent, NotSent: r.NotSent, Answered: r.Answered, Accepted: r.Accepted,
		Statuses: map[string]int{}, Errors: map[string]int{}, Lost: r.Lost, LostIDs: r.LostIDs,
		DurationMS: webhook.Milliseconds(r.Elapsed), Throughput: r.Throughput(), Latency: latency(r.Latency), Service: latency(r.Service),
	}
	for status, n := range r.Statuses {
		out.Statuses[strconv.Itoa(status)] = n
	}
	for kind, n := range r.Errors {
		out.Errors[string(kind)] = n
	}
	if out.LostIDs == nil {
		out.LostIDs = []string{}
	}
	return s.env.JSON(ctx, out)
}

// progress draws how far the load has come on one line, again and again, and
// returns what takes the line away at the end.
func (s *sending) progress() (draw func(deliver.Progress), clear func()) {
	width := 0
	line := func(text string) {
		_, _ = io.WriteString(s.env.Err, "\r"+text+strings.Repeat(" ", max(0, width-len(text)))+"\r"+text)
		width = len(text)
	}
	draw = func(p deliver.Progress) {
		text := render.Plural(p.Sent, "event") + " sent"
		switch {
		case p.Planned > 0:
			text = fmt.Sprintf("%3d %%  %s of %d sent", p.Sent*100/p.Planned, strconv.Itoa(p.Sent), p.Planned)
		case s.o.Duration > 0:
			text = fmt.Sprintf("%3d %%  %s", min(100, int(100*p.Elapsed/s.o.Duration)), text)
		}
		if sec := p.Elapsed.Seconds(); sec > 0 {
			text += fmt.Sprintf(", %.0f/s", float64(p.Answered)/sec)
		}
		line(text)
	}
	return draw, func() {
		_, _ = io.WriteString(s.env.Err, "\r"+strings.Repeat(" ", width)+"\r")
	}
}

func (s *sending) loadSuite(r deliver.Report) junit.Suite {
	suite := junit.Suite{Name: "hooks send", At: s.env.Now()}
	c := junit.Case{Class: s.provider.ID, Name: "load of " + render.Plural(r.Planned, "event"), Duration: r.Elapsed}
	if err := s.loadVerdict(r); err != nil {
		c.Failure = fmt.Sprintf("%d of %d were accepted", r.Accepted, r.Planned)
	}
	suite.Cases = append(suite.Cases, c)
	return suite
}
