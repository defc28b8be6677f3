package emulate

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"

	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/payload"
)

// An eventInput is one event, as the control API takes it.
type eventInput struct {
	Provider  string                     `json:"provider"`
	Type      string                     `json:"type"`
	ID        string                     `json:"id"`
	Body      json.RawMessage            `json:"body"`
	Set       map[string]json.RawMessage `json:"set"`
	SetNew    map[string]json.RawMessage `json:"set_new"`
	Endpoints []string                   `json:"endpoints"`
	After     duration                   `json:"after"`
	Faults    *faultsInput               `json:"faults"`
}

type faultsInput struct {
	Duplicate int      `json:"duplicate"`
	Drop      any      `json:"drop"`
	Delay     duration `json:"delay"`
	Jitter    duration `json:"jitter"`
}

func (in *faultsInput) faults() (Faults, error) {
	if in == nil {
		return Faults{}, nil
	}
	f := Faults{Duplicate: in.Duplicate, Delay: time.Duration(in.Delay), Jitter: time.Duration(in.Jitter)}
	if in.Duplicate < 0 || in.Duplicate > maxDuplicates {
		return f, &inputError{Field: "faults.duplicate", Message: fmt.Sprintf("it must be from 0 to %d", maxDuplicates)}
	}
	switch drop := in.Drop.(type) {
	case nil:
	case bool:
		if drop {
			f.Drop = 1
		}
	case float64:
		f.Drop = drop
	default:
		f.Drop = -1
	}
	if f.Drop < 0 || f.Drop > 1 {
		return f, &inputError{Field: "faults.drop", Message: "it must be true, false or a share from 0 to 1"}
	}
	return f, nil
}

const (
	maxDuplicates = 100
	maxFlow       = 1000
)

// An eventsInput is what POST /_hooks/events takes: one event, several in their
// order, or a flow that has a name.
type eventsInput struct {
	eventInput
	Events  []eventInput `json:"events"`
	Flow    string       `json:"flow"`
	Shuffle bool         `json:"shuffle"`
}

// An eventView is an event that happened.
type eventView struct {
	ID         *string  `json:"id"`
	Type       string   `json:"type"`
	Provider   string   `json:"provider"`
	Deliveries []string `json:"deliveries"`
}

func controlEvents(c *call) {
	var in eventsInput
	err := c.strict(&in)
	var list []eventInput
	if err == nil {
		list, err = c.steps(&in)
	}
	var all []happening
	if err == nil {
		all, err = c.happenings(list, in.Shuffle)
	}
	if err == nil && !c.s.roomFor(all) {
		err = errBacklog
	}
	if err != nil {
		c.fail(err)
		return
	}
	out := make([]eventView, len(all))
	for i, h := range all {
		made, err := c.s.happen(c.Context(), h)
		if err != nil {
			c.fail(err)
			return
		}
		out[i] = eventView{Type: h.draft.EventType, Provider: h.draft.Provider, Deliveries: made}
		if h.draft.EventID != "" {
			out[i].ID = &all[i].draft.EventID
		}
	}
	c.json(http.StatusCreated, map[string]any{"events": out})
}

// steps are the events that are asked for. What is said for all of them holds
// where one says nothing itself.
func (c *call) steps(in *eventsInput) ([]eventInput, error) {
	named := in.Type != "" || in.Body != nil
	switch {
	case in.Flow == "" && len(in.Events) == 0:
		return []eventInput{in.eventInput}, nil
	case in.Flow != "" && len(in.Events) > 0, named:
		return nil, &inputError{Message: "give one of type or body, events and flow"}
	case len(in.Events) > maxFlow:
		return nil, &inputError{Field: "events", Message: fmt.Sprintf("at most %d", maxFlow)}
	}
	list := in.Events
	if in.Flow != "" {
		flow, err := flowSteps(in.Provider, in.Flow)
		if err != nil {
			return nil, err
		}
		for _, st := range flow {
			one := eventInput{Type: st.Type, After: in.After, Set: map[string]json.RawMessage{}}
			for path, value := range st.Set {
				one.Set[path] = json.RawMessage(value)
			}
			list = append(list, one)
		}
	}
	for i := range list {
		one := &list[i]
		one.Provider = cmp.Or(one.Provider, in.Provider)
		if one.Endpoints == nil {
			one.Endpoints = in.Endpoints
		}
		if one.Faults == nil {
			one.Faults = in.Faults
		}
	}
	return list, nil
}

// happenings prepares events; nothing happens before all of them are right.
func (c *call) happenings(list []eventInput, shuffle bool) ([]happening, error) {
	var links linker
	var out []happening
	var after time.Duration
	flow := ""
	if len(list) > 1 && !shuffle {
		flow = c.s.newID("")
	}
	for i, one := range list {
		h, err := c.happening(one)
		if err != nil {
			return nil, err
		}
		if flow != "" && one.Body == nil {
			links.link(h.draft, one)
		}
		after += time.Duration(one.After)
		h.after, h.flow, h.step = after, flow, i
		out = append(out, h)
	}
	if shuffle {
		rearrange(out)
	}
	return out, nil
}

// rearrange leaves several events in another order than they had.
func rearrange(list []happening) {
	if len(list) < 2 {
		return
	}
	first := list[0].draft
	for list[0].draft == first {
		rand.Shuffle(len(list), func(i, k int) { list[i], list[k] = list[k], list[i] }) //nolint:gosec // an order, not a secret
	}
}

func (c *call) happening(in eventInput) (happening, error) {
	h := happening{}
	p, err := c.provider(in.Provider)
	if err != nil {
		return h, err
	}
	if h.faults, err = in.Faults.faults(); err != nil {
		return h, err
	}
	o := outgoing.Order{Type: in.Type, ID: in.ID}
	if in.Body != nil {
		o.Data = in.Body
		var text string
		if json.Unmarshal(in.Body, &text) == nil {
			o.Data = []byte(text) // any bytes, as they are
		}
	} else if in.Type == "" {
		return h, &inputError{Field: "type", Message: "it is required", Hint: "hooks providers show " + p.ID + " lists them"}
	}
	if o.Edits, err = edits(in); err != nil {
		return h, err
	}
	if h.draft, err = c.s.draft(p, o); err != nil {
		return h, &inputError{Message: err.Error()}
	}
	h.endpoints = c.s.wanting(p, h.draft.EventType)
	if in.Endpoints != nil {
		h.endpoints = nil
		for _, id := range in.Endpoints {
			e := c.s.find(id, p.ID)
			if e == nil {
				return h, &inputError{Field: "endpoints", Message: p.ID + " has no endpoint " + id}
			}
			if e.Active {
				h.endpoints = append(h.endpoints, e)
			}
		}
	}
	return h, nil
}

// edits reads set and set_new, in the order of the paths.
func edits(in eventInput) ([]payload.Edit, error) {
	var out []payload.Edit
	for _, group := range []struct {
		values map[string]json.RawMessage
		mode   payload.Mode
	}{{in.Set, payload.Raw}, {in.SetNew, payload.RawCreate}} {
		for _, text := range slices.Sorted(maps.Keys(group.values)) {
			path, err := payload.ParsePath(text)
			if err != nil {
				return nil, &inputError{Field: "set", Message: err.Error()}
			}
			out = append(out, payload.Edit{Path: path, Value: string(group.values[text]), Mode: group.mode})
		}
	}
	return out, nil
}
