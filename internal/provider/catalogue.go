package provider

import (
	"cmp"
	"embed"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/hooks-cli/hooks/internal/payload"
	"github.com/hooks-cli/hooks/internal/spelling"
	"go.yaml.in/yaml/v3"
)

//go:embed data index.txt
var files embed.FS

const indexFile = "index.txt"

// A Source is a definition that a person added. Name is what messages call it,
// such as the path of its file.
type Source struct {
	Name string
	Data []byte
	// Node is used instead, for a definition within another file. Data is then
	// that file, or nil.
	Node *yaml.Node
	// Layer says what it may replace: definitions of a lower layer, and what is
	// built in.
	Layer int
	// Weak makes it a definition that replaces nothing: it is left out where
	// its id is taken.
	Weak bool
}

// A Catalogue is all providers that are known. It may be used by several
// goroutines at once.
type Catalogue struct {
	entries  []*entry // by rank, then id
	byID     map[string]*entry
	byHeader map[string][]*entry // by the headers by which they are recognised
	shapes   []payload.Path      // of the entries that no header tells, in their order
	left     []Source
}

// An entry is what is known about a provider without decoding it.
type entry struct {
	id, name  string
	rank      int
	group     string
	origin    string
	types     string         // of its events, as lines of the index
	headers   []string       // by which it is recognised
	signature int            // how many of them, from the first, have its signature
	shape     []payload.Path // the same, where none is
	greets    bool           // it has handshakes
	once      sync.Once
	provide   *Provider
	err       error
	load      func() (*Provider, error)
	source    Source // of a definition that is not built in
}

// An InvalidError says that definitions of a person are wrong.
type InvalidError struct {
	Source   string
	Problems []Problem
}

// Error lists the problems, one a line.
func (e *InvalidError) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		sep := ":"
		if p.Line == 0 {
			sep = ": "
		}
		lines[i] = e.Source + sep + p.String()
	}
	return strings.Join(lines, "\n")
}

// An UnknownError says that no provider has this id. Nearest is the one that
// was probably meant, or "".
type UnknownError struct {
	Name, Nearest string
}

// Error names the nearest provider.
func (e *UnknownError) Error() string {
	if e.Nearest == "" {
		return fmt.Sprintf("no provider %q", e.Name)
	}
	return fmt.Sprintf("no provider %q; did you mean %s?", e.Name, e.Nearest)
}

// Load returns the providers that are built in and those of user, which
// replace built-in ones with the same id, and each other by layer. The error is
// an *InvalidError.
func Load(user ...Source) (*Catalogue, error) {
	index, err := files.ReadFile(indexFile)
	if err != nil {
		return nil, err
	}
	entries := readIndex(string(index))
	var left []Source
	for _, src := range user {
		e, err := userEntry(src)
		if err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(entries, func(o *entry) bool { return o.id == e.id }); i >= 0 {
			switch {
			case src.Weak:
				left = append(left, src)
				continue
			case entries[i].origin == builtIn || entries[i].source.Layer < src.Layer:
			case entries[i].source.Layer > src.Layer:
				continue
			default:
				return nil, &InvalidError{src.Name, []Problem{{Message: fmt.Sprintf("%s is also defined in %s", e.id, entries[i].origin)}}}
			}
			entries = slices.Delete(entries, i, i+1)
		}
		entries = append(entries, e)
	}
	c := newCatalogue(entries)
	c.left = left
	return c, nil
}

// LeftOut returns the weak definitions whose ids were taken.
func (c *Catalogue) LeftOut() []Source { return c.left }

const builtIn = "built in"

func newCatalogue(entries []*entry) *Catalogue {
	slices.SortFunc(entries, byRank)
	c := &Catalogue{entries: entries, byID: make(map[string]*entry, len(entries)), byHeader: make(map[string][]*entry, len(entries))}
	for _, e := range entries {
		c.byID[e.id] = e
		for _, name := range e.headers {
			c.byHeader[name] = append(c.byHeader[name], e)
		}
		c.shapes = append(c.shapes, e.shape...)
	}
	return c
}

func byRank(a, b *entry) int {
	return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.id, b.id))
}

func userEntry(src Source) (*entry, error) {
	p, problems := read(src)
	if len(problems) > 0 {
		return nil, &InvalidError{src.Name, problems}
	}
	e := p.entry()
	e.source = src
	e.load = func() (*Provider, error) { return p, nil }
	return e, nil
}

// read decodes one definition of a person.
func read(src Source) (*Provider, []Problem) {
	node := src.Node
	if node == nil {
		var problems []Problem
		if node, problems = parse(src.Data); node == nil {
			return nil, problems
		}
	}
	return compile(node, src.Name, src.Data, false)
}

