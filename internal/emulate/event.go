package emulate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/store"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Faults are made on purpose. The zero value is none. Times are by the clock of
// retries.
type Faults struct {
	Duplicate int           // each delivery is made so many times more, with the same event id
	Drop      float64       // the share of deliveries that never leave, 0 to 1
	Delay     time.Duration // before the first attempt
	Jitter    time.Duration // at most so much longer, by chance, so that deliveries overtake each other
}

// over returns f with what is set in g instead.
func (f Faults) over(g Faults) Faults {
	return Faults{
		Duplicate: cmp.Or(g.Duplicate, f.Duplicate), Drop: cmp.Or(g.Drop, f.Drop),
		Delay: cmp.Or(g.Delay, f.Delay), Jitter: cmp.Or(g.Jitter, f.Jitter),
	}
}

// errBacklog says that nothing more is taken.
var errBacklog = errors.New("as many deliveries wait as can be kept")

// A happening is one event on its way to endpoints.
type happening struct {
	draft     *webhook.Delivery // unsigned, without an address
	endpoints []*endpoint
	faults    Faults
	after     time.Duration // from now on, by the clock of retries
	flow      string
	step      int
}

// draft composes an event that has no address yet.
func (s *Server) draft(p *provider.Provider, o outgoing.Order) (*webhook.Delivery, error) {
	o.Provider, o.At = p, s.cfg.Now()
	o.URL = "http://localhost" // each endpoint puts its own in
	return outgoing.Compose(o)
}

// wanting returns the endpoints that want an event.
func (s *Server) wanting(p *provider.Provider, eventType string) []*endpoint {
	return slices.DeleteFunc(s.list(p.ID), func(e *endpoint) bool {
		return !e.Active || !e.pattern.Match(p.ID, eventType)
	})
}

// atOnce is how many deliveries of one event are stored side by side.
const atOnce = 64

// deliveries is how many deliveries h makes.
func (s *Server) deliveries(h happening) int {
	return len(h.endpoints) * (1 + s.cfg.Faults.over(h.faults).Duplicate)
}

// roomFor says whether all deliveries of all can be kept.
func (s *Server) roomFor(all []happening) bool {
	n := s.Pending()
	for _, h := range all {
		n += s.deliveries(h)
	}
	return n <= maxPending
}

// happen stores a delivery for each endpoint and lets them go. When it returns
// without an error, all of them are on disk; the ids are in the endpoints'
// order.
func (s *Server) happen(ctx context.Context, h happening) ([]string, error) {
	faults := s.cfg.Faults.over(h.faults)
	if !s.roomFor([]happening{h}) {
		return nil, errBacklog
	}
	n := s.deliveries(h)
	s.cfg.Observe(Event{Kind: Emitted, Provider: h.draft.Provider, Delivery: h.draft, Endpoints: len(h.endpoints)})
	out, errs := make([]string, n), make([]error, n)
	base := s.clock.now().Add(h.after + faults.Delay)
	slots := make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for i := range n {
		due := base
		if faults.Jitter > 0 {
			due = due.Add(rand.N(faults.Jitter)) //nolint:gosec // an order, not a secret
		}
		dropped := faults.Drop > 0 && rand.Float64() < faults.Drop //nolint:gosec // as above
		d := *h.draft
		d.ID, d.ReceivedAt = s.ids.New(s.cfg.Now()), s.cfg.Now()
		out[i] = d.ID
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			errs[i] = s.owe(ctx, h.endpoints[i/(1+faults.Duplicate)], &d, h, due, dropped)
		})
	}
	all.Wait()
	s.look()
	return out, errors.Join(errs...)
}

// droppedText is the record of a delivery that was lost on purpose.
const droppedText = notSent + "dropped on purpose"

