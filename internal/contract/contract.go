// Package contract reads OpenAPI and AsyncAPI documents for the webhooks that
// they describe: their names, their headers, and a sample body of each, made
// from examples and schemas.
//
// A document is read as plain YAML nodes, of which JSON is a part. What a
// document has and this package cannot take over is said in its notes, with the
// line; it is never guessed. References are followed within the document alone:
// the package does no I/O.
package contract

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Limits of a document and of what is made of it.
const (
	MaxBytes   = 32 << 20
	maxDepth   = 64
	maxAliased = 1000
	maxValues  = 2000 // of one sample that is made
	maxExample = 20_000
	maxEvents  = 1000
)

// A Document is what was read.
type Document struct {
	Format string // "OpenAPI 3.1.0"
	Title  string
	Docs   string // address of more documentation
	Events []Event
	Notes  []Note // what could not be taken over
}

// An Event is one request that the document says will be sent.
type Event struct {
	Name        string
	Summary     string
	Method      string // POST if it is not said
	ContentType string // "" if there is no body
	Body        *Value // nil if there is none, or none that could be made
	Headers     []Header
	Auth        *Auth  // how the request proves itself, nil if it is not said
	Source      string // where it stands, as a reference
	Line        int
}

// A Header is one that comes with an event.
type Header struct {
	Name  string
	Value *Value
}

// An Auth is a way in which a request proves where it is from. Kind is token,
// bearer or basic.
type Auth struct {
	Kind   string
	Header string
}

// A Note says what was not taken over, and where it stands.
type Note struct {
	Line int // 0 for none
	Text string
}

// String writes line LINE: TEXT.
func (n Note) String() string {
	if n.Line == 0 {
		return n.Text
	}
	return fmt.Sprintf("line %d: %s", n.Line, n.Text)
}

// A SyntaxError says why a document could not be read.
type SyntaxError struct {
	Line int // 0 if it is not known
	Err  error
}

// Error names the line.
func (e *SyntaxError) Error() string {
	if e.Line == 0 {
		return e.Err.Error()
	}
	return fmt.Sprintf("line %d: %v", e.Line, e.Err)
}

// Unwrap returns the error without its line.
func (e *SyntaxError) Unwrap() error { return e.Err }

// Read reads a document. The error is a *SyntaxError, or says that the document
// is of a kind that has no webhooks.
func Read(data []byte) (*Document, error) {
	root, err := parse(data)
	if err != nil {
		return nil, err
	}
	r := &reader{root: root, doc: &Document{}, names: map[string]bool{}}
	info := r.get(root, "info")
	r.doc.Title = r.text(info, "title")
	r.doc.Docs = r.text(r.get(root, "externalDocs"), "url")
	switch version := r.text(root, "openapi"); {
	case version != "":
		r.doc.Format = "OpenAPI " + version
		r.openAPI()
	case r.text(root, "asyncapi") != "":
		r.doc.Format = "AsyncAPI " + r.text(root, "asyncapi")
		r.asyncAPI()
	case r.text(root, "swagger") != "":
		return nil, errors.New("swagger 2.0 has no webhooks: OpenAPI 3.0 has callbacks, 3.1 has webhooks")
	default:
		return nil, &SyntaxError{root.Line, errors.New("neither openapi nor asyncapi is said at the top")}
	}
	return r.doc, nil
}

// parse reads YAML or JSON into its top node.
func parse(data []byte) (*yaml.Node, error) {
	if len(data) > MaxBytes {
		return nil, &SyntaxError{0, fmt.Errorf("more than %d MiB", MaxBytes>>20)}
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		text = strings.ReplaceAll(text, "\t", " ") // JSON is indented with them, YAML is not
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return nil, &SyntaxError{0, errors.New(strings.TrimPrefix(err.Error(), "yaml: "))}
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, &SyntaxError{1, errors.New("this is no OpenAPI or AsyncAPI document")}
	}
	aliased := 0
	if n := tooDeep(doc.Content[0], maxDepth, &aliased); n != nil {
		return nil, &SyntaxError{n.Line, fmt.Errorf("nested deeper than %d, or with more than %d aliases", maxDepth, maxAliased)}
	}
	return doc.Content[0], nil
}

