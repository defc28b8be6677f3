package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/hooks-cli/hooks/internal/yamldoc"
	"go.yaml.in/yaml/v3"

	"github.com/hooks-cli/hooks/internal/spelling"
)

const (
	kindProject = FromProject
	kindUser    = FromUser
	kindGiven   = FromFile
)

// A section is the values of one level of a file, by key.
type section map[string]Value

// A file is one file of settings, checked.
type file struct {
	path        string
	kind        Kind
	root        string // of the project
	trusted     bool
	text        []byte
	top         section
	profiles    map[string]section
	definitions []Definition
}

// A Definition is a provider that a file of settings defines.
type Definition struct {
	Path   string     // the file with the definition, as written; "" if Inline is set
	Inline *yaml.Node // the definition itself, with the lines of File
	File   string     // the file of settings that has it
	Line   int        // where in File

	Untrusted bool // the file is a project's that is not trusted
}

func (f *file) find(key, profile string) (Value, bool) {
	if v, ok := f.profiles[profile][key]; ok && profile != "" {
		return v, true
	}
	v, ok := f.top[key]
	return v, ok
}

// The limits of what is read. A file of settings that is meant has far less.
const (
	maxAliased = 1_000 // nodes that aliases are expanded to
	maxDepth   = 64
)

// parser reads one file.
type parser struct {
	f       *file
	aliased int
}

// parse checks text and returns its values. Every error is an *Error with the
// place.
func parse(path string, kind Kind, text []byte) (*file, error) {
	f := &file{path: path, kind: kind, text: text, top: section{}, profiles: map[string]section{}}
	p := &parser{f: f}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return f, nil // empty, or comments only
	case err != nil:
		return nil, yamlError(path, err)
	}
	var second yaml.Node
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return nil, &Error{File: path, Line: max(second.Line, 1), Column: 1, Err: errors.New("a second document follows; settings are one")}
	}
	root, err := p.expand(doc.Content[0], 0, false)
	if err != nil {
		return nil, err
	}
	if root.Kind == yaml.ScalarNode && root.Tag == "!!null" {
		return f, nil
	}
	if err := p.section(root, "", f.top); err != nil {
		return nil, err
	}
	return f, nil
}

// expand returns a copy of n in which aliases are what they stand for, so that
// every part can be read by itself. Aliases of aliases come to an end: what
// they expand to is counted.
func (p *parser) expand(n *yaml.Node, depth int, aliased bool) (*yaml.Node, error) {
	place := n
	for n.Kind == yaml.AliasNode {
		n, aliased = n.Alias, true
	}
	if aliased {
		p.aliased++
	}
	if p.aliased > maxAliased || depth > maxDepth {
		return nil, p.fail(place, "this goes deeper, or repeats more, than settings can mean")
	}
	c := *n
	c.Anchor, c.Line, c.Column = "", place.Line, place.Column
	c.Content = make([]*yaml.Node, len(n.Content))
	for i, child := range n.Content {
		var err error
		if c.Content[i], err = p.expand(child, depth+1, aliased); err != nil {
			return nil, err
		}
	}
	return &c, nil
}

// yamlError takes the line out of the message of the YAML package, and leaves
// out the rest where it would quote the file.
func yamlError(path string, err error) error {
	line, msg := yamldoc.SyntaxError(err)
	return &Error{File: path, Line: line, Column: 1, Err: fmt.Errorf("not YAML: %s", msg)}
}

func (p *parser) fail(n *yaml.Node, format string, args ...any) error {
	return &Error{File: p.f.path, Line: n.Line, Column: n.Column, Err: fmt.Errorf(format, args...)}
}

