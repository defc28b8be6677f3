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
//	h HEADER    canonical name of a header by which it is recognised
//	b PATH      path by which its bodies are, if no header does
//	e TYPE      type of an event
//
// A test keeps it fresh; its flag -update writes it.

// readIndex trusts the index, which only the test writes.
func readIndex(text string) []*entry {
	var out []*entry
	for text != "" {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		if len(line) < 3 {
			continue
		}
		value := line[2:]
		if line[0] == 'p' {
			out = append(out, &entry{id: value, origin: builtIn, load: func() (*Provider, error) { return loadFile(value) }})
			continue
		}
		e := out[len(out)-1]
		switch line[0] {
		case 'n':
			e.name = value
		case 'r':
			e.rank, _ = strconv.Atoi(value)
		case 'g':
			e.group = value
		case 'h':
			e.headers = append(e.headers, value)
		case 'b':
			e.shape = append(e.shape, payload.MustPath(value))
		case 'e':
			e.events = append(e.events, value)
		}
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
		p.entry().write(&b)
	}
	return b.String(), nil
}

func (e *entry) write(b *strings.Builder) {
	fmt.Fprintf(b, "p %s\nn %s\nr %d\n", e.id, e.name, e.rank)
	if e.group != "" {
		fmt.Fprintf(b, "g %s\n", e.group)
	}
	for _, h := range e.headers {
		fmt.Fprintf(b, "h %s\n", h)
	}
	for _, p := range e.shape {
		fmt.Fprintf(b, "b %s\n", p)
	}
	for _, t := range e.events {
		fmt.Fprintf(b, "e %s\n", t)
	}
}