// tooDeep returns a node that is deeper than the limit, or the alias that is
// one too many.
func tooDeep(n *yaml.Node, limit int, aliased *int) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		if *aliased++; *aliased > maxAliased {
			return n
		}
		return nil
	}
	if limit < 0 {
		return n
	}
	for _, c := range n.Content {
		if deep := tooDeep(c, limit-1, aliased); deep != nil {
			return deep
		}
	}
	return nil
}

// A reader walks one document.
type reader struct {
	root  *yaml.Node
	doc   *Document
	names map[string]bool // of events

	copied, marked int // values of one example, to end what repeats itself
}

func (r *reader) note(n *yaml.Node, format string, args ...any) {
	one := Note{Text: fmt.Sprintf(format, args...)}
	if n != nil {
		one.Line = n.Line
	}
	if !slices.Contains(r.doc.Notes, one) {
		r.doc.Notes = append(r.doc.Notes, one)
	}
}

// get returns a member of a mapping, aliases and references followed; nil if
// there is none.
func (r *reader) get(n *yaml.Node, name string) *yaml.Node { return r.follow(child(n, name)) }

func child(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return plain(n.Content[i+1])
		}
	}
	return nil
}

// plain is what an alias stands for.
func plain(n *yaml.Node) *yaml.Node {
	for n != nil && n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func (r *reader) text(n *yaml.Node, name string) string {
	if c := r.get(n, name); c != nil && c.Kind == yaml.ScalarNode && c.Tag != "!!null" {
		return c.Value
	}
	return ""
}

// each calls do for the members of a mapping in their order, references
// followed.
func (r *reader) each(n *yaml.Node, do func(name string, value *yaml.Node)) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if v := r.follow(plain(n.Content[i+1])); v != nil {
			do(n.Content[i].Value, v)
		}
	}
}

// follow returns what a reference refers to, n if it is none, and nil with a
// note if it leads nowhere in this document.
func (r *reader) follow(n *yaml.Node) *yaml.Node {
	for range maxDepth {
		ref := child(n, "$ref")
		if ref == nil || ref.Kind != yaml.ScalarNode {
			return n
		}
		to := r.find(ref.Value)
		if to == nil {
			if strings.HasPrefix(ref.Value, "#/") {
				r.note(ref, "%s refers to nothing in this document", ref.Value)
			} else {
				r.note(ref, "%s is in another document, which is not read", ref.Value)
			}
			return nil
		}
		n = to
	}
	r.note(n, "a reference that leads back to itself")
	return nil
}

// find resolves a JSON pointer within the document.
func (r *reader) find(ref string) *yaml.Node {
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil
	}
	n := r.root
	for part := range strings.SplitSeq(path, "/") {
		part = strings.NewReplacer("~1", "/", "~0", "~", "%7B", "{", "%7D", "}", "%20", " ").Replace(part)
		if n != nil && n.Kind == yaml.SequenceNode {
			index := slices.Index([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, part)
			if index < 0 || index >= len(n.Content) {
				return nil
			}
			n = plain(n.Content[index])
			continue
		}
		if n = child(n, part); n == nil {
			return nil
		}
	}
	return n
}

// add takes an event over, under a name that no other has.
func (r *reader) add(at *yaml.Node, e Event, otherwise string) {
	if r.names[e.Name] && otherwise != "" {
		e.Name = otherwise
	}
	switch {
	case r.names[e.Name]:
		r.note(at, "another event is called %s: this one is left out", e.Name)
		return
	case len(r.doc.Events) >= maxEvents:
		r.note(at, "more than %d events: the rest is left out", maxEvents)
		return
	}
	r.names[e.Name] = true
	e.Line = at.Line
	r.doc.Events = append(r.doc.Events, e)
}

// firstLine is the first line of a description, cut where it is long.
func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	line = strings.TrimSpace(strings.TrimLeft(line, "# "))
	const enough = 160
	if len(line) > enough {
		cut := strings.LastIndexByte(line[:enough], ' ')
		line = line[:max(cut, 1)] + "…"
	}
	return strings.ToValidUTF8(line, "")
}
