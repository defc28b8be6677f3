package provider

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/hooks-cli/hooks/internal/scheme"
)

// A TypeError says that a body is of another event than the one that was asked
// for.
type TypeError struct {
	Want, Got string
}

// Error names both types.
func (e *TypeError) Error() string {
	return fmt.Sprintf("the body is the event %q, not %q", e.Got, e.Want)
}

// buildAround makes the request that carries a given body.
func (p *Provider) buildAround(o BuildOptions) (*Event, error) {
	m := &scheme.Message{Header: http.Header{}, Body: o.Body}
	info := p.Describe(m)
	if o.Type != "" && info.EventType != "" && o.Type != info.EventType {
		return nil, &TypeError{Want: o.Type, Got: info.EventType}
	}
	if o.ID != "" && len(p.Places.ID) == 0 {
		return nil, fmt.Errorf("%s: %w", p.ID, ErrNoEventID)
	}
	if o.ID != "" && info.EventID != "" && o.ID != info.EventID {
		if err := p.replaceID(m, o.ID); err != nil {
			return nil, err
		}
		info = p.Describe(m)
	}
	ev := &Event{Type: info.EventType, ID: info.EventID, CreatedAt: info.CreatedAt, Method: p.Delivery.Method, Header: http.Header{}, Body: m.Body}
	if ev.Type == "" {
		ev.Type = o.Type
	}
	o.Type = ev.Type
	s := p.sampler(o)
	s.values, s.body, s.id = p.values, ev.Body, ev.ID
	if ev.CreatedAt.IsZero() {
		ev.CreatedAt = s.at
	}
	if s.id == "" && len(p.Places.ID) > 0 {
		if s.id = o.ID; s.id == "" {
			s.id = string(p.idForm.append(nil, s))
		}
		ev.ID = s.id
	}
	p.headersLike(ev, s)
	p.setPlaces(ev)
	m.Header = ev.Header
	if info := p.Describe(m); info.EventID == "" {
		ev.ID = "" // neither body nor headers show one
	}
	return ev, nil
}

// replaceID puts id where m shows the event's id.
func (p *Provider) replaceID(m *scheme.Message, id string) error {
	for _, text := range p.Places.ID {
		place, err := scheme.ParsePlace(text)
		if err != nil || len(place.Values(m)) == 0 {
			continue
		}
		if err := place.Set(m, id); err != nil {
			return fmt.Errorf("set the event id: %w", err)
		}
		return nil
	}
	return fmt.Errorf("the event id of %s is no single field and cannot be set", p.ID)
}

// headersLike gives ev the headers of the sample of its type, or those of any
// other where that has none.
func (p *Provider) headersLike(ev *Event, s *sampler) {
	i := slices.IndexFunc(p.Events, func(e EventType) bool { return e.Type == ev.Type })
	if i < 0 && len(p.samples) == 0 {
		ev.Header.Set("Content-Type", "application/json")
		return
	}
	for _, h := range p.samples[max(i, 0)].headers {
		ev.Header[h.name] = []string{string(h.text.append(nil, s))}
	}
}

// NewEventID makes an id as the provider's events have it, and "" if they have
// none.
func (p *Provider) NewEventID() string {
	if len(p.Places.ID) == 0 {
		return ""
	}
	s := p.sampler(BuildOptions{})
	s.values = p.values
	return string(p.idForm.append(nil, s))
}
