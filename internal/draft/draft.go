// Package draft writes provider definitions for a person to go on with: after
// the example of another provider, or from an OpenAPI or AsyncAPI document.
//
// What it writes is YAML with comments and is a valid definition. It guesses
// where a document says nothing of how events are told apart, and says that it
// did; how deliveries are signed it never guesses.
package draft

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Provider names what a definition is written for.
type Provider struct {
	ID   string
	Name string // "" makes one of the id
}

// ID makes an id for a provider of a name: lower-case letters, digits and "-".
func ID(name string) string {
	id := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(name), "-")
	id = strings.Trim(id, "-")
	if len(id) > 64 {
		id = strings.TrimRight(id[:64], "-")
	}
	return id
}

// title is a name in the form of a header: Acme-Billing.
func title(id string) string {
	parts := strings.Split(id, "-")
	for i, p := range parts {
		if p != "" {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "-")
}

func (p Provider) name() string {
	if p.Name != "" {
		return p.Name
	}
	return strings.ReplaceAll(title(p.ID), "-", " ")
}

// Like writes a definition for p after the example of another provider, whose
// definition is model. The names of the other one become p's own.
func Like(p Provider, model []byte) ([]byte, error) {
	doc, other, err := example(p, model)
	if err != nil {
		return nil, err
	}
	out := &yaml.Node{Kind: yaml.MappingNode}
	put(out, "id", text(p.ID), "What --provider takes; also the end of the usual path, /webhooks/"+p.ID+".")
	put(out, "name", text(p.name()), "")
	put(out, "group", text("own"), "hooks providers list shows providers by group.")
	for _, part := range parts() {
		if n := member(doc, part.name); n != nil {
			put(out, part.name, n, part.comment)
		}
	}
	head := fmt.Sprintf("How %s sends webhooks, after the example of %s.\nhooks help providers explains every field; hooks providers validate says what is wrong.",
		p.name(), other)
	return encode(out, head)
}

// A part is a field of a definition that a draft takes over.
type part struct{ name, comment string }

func parts() []part {
	return []part{
		{"schemes", "How a delivery is signed: content is what is signed, signature where the result stands.\nhooks providers show draws it."},
		{"event", "Where a delivery shows its event: id, type and time. Leave id out if events have none."},
		{"recognise", "How a delivery is known to be from here, besides the header of its signature."},
		{"request", "What else goes along with every delivery."},
		{"delivery", "What is waited before each attempt, and which answers count."},
		{"handshakes", "Requests that ask whether an address wants deliveries."},
		{"values", "Texts that samples share."},
		{"events", "The events, each with a sample. {{…}} is made anew for each: {{id}}, {{time}}, {{alnum 12}}, {{int 1 9}}."},
	}
}

// example is the model without what is true of its provider alone, and with the
// names of p in place of its own, which is returned too.
func example(p Provider, model []byte) (definition *yaml.Node, name string, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(model, &doc); err != nil || len(doc.Content) == 0 {
		return nil, "", fmt.Errorf("the example cannot be read: %w", err)
	}
	root := doc.Content[0]
	if name = scalarOf(root, "name"); name == "" {
		name = scalarOf(root, "id")
	}
	uncomment(root)
	names(p, root).apply(root)
	if events := member(root, "events"); events != nil && len(events.Content) > maxExamples {
		events.Content = events.Content[:maxExamples]
	}
	for _, list := range []string{"schemes", "events"} {
		if n := member(root, list); n != nil {
			for _, item := range n.Content {
				forget(item, "source", "note", "assumed", "synthetic")
				forget(member(item, "secret"), "note")
			}
		}
	}
	forget(member(root, "delivery"), "source", "retries")
	if rule := member(root, "recognise"); rule != nil {
		forget(rule, "shared")
		if len(rule.Content) == 0 {
			forget(root, "recognise")
		}
	}
	plainFacts(root)
	return root, name, nil
}

// maxExamples is how many events of another provider are taken over.
const maxExamples = 3

// A renaming puts the names of one provider in place of another's.
type renaming struct {
	to    Provider
	hosts *regexp.Regexp
	words *regexp.Regexp // nil where the other's name is too short to be looked for
}

func names(p Provider, model *yaml.Node) *renaming {
	id, name := scalarOf(model, "id"), scalarOf(model, "name")
	r := &renaming{to: p, hosts: regexp.MustCompile(`(?i)\b` + regexp.QuoteMeta(id) + `\.(com|io|dev|co|net|org|app)\b`)}
	var words []string
	for _, word := range []string{strings.ReplaceAll(name, " ", "-"), strings.ReplaceAll(name, " ", ""), id, strings.ReplaceAll(id, "-", "_")} {
		if len(word) >= len("box") {
			words = append(words, regexp.QuoteMeta(word))
		}
	}
	if len(words) > 0 {
		r.words = regexp.MustCompile(`(?i)(` + strings.Join(words, "|") + `)`)
	}
	return r
}

// text is s with the names of the new provider, in the case of the old ones.
func (r *renaming) text(s string) string {
	s = r.hosts.ReplaceAllString(s, r.to.ID+".example")
	if r.words == nil || strings.Contains(s, "$.") {
		return s
	}
	var b strings.Builder
	last := 0
	for _, at := range r.words.FindAllStringIndex(s, -1) {
		word := s[at[0]:at[1]]
		if at[0] > 0 && letter(s[at[0]-1]) || at[1] < len(s) && letter(s[at[1]]) {
			continue
		}
		b.WriteString(s[last:at[0]])
		switch {
		case word == strings.ToUpper(word):
			b.WriteString(strings.ToUpper(strings.ReplaceAll(r.to.ID, "-", "_")))
		case word == strings.ToLower(word):
			b.WriteString(r.to.ID)
		default:
			b.WriteString(title(r.to.ID))
		}
		last = at[1]
	}
	return b.String() + s[last:]
}

func letter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }

// apply renames in all texts and in the names of headers. In samples only hosts
// are renamed: their words are those of an event.
func (r *renaming) apply(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode {
		n.Value = r.text(n.Value)
	}
	for i, c := range n.Content {
		switch {
		case n.Kind == yaml.MappingNode && i%2 == 0 && strings.ToLower(c.Value) == c.Value && !strings.ContainsAny(c.Value, "-:"):
		case n.Kind == yaml.MappingNode && i%2 == 1 && slices.Contains([]string{"sample", "text", "form"}, n.Content[i-1].Value):
			r.host(c)
		default:
			r.apply(c)
		}
	}
}

func (r *renaming) host(n *yaml.Node) {
	n.Value = r.hosts.ReplaceAllString(n.Value, r.to.ID+".example")
	for _, c := range n.Content {
		r.host(c)
	}
}

// uncomment removes comments, which are about the other provider.
func uncomment(n *yaml.Node) {
	n.HeadComment, n.LineComment, n.FootComment = "", "", ""
	for _, c := range n.Content {
		uncomment(c)
	}
}

// plainFacts writes {value: …, assumed: true} as the value alone: whoever goes
// on with it will know.
func plainFacts(n *yaml.Node) {
	for i, c := range n.Content {
		if v := member(c, "value"); v != nil && (member(c, "assumed") != nil || member(c, "source") != nil) {
			n.Content[i] = v
			continue
		}
		plainFacts(c)
	}
}

func member(n *yaml.Node, name string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}

func scalarOf(n *yaml.Node, name string) string {
	if m := member(n, name); m != nil {
		return m.Value
	}
	return ""
}

// forget removes members.
func forget(n *yaml.Node, names ...string) {
	if n == nil || n.Kind != yaml.MappingNode {
		return
	}
	var kept []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		if !slices.Contains(names, n.Content[i].Value) {
			kept = append(kept, n.Content[i], n.Content[i+1])
		}
	}
	n.Content = kept
}

// put adds a member with a comment above it.
func put(n *yaml.Node, name string, value *yaml.Node, comment string) {
	key := &yaml.Node{Kind: yaml.ScalarNode, Value: name, HeadComment: comment}
	n.Content = append(n.Content, key, value)
}

func text(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

// encode writes a definition, its parts set off from each other.
func encode(n *yaml.Node, head string) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return nil, err
	}
	if err := enc.Close(); err != nil {
		return nil, err
	}
	out := "# " + strings.ReplaceAll(head, "\n", "\n# ") + "\n\n"
	for i, line := range strings.SplitAfter(b.String(), "\n") {
		if strings.HasPrefix(line, "# ") && i > 0 && !strings.HasSuffix(out, "\n\n") && !strings.HasPrefix(lastLine(out), "#") {
			out += "\n"
		}
		out += line
	}
	return []byte(out), nil
}

func lastLine(s string) string {
	s = strings.TrimSuffix(s, "\n")
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// quoted is a JSON string in which nothing is taken for a value that is made
// anew.
func quoted(s string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string, into memory
	return strings.ReplaceAll(strings.TrimSuffix(b.String(), "\n"), "{{", `{\u007b`)
}
