package scenario

import (
	"context"
	"net/url"

	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/provider"
)

// Check finds the mistakes that show only beside the providers: names of
// providers and events, and fields that an event does not have. What depends on
// links shows when the scenario runs.
func Check(ctx context.Context, w World, s *Scenario) []*Problem {
	var out []*Problem
	problem := func(at Place, err error) {
		out = append(out, &Problem{File: s.File, Place: at, Message: err.Error()})
	}
	for _, st := range s.Steps {
		if st.receive != nil && st.receive.provider != "" && !w.IsProvider(st.receive.provider) {
			if _, err := w.Provider(ctx, st.receive.provider, nil, nil); err != nil {
				problem(st.receive.at, err)
			}
		}
		if st.send == nil || st.send.data != nil {
			continue
		}
		p, types, at, err := literalEvents(ctx, w, s, st.send)
		if err != nil {
			problem(at, err)
			continue
		}
		for i, t := range types {
			d, err := outgoing.Compose(outgoing.Order{Provider: p, URL: "http://localhost", Type: t, At: w.Now()})
			if err != nil {
				problem(st.send.types[i].at, err)
				continue
			}
			for _, e := range st.send.edits {
				if err := missing(d.Body, e); err != nil {
					problem(e.at, err)
				}
			}
		}
	}
	return out
}

// literalEvents returns the events of a step, none if links hide them.
func literalEvents(ctx context.Context, w World, s *Scenario, q *send) (*provider.Provider, []string, Place, error) {
	of := &s.provider
	if q.hasProvider {
		of = &q.provider
	}
	at := of.at
	name, ok := of.literal()
	var types []string
	for i := range q.types {
		t, literal := q.types[i].literal()
		ok = ok && literal
		ok = ok && t != "" // a mistake that has been told
		types = append(types, t)
	}
	if !ok || len(types) == 0 {
		return nil, nil, at, nil
	}
	if name == "" {
		at = q.types[0].at
	}
	p, err := w.Provider(ctx, name, types, nil)
	return p, types, at, err
}

// missing says that an event has no field for an edit.
func missing(body []byte, e edit) error {
	path, err := payload.ParsePath(e.path)
	if err != nil || e.create {
		return err
	}
	_, err = payload.Set(body, payload.Edit{Path: path, Value: "null", Mode: payload.Raw})
	return err
}

// First returns the address that a scenario calls first, as far as that can be
// said before it runs: where to wait for an app. It is nil if the scenario calls
// nothing.
func First(ctx context.Context, w World, s *Scenario) (*url.URL, error) {
	c := &scope{s: s, vars: map[string]string{}, steps: map[string]*record{}, listen: w.Listen, variable: w.Variable}
	for _, v := range s.vars {
		text, given := w.Vars[v.name]
		if !given {
			var err error
			if text, err = c.expand(&v.value); err != nil {
				return nil, err
			}
		}
		c.vars[v.name] = text
	}
	for _, st := range s.Steps {
		switch {
		case st.request != nil:
			to, err := c.expand(&st.request.url)
			if err != nil {
				return nil, err
			}
			return w.Target(to, nil)
		case st.send != nil:
			to, err := c.expand(pick(&st.send.to, &s.to))
			if err != nil {
				return nil, err
			}
			p, _, _, err := literalEvents(ctx, w, s, st.send)
			if err != nil {
				return nil, err
			}
			return w.Target(to, p)
		}
	}
	return nil, nil // it calls nothing
}