// entry makes the index's entry of a provider.
func (p *Provider) entry() *entry {
	e := &entry{id: p.ID, name: p.Name, rank: p.Rank, group: p.Group, origin: p.Origin, greets: len(p.handshakes) > 0}
	for _, ev := range p.Events {
		e.types += "e " + ev.Type + "\n"
	}
	var others []string
	for _, h := range p.rule.headers {
		if h.name != "User-Agent" && h.name != "Content-Type" {
			others = append(others, h.name)
		}
	}
	signature := distinct(p.signatureHeaders(), nil)
	e.signature, e.headers = len(signature), append(signature, distinct(others, signature)...)
	if len(e.headers) == 0 {
		e.shape = p.rule.body
	}
	return e
}

// distinct sorts names, each once, without those of another list.
func distinct(names, without []string) []string {
	names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return slices.Contains(without, n) })
	slices.Sort(names)
	return slices.Compact(names)
}

// provider decodes the definition, the first time.
func (e *entry) provider() (*Provider, error) {
	e.once.Do(func() { e.provide, e.err = e.load() })
	return e.provide, e.err
}

// YAML returns the definition of a provider, as its file has it.
func (c *Catalogue) YAML(id string) ([]byte, error) {
	e, ok := c.byID[id]
	switch {
	case !ok:
		return nil, &UnknownError{id, c.nearest(id)}
	case e.origin == builtIn:
		return files.ReadFile("data/" + id + ".yaml")
	case e.source.Node != nil:
		return yaml.Marshal(e.source.Node)
	}
	return e.source.Data, nil
}

func loadFile(id string) (*Provider, error) {
	name := "data/" + id + ".yaml"
	data, err := files.ReadFile(name)
	if err != nil {
		return nil, err
	}
	node, problems := parse(data)
	if node != nil {
		var p *Provider
		if p, problems = compile(node, builtIn, nil, true); p != nil {
			return p, nil
		}
	}
	return nil, &InvalidError{name, problems}
}

// Get returns the provider with this id. The error is an *UnknownError for an
// id that no provider has.
func (c *Catalogue) Get(id string) (*Provider, error) {
	e, ok := c.byID[id]
	if !ok {
		return nil, &UnknownError{id, c.nearest(id)}
	}
	return e.provider()
}

func (c *Catalogue) nearest(name string) string {
	if near := spelling.Nearest(name, c.IDs()); near != "" {
		return near
	}
	for _, e := range c.entries {
		if strings.EqualFold(e.name, name) {
			return e.id
		}
	}
	return ""
}

// Has says whether a provider has this id, without decoding it.
func (c *Catalogue) Has(id string) bool { return c.byID[id] != nil }

// IDs lists the ids of all providers, by rank and then alphabet, without
// decoding any.
func (c *Catalogue) IDs() []string {
	out := make([]string, len(c.entries))
	for i, e := range c.entries {
		out[i] = e.id
	}
	return out
}

// A Summary is what is known about a provider without decoding it.
type Summary struct {
	ID, Name string
	Rank     int
	Group    string
	Origin   string // "built in" or the name of its source
	Events   []string
	Headers  []string // canonical names of the headers by which it is recognised

	// Signature are those of Headers that have the signature.
	Signature []string
}

// Summaries lists all providers in the order of IDs, without decoding any.
func (c *Catalogue) Summaries() []Summary {
	out := make([]Summary, len(c.entries))
	for i, e := range c.entries {
		out[i] = Summary{
			ID: e.id, Name: e.name, Rank: e.rank, Group: e.group, Origin: e.origin, Events: e.events(),
			Headers: slices.Clone(e.headers), Signature: slices.Clone(e.headers[:e.signature]),
		}
	}
	return out
}

// All decodes and returns all providers in the order of IDs.
func (c *Catalogue) All() []*Provider {
	out := make([]*Provider, 0, len(c.entries))
	for _, e := range c.entries {
		if p, err := e.provider(); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// Greeters returns the providers that have handshakes, in the order of IDs. No
// other is decoded.
func (c *Catalogue) Greeters() []*Provider {
	var out []*Provider
	for _, e := range c.entries {
		if !e.greets {
			continue
		}
		if p, err := e.provider(); err == nil {
			out = append(out, p)
		}
	}
	return out
}

// IDsForEvent lists the ids of the providers that send events of this type,
// the one that is meant first, without decoding any.
func (c *Catalogue) IDsForEvent(eventType string) []string {
	var out []string
	for _, e := range c.entries {
		if e.sends(eventType) {
			out = append(out, e.id)
		}
	}
	return out
}

// EventTypes lists all types of events that any provider sends, each once, in
// alphabetical order, without decoding any.
func (c *Catalogue) EventTypes() []string {
	var out []string
	for _, e := range c.entries {
		out = append(out, e.events()...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// NearestEvent returns the event type that was probably meant, and "".
func (c *Catalogue) NearestEvent(eventType string) string {
	return spelling.Nearest(eventType, c.EventTypes())
}
