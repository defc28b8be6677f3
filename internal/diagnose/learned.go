package diagnose

import (
	"cmp"
	"slices"

	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// Parsers that keep objects in sorted maps, as Go and databases do, lose the
// order in which a provider writes names. It can be learned from other bodies
// of that provider. A wrong guess does no harm: it makes another signature.

// maxExamples bounds the bodies that an order is learned from.
const maxExamples = 12

// examples are bodies of the provider: those that are known, then its samples.
func (r Request) examples() [][]byte {
	out := slices.Clone(r.Examples[:min(len(r.Examples), maxExamples)])
	if r.Provider == nil {
		return out
	}
	return append(out, samples(r.Provider, r.Message)...)
}

// samples are the provider's own for the event in m, or if that is not known
// for all of its events.
func samples(p *provider.Provider, m *scheme.Message) [][]byte {
	var out [][]byte
	seed := int64(1)
	name := p.Describe(m).EventType
	_, known := p.Event(name)
	for _, e := range p.Events {
		if known && e.Type != name || len(out) == maxExamples {
			continue
		}
		if ev, err := p.Build(provider.BuildOptions{Type: e.Type, Seed: &seed}); err == nil {
			out = append(out, ev.Body)
		}
	}
	return out
}

// learned returns the order of names in the examples, nil if there is nothing
// to learn. The members of an object are arranged as those of the one that it
// has most names in common with; the names that it has alone come last.
func learned(examples [][]byte) order {
	var shapes []map[string]int
	for _, b := range examples {
		if d := parseJSON(b); d != nil {
			shapes = append(shapes, shapesOf(d)...)
		}
	}
	if len(shapes) == 0 {
		return nil
	}
	return func(members []member) {
		var like map[string]int
		most := 0
		for _, shape := range shapes {
			common := 0
			for _, m := range members {
				if _, ok := shape[m.text]; ok {
					common++
				}
			}
			if common > most {
				like, most = shape, common
			}
		}
		at := func(m member) int {
			if i, ok := like[m.text]; ok {
				return i
			}
			return len(like)
		}
		slices.SortStableFunc(members, func(a, b member) int { return cmp.Compare(at(a), at(b)) })
	}
}

// shapesOf lists the objects of a document, each as the places of its names.
func shapesOf(d *document) []map[string]int {
	var out, open []map[string]int
	for _, t := range d.tokens {
		switch t.kind {
		case '{':
			open = append(open, map[string]int{})
		case '}':
			last := len(open) - 1
			if len(open[last]) > 1 {
				out = append(out, open[last])
			}
			open = open[:last]
		case 'k':
			shape := open[len(open)-1]
			if _, ok := shape[t.text()]; !ok {
				shape[t.text()] = len(shape)
			}
		}
	}
	return out
}
