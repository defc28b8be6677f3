package emulate

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/emulate"
	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/intake"
	"github.com/hooks-cli/hooks/internal/render"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// A display shows what happens.
type display struct {
	env    *cli.Env
	broken context.CancelCauseFunc // ends the run: the output cannot be written

	mu        sync.Mutex // guards the following, and keeps lines apart
	failed    bool       // broken was called
	calls     int
	delivered int
	attempts  int
	gaveUp    int
}

func newDisplay(env *cli.Env) *display {
	return &display{env: env, broken: func(error) {}}
}

// greet says what can be called.
func (d *display) greet(ctx context.Context, m *emulating) {
	d.mu.Lock()
	defer d.mu.Unlock()
	env := d.env
	if env.Global.WantsJSON() {
		d.write(env.JSONLine(ctx, m.ready))
	}
	switch {
	case m.at.Loopback() && intake.InContainer(env.Getenv):
		env.Say("this is a container: %s is reached from inside it only; --listen 0.0.0.0:%d through a published port", m.ready.Address, intake.Port(m.listeners[0]))
	case !m.at.Loopback():
		env.Warn("the emulator listens on "+m.ready.Address+": other machines can reach it, and its provider APIs take any key unless --api-key is given",
			"its control API needs the key, as Authorization: Bearer KEY")
	}
	if env.Global.WantsJSON() {
		return
	}
	env.Say("emulating %s at %s", who(m.o.Providers), m.ready.URL)
	if m.ready.ControlKey != "" {
		env.Say("the key of the control API is %s", m.ready.ControlKey)
	}
	d.apis(m.server.Routes())
	if n := m.server.Pending(); n > 0 {
		env.Say("left by the last run: %s", render.Plural(n, "delivery", "deliveries"))
	}
	env.Say("try it: curl %s", suggestion(m))
	env.Say("Ctrl-C ends it")
}

func who(ids []string) string {
	if len(ids) == 0 {
		return "every provider"
	}
	return strings.Join(ids, ", ")
}

// apis lists the paths that the providers document, those of each on a line,
// and the control API's most used ones.
func (d *display) apis(routes []emulate.Route) {
	var names []string
	lines := map[string][]string{}
	for _, r := range routes {
		if r.Extension {
			continue
		}
		if lines[r.Provider] == nil {
			names = append(names, r.Provider)
		}
		lines[r.Provider] = append(lines[r.Provider], r.Method+" "+r.Path)
	}
	for _, name := range names {
		d.env.Say("  %-10s %s", name, strings.Join(lines[name], ", "))
	}
	d.env.Say("  %-10s POST /_hooks/endpoints, POST /_hooks/events, GET /_hooks/deliveries, POST /_hooks/clock", "any event")
}

// suggestion is a first call, as a curl command's arguments.
func suggestion(m *emulating) string {
	id, event := "loopcanvas", "canvas.completed"
	switch {
	case m.first != "":
		id, event = m.first, ""
	case len(m.o.Providers) > 0:
		id, event = m.o.Providers[0], ""
	}
	if c, err := m.env.Workspace().Catalogue(); err == nil && event == "" {
		if p, err := c.Get(id); err == nil && len(p.Events) > 0 {
			event = p.Events[0].Type
		}
	}
	key := ""
	if !m.at.Loopback() {
		key = "-H 'Authorization: Bearer KEY' "
	}
	path, body := "events", fmt.Sprintf(`{"provider":"%s","type":"%s"}`, id, event)
	if len(m.ready.Endpoints) == 0 {
		to := "http://127.0.0.1:3000"
		if !m.at.Loopback() {
			to = "https://app.example.com"
		}
		path, body = "endpoints", fmt.Sprintf(`{"provider":"%s","url":"%s/webhooks/%s"}`, id, to, id)
	}
	return fmt.Sprintf(`%s%s/_hooks/%s -H 'Content-Type: application/json' -d '%s'`, key, m.ready.URL, path, body)
}

// observe shows what happened.
func (d *display) observe(e emulate.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch e.Kind {
	case emulate.Called:
		d.calls++
		if e.Path != emulate.HealthPath {
			d.call(e)
		}
	case emulate.Attempted:
		d.count(e)
		d.attempt(e)
	case emulate.Emitted:
		if e.Endpoints == 0 {
			d.env.Say("%s %s: no endpoint wants it", e.Provider, e.Delivery.EventType)
		}
	case emulate.Noted:
		d.env.Warn(e.Note)
	}
}

