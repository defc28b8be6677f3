package provider

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/hooks-cli/hooks/internal/payload"
)

// The index holds what has to be known about all providers before any is
// decoded, so that a start takes no longer the more there are. It is text, a
// line for each fact: a letter, a space, the fact.
//
//	p ID        begins a provider
//	n NAME
//	r RANK
//	g GROUP
//	s HEADER    canonical name of a header with its signature
//	h HEADER    of another one by which it is recognised
//	b PATH      path by which its bodies are, if no header does
//	k COUNT     how many handshakes it has, if any
//	e TYPE      type of an event
//
// A test keeps it fresh; its flag -update writes it.

// readIndex trusts the index, which only the test writes. The types of events,
// most of its lines, are left as they stand until they are asked for.
func readIndex(text string) []*entry {
	out := make([]*entry, 0, strings.Count(text, "\np ")+1)
	for text != "" {
		end := strings.Index(text, "\np ") + 1
		if end == 0 {
			end = len(text)
		}
		out = append(out, readEntry(text[:end]))
		text = text[end:]
	}
	return out
}

func readEntry(part string) *entry {
	e := &entry{origin: builtIn}
	for part != "" && !strings.HasPrefix(part, "e ") {
		var line string
		line, part, _ = strings.Cut(part, "\n")
		if len(line) < 3 {
			continue
		}
		switch value := line[2:]; line[0] {
		case 'p':
			e.id = value
		case 'n':
			e.name = value
		case 'r':
			e.rank, _ = strconv.Atoi(value)
		case 'g':
			e.group = value
		case 's':
			e.headers = append(e.headers, value)
			e.signature = len(e.headers)
		case 'h':
			e.headers = append(e.headers, value)
		case 'k':
			e.greets = true
		case 'b':
			e.shape = append(e.shape, payload.MustPath(value))
		}
	}
	e.types = part
	e.load = func() (*Provider, error) { return loadFile(e.id) }
	return e
}

// sends says whether the provider sends events of this type.
func (e *entry) sends(eventType string) bool {
	line := "e " + eventType + "\n"
	return eventType != "" && (strings.HasPrefix(e.types, line) || strings.Contains(e.types, "\n"+line))
}

// events lists the types of its events.
func (e *entry) events() []string {
	var out []string
	for line := range strings.Lines(e.types) {
		out = append(out, strings.TrimSuffix(line[2:], "\n"))
	}
	return out
}

// makeIndex writes the index of the definitions that are built in.
func makeIndex() (string, error) {
	names, err := fs.Glob(files, "data/*.yaml")
	if err != nil {
		return "", err
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		id := strings.TrimSuffix(strings.TrimPrefix(name, "data/"), ".yaml")
		p, err := loadFile(id)
		if err != nil {
			return "", err
		}
		if p.ID != id {
			return "", fmt.Errorf("%s: its id is %q", name, p.ID)
		}
		e := p.entry()
		e.provide = p
		e.write(&b)
	}
	return b.String(), nil
}

func (e *entry) write(b *strings.Builder) {
	fmt.Fprintf(b, "p %s\nn %s\nr %d\n", e.id, e.name, e.rank)
	if e.group != "" {
		fmt.Fprintf(b, "g %s\n", e.group)
	}
	for i, h := range e.headers {
		letter := "h"
		if i < e.signature {
			letter = "s"
		}
		fmt.Fprintf(b, "%s %s\n", letter, h)
	}
	for _, p := range e.shape {
		fmt.Fprintf(b, "b %s\n", p)
	}
	if e.greets {
		fmt.Fprintf(b, "k %d\n", len(e.provide.handshakes))
	}
	b.WriteString(e.types)
}