// owe stores one delivery and lets it wait for its time.
func (s *Server) owe(ctx context.Context, e *endpoint, draft *webhook.Delivery, h happening, due time.Time, dropped bool) error {
	outgoing.SetURL(draft, e.URL)
	d, err := e.signer.Sign(draft, s.cfg.Now())
	if err != nil {
		return err
	}
	d.Verification = e.signer.Judge(d, s.cfg.Now())
	d.Verification.SecretName = e.ID
	if dropped {
		d.Attempts = []webhook.Attempt{{Number: 1, URL: e.URL, At: s.cfg.Now(), Err: droppedText}}
		return s.store.Append(ctx, d)
	}
	j := &job{
		entry: store.Redelivery{ID: d.ID, URL: e.URL, Number: 1}, due: due, place: -1,
		note: note{Endpoint: e.ID, Flow: h.flow, Step: h.step},
	}
	// The queue first: an entry without a delivery was promised to nobody and
	// is dropped.
	if err := s.enqueue(ctx, j); err != nil {
		return err
	}
	if err := s.store.Append(ctx, d); err != nil {
		return errors.Join(err, s.store.Done(context.WithoutCancel(ctx), j.entry))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addLocked(j)
	return nil
}

// A linker gives the events of a flow the same ids: where an earlier one had
// an id of some kind, a later one that has an id of that kind gets it.
type linker struct {
	known map[string]string // kind to what chance has made
}

// link changes the body of the next event of the flow, but for what it was given.
func (l *linker) link(d *webhook.Delivery, given eventInput) {
	if l.known == nil {
		l.known = map[string]string{}
	}
	for _, id := range idsIn(d) {
		first, ok := l.known[id.kind]
		switch {
		case !ok || given.sets(id.path):
			l.known[id.kind] = id.chance
		case len(id.chance) >= minChance:
			// Links and texts in the body repeat what chance has made.
			d.Body = bytes.ReplaceAll(d.Body, []byte(id.chance), []byte(first))
		}
	}
}

// sets says whether the event was given the field at path.
func (in eventInput) sets(path payload.Path) bool {
	for _, group := range []map[string]json.RawMessage{in.Set, in.SetNew} {
		for text := range group {
			if p, err := payload.ParsePath(text); err == nil && p.String() == path.String() {
				return true
			}
		}
	}
	return false
}

// A foundID is an id in a body: render_8f3k2… is of the kind render, and chance
// has made the rest. The kind of one that is chance alone is where it stands.
type foundID struct {
	path         payload.Path
	kind, chance string
}

const (
	// maxPaths is how many fields of a body are looked at for ids.
	maxPaths = 500
	// minChance is how long a text is that can be taken for chance's work.
	minChance = 8
)

// idsIn finds the ids in a body, besides that of the event.
func idsIn(d *webhook.Delivery) []foundID {
	form := regexp.MustCompile(`^(?:([a-z]+)_)?([0-9A-Za-z-]{1,64})$`)
	var out []foundID
	for _, text := range payload.Paths(d.Body, maxPaths) {
		path, err := payload.ParsePath(text)
		if err != nil || !isIDField(text) {
			continue
		}
		v := payload.FindOne(d.Body, path)
		m := form.FindStringSubmatch(v.Text())
		if v.Kind != payload.String || v.Text() == d.EventID || m == nil {
			continue
		}
		out = append(out, foundID{path, cmp.Or(m[1], text), m[2]})
	}
	return out
}

func isIDField(path string) bool {
	return path == "id" || slices.ContainsFunc([]string{".id", "_id", "Id", "ID"}, func(end string) bool { return strings.HasSuffix(path, end) })
}

// A step is one event of a flow.
type step struct {
	Type string
	Set  map[string]string // path to JSON
}

// flows returns the sequences of events that have a name, by provider.
func flows(id string) map[string][]step {
	plain := func(types ...string) []step {
		var out []step
		for _, t := range types {
			out = append(out, step{Type: t})
		}
		return out
	}
	progress := func(last string) []step {
		return []step{
			{Type: "render.started"},
			{Type: "render.progress", Set: map[string]string{"data.progress": "25"}},
			{Type: "render.progress", Set: map[string]string{"data.progress": "50"}},
			{Type: "render.progress", Set: map[string]string{"data.progress": "75"}},
			{Type: last},
		}
	}
	switch id {
	case "loopcanvas":
		return map[string][]step{
			"render": progress("render.completed"), "render-failed": progress("render.failed"),
			"canvas": plain("track.analyzed", "canvas.completed"), "video": plain("track.analyzed", "video.completed"),
		}
	case "canvelete":
		return map[string][]step{
			"design": plain("design.created", "design.updated", "render.completed", "export.completed"),
			"delete": plain("design.created", "design.deleted"),
		}
	case "generic":
		return map[string][]step{
			"user":    plain("user.created", "user.updated", "user.deleted"),
			"project": plain("project.created", "project.updated", "project.deleted"),
			"payment": plain("payment.failed", "payment.succeeded"),
		}
	}
	return nil
}

// flowSteps returns the steps of a flow.
func flowSteps(id, name string) ([]step, error) {
	all := flows(id)
	if list, ok := all[name]; ok {
		return list, nil
	}
	var names []string
	for one := range all {
		names = append(names, one)
	}
	slices.Sort(names)
	e := &inputError{Field: "flow", Message: fmt.Sprintf("%s has no flow %q", id, name), Hint: "list any events in events, in their order"}
	if len(names) > 0 {
		e.Hint = "it has " + strings.Join(names, ", ") + "; " + e.Hint
	}
	return nil, e
}