// pairs returns keys and values of a mapping; a key that is there twice is an
// error.
func (p *parser) pairs(n *yaml.Node) (keys []string, at, values []*yaml.Node, err error) {
	if n.Kind != yaml.MappingNode {
		return nil, nil, nil, p.fail(n, "settings are of the form KEY: VALUE")
	}
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode {
			return nil, nil, nil, p.fail(k, "the name of a setting is a word")
		}
		if seen[k.Value] {
			return nil, nil, nil, p.fail(k, "%q is there twice", k.Value)
		}
		seen[k.Value] = true
		keys, at, values = append(keys, k.Value), append(at, k), append(values, n.Content[i+1])
	}
	return keys, at, values, nil
}

// section reads a level of settings into sec: the top of the file, or one
// profile.
func (p *parser) section(n *yaml.Node, profile string, sec section) error {
	keys, at, values, err := p.pairs(n)
	if err != nil {
		return err
	}
	for i, name := range keys {
		switch {
		case name == "profiles" && profile == "":
			err = p.profiles(values[i])
		case name == "secrets":
			err = p.secrets(values[i], profile, sec)
		case name == "providers" && profile == "":
			err = p.definitions(values[i])
		case name == "providers":
			err = p.fail(at[i], "providers are the same in every profile: move them to the top")
		default:
			err = p.value(name, at[i], values[i], profile, sec)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) profiles(n *yaml.Node) error {
	names, at, values, err := p.pairs(n)
	if err != nil {
		return err
	}
	for i, name := range names {
		if !ValidProfile(name) {
			return p.fail(at[i], "%q is not a name for a profile: letters, digits, - and _", name)
		}
		p.f.profiles[name] = section{}
		if err := p.section(values[i], name, p.f.profiles[name]); err != nil {
			return err
		}
	}
	return nil
}

// ValidProfile says whether name can be the name of a profile.
func ValidProfile(name string) bool {
	return len(name) <= 64 && regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`).MatchString(name)
}

func (p *parser) secrets(n *yaml.Node, profile string, sec section) error {
	names, at, values, err := p.pairs(n)
	if err != nil {
		return err
	}
	for i, name := range names {
		if err := p.value(secretsPrefix+name, at[i], values[i], profile, sec); err != nil {
			return err
		}
	}
	return nil
}

// value reads the value of one key.
func (p *parser) value(name string, at, n *yaml.Node, profile string, sec section) error {
	key, err := lookupKey(name)
	if err != nil {
		names := append(keyNames(), "profiles")
		if near := spelling.Nearest(name, names); near != "" {
			return p.fail(at, "%w (did you mean %s?)", err, near)
		}
		return p.fail(at, "%w: there are %s", err, strings.Join(names, ", "))
	}
	items := []*yaml.Node{n}
	if key.List && n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	v := Value{Key: name, Origin: Origin{Kind: p.f.kind, Name: p.f.path, Line: at.Line, Profile: profile}, dir: filepath.Dir(p.f.path)}
	for _, item := range items {
		switch {
		case item.Kind != yaml.ScalarNode && key.List:
			return p.fail(item, "%s is a list of words", name)
		case item.Kind != yaml.ScalarNode:
			return p.fail(item, "%s is one word, not a list or a mapping", name)
		case item.Tag == "!!null":
			return p.fail(item, "%s has no value", name)
		}
		if err := key.check(item.Value); err != nil {
			return p.fail(item, "%s: %w", name, err)
		}
		v.Texts = append(v.Texts, item.Value)
	}
	sec[name] = v
	return nil
}

// definitions reads the providers of the file: a list whose items are names of
// files or definitions.
func (p *parser) definitions(n *yaml.Node) error {
	items := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		items = n.Content
	}
	for _, item := range items {
		d := Definition{File: p.f.path, Line: item.Line}
		switch {
		case item.Kind == yaml.ScalarNode && item.Tag != "!!null" && item.Value != "":
			d.Path = item.Value
		case item.Kind == yaml.MappingNode:
			d.Inline = item
		default:
			return p.fail(item, "providers is a list of files or of definitions")
		}
		p.f.definitions = append(p.f.definitions, d)
	}
	return nil
}