func (d *display) count(e emulate.Event) {
	d.attempts++
	switch {
	case e.GaveUp:
		d.gaveUp++
	case e.Next.IsZero():
		d.delivered++
	}
}

func (d *display) note(text string) { d.env.Warn(text) }

// write ends the run at the first result that cannot be written.
func (d *display) write(err error) {
	if err != nil && !d.failed {
		d.failed = true
		d.broken(err)
	}
}

func (d *display) text(s string) { d.write(d.env.Print(s)) }

type callLine struct {
	Kind     string  `json:"kind"`
	At       string  `json:"at"`
	Provider *string `json:"provider"`
	Method   string  `json:"method"`
	Path     string  `json:"path"`
	Status   int     `json:"status"`
	Duration float64 `json:"duration_ms"`
}

func (d *display) call(e emulate.Event) {
	now := d.env.Now()
	if d.env.Global.WantsJSON() {
		l := callLine{Kind: "call", At: webhook.FormatTime(now), Method: e.Method, Path: e.Path, Status: e.Status, Duration: webhook.Milliseconds(e.Duration)}
		if e.Provider != "" {
			l.Provider = &e.Provider
		}
		d.write(d.env.JSONLine(context.Background(), l))
		return
	}
	v := d.env.View()
	name := e.Provider
	if name == "" {
		name = "hooks"
	}
	d.text(fmt.Sprintf("%s ← %s %s %s %s\n", v.Palette.Dim(v.Clock(now)), name, safetext.Line(e.Method), safetext.Line(e.Path), v.Status(e.Status)))
}

func (d *display) attempt(e emulate.Event) {
	if d.env.Global.WantsJSON() {
		doc, err := httptext.MaskedAttempt(e.Attempt).MarshalJSON()
		if err != nil {
			d.write(err)
			return
		}
		head, err := json.Marshal(attemptHead{
			Kind: "attempt", DeliveryID: e.Delivery.ID, EndpointID: e.EndpointID, Provider: e.Provider,
			EventID: orNull(e.Delivery.EventID), EventType: e.Delivery.EventType, NextAttemptAt: nextAt(e), Failed: e.GaveUp,
		})
		if err != nil {
			d.write(err)
			return
		}
		d.write(d.env.JSONLine(context.Background(), json.RawMessage(string(head[:len(head)-1])+","+string(doc[1:]))))
		return
	}
	v := d.env.View()
	id := e.Delivery.EventID
	if id == "" {
		id = "-"
	}
	out := fmt.Sprintf("%s %s %s %s %s", v.Palette.Dim(v.Clock(e.Attempt.At)), e.Provider, safetext.Line(e.Delivery.EventType), safetext.Line(id), v.Attempt(e.Attempt))
	switch {
	case !e.Next.IsZero():
		out += v.Palette.Dim(" · next in " + render.Duration(max(0, e.Next.Sub(d.env.Now()))))
	case e.GaveUp:
		out += v.Palette.Bad(" · failed for good")
	}
	d.text(out + "\n")
}

type attemptHead struct {
	Kind          string  `json:"kind"`
	DeliveryID    string  `json:"delivery_id"`
	EndpointID    string  `json:"endpoint_id"`
	Provider      string  `json:"provider"`
	EventID       *string `json:"event_id"`
	EventType     string  `json:"event_type"`
	NextAttemptAt *string `json:"next_attempt_at"`
	Failed        bool    `json:"failed"`
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func nextAt(e emulate.Event) *string {
	if e.Next.IsZero() {
		return nil
	}
	at := webhook.FormatTime(e.Next)
	return &at
}

// summarise says what happened, and what is left.
func (d *display) summarise(left int, dir string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	text := fmt.Sprintf("%s, %s: %d delivered, %d failed for good", render.Plural(d.calls, "call"), render.Plural(d.attempts, "attempt"), d.delivered, d.gaveUp)
	switch {
	case left > 0 && dir != "":
		text += fmt.Sprintf("; left in %s for the next run: %s", dir, render.Plural(left, "delivery", "deliveries"))
	case left > 0:
		text += fmt.Sprintf("; gone with this run (--data-dir DIR keeps them): %s", render.Plural(left, "delivery", "deliveries"))
	}
	d.env.Say("%s", text)
}
