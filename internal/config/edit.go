package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// An Edit changes one setting in a file.
type Edit struct {
	File    string // is made if it does not exist
	Profile string // the section to change, "" for the top of the file
	Key     string
	Texts   []string // the new value; none takes the setting out of the file
}

// Write changes the file as the edit says and keeps everything else in it,
// comments too. A value that could not be read again is refused with an *Error,
// a key that does not exist with an *UnknownKeyError; the file is then as it
// was.
func Write(e Edit) error {
	key, err := lookupKey(e.Key)
	if err != nil {
		return err
	}
	if e.Key == "providers" && e.Profile != "" {
		return &Error{File: e.Key, Err: errors.New("providers are the same in every profile")}
	}
	for _, text := range e.Texts {
		if key.check == nil {
			break
		}
		if err := key.check(text); err != nil {
			return &Error{File: e.Key, Err: err}
		}
	}
	text, mode, err := readForEdit(e.File)
	if err != nil {
		return err
	}
	changed, err := e.apply(text, key.List)
	if err != nil {
		return err
	}
	if _, err := parse(e.File, FromFile, changed); err != nil {
		return err
	}
	return replaceFile(e.File, changed, mode)
}

// readForEdit returns the file as it is, and checks that it can be read as
// settings: what is wrong already is not made worse.
func readForEdit(path string) ([]byte, fs.FileMode, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0o600, nil
	}
	if err != nil {
		return nil, 0, err
	}
	f, err := readFile(path, FromFile)
	if err != nil {
		return nil, 0, err
	}
	return f.text, info.Mode().Perm(), nil
}

// path is where the key stands in the tree.
func (e Edit) path() []string {
	var path []string
	if e.Profile != "" {
		path = append(path, "profiles", e.Profile)
	}
	if name, ok := strings.CutPrefix(e.Key, secretsPrefix); ok {
		return append(path, "secrets", name)
	}
	return append(path, e.Key)
}

// apply changes the tree of the text. A new setting at the top of the file is
// appended as a line, so that the rest stays as it was written.
func (e Edit) apply(text []byte, list bool) ([]byte, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, yamlError(e.File, err)
	}
	value := valueNode(e.Texts, list)
	empty := doc.Kind == 0 || doc.Content[0].Tag == "!!null"
	path := e.path()
	if empty && value == nil {
		return text, nil
	}
	if value != nil && len(path) == 1 && (empty || find(doc.Content[0], path[0]) < 0) {
		return appendLine(text, path[0], value)
	}
	if empty {
		doc = yaml.Node{Kind: yaml.DocumentNode, Content: []*yaml.Node{{Kind: yaml.MappingNode}}, HeadComment: strings.TrimSpace(string(text))}
	}
	if value == nil {
		remove(doc.Content[0], path)
	} else {
		put(doc.Content[0], path, value)
	}
	if len(doc.Content[0].Content) == 0 {
		doc.Content[0] = &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", HeadComment: doc.Content[0].HeadComment}
	}
	return encode(&doc)
}

func encode(n *yaml.Node) ([]byte, error) {
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		return nil, fmt.Errorf("write settings: %w", err)
	}
	return b.Bytes(), enc.Close()
}

func appendLine(text []byte, key string, value *yaml.Node) ([]byte, error) {
	line, err := encode(&yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{scalar(key), value}})
	if err != nil {
		return nil, err
	}
	if len(text) > 0 && !bytes.HasSuffix(text, []byte("\n")) {
		text = append(text, '\n')
	}
	return append(slices.Clone(text), line...), nil
}

func scalar(text string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(text)
	return n
}

// valueNode is nil for no value. Text that would be read as something else, a
// number as well, is quoted by the encoder where it must be.
func valueNode(texts []string, list bool) *yaml.Node {
	if len(texts) == 0 {
		return nil
	}
	if !list {
		return scalar(texts[0])
	}
	n := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, text := range texts {
		n.Content = append(n.Content, scalar(text))
	}
	return n
}

// find returns the index of the value of key in a mapping, -1 if it has none.
func find(n *yaml.Node, key string) int {
	if n.Kind != yaml.MappingNode {
		return -1
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return i + 1
		}
	}
	return -1
}

func put(n *yaml.Node, path []string, value *yaml.Node) {
	i := find(n, path[0])
	if i < 0 {
		n.Content = append(n.Content, scalar(path[0]), &yaml.Node{Kind: yaml.MappingNode})
		i = len(n.Content) - 1
	}
	if len(path) == 1 {
		old := n.Content[i]
		value.LineComment, value.FootComment = old.LineComment, old.FootComment
		n.Content[i] = value
		return
	}
	if n.Content[i].Kind == yaml.AliasNode { // what others share stays as it is
		n.Content[i] = copyOf(n.Content[i].Alias)
	}
	if n.Content[i].Kind != yaml.MappingNode {
		n.Content[i] = &yaml.Node{Kind: yaml.MappingNode}
	}
	put(n.Content[i], path[1:], value)
}

func copyOf(n *yaml.Node) *yaml.Node {
	c := *n
	c.Anchor = ""
	c.Content = slices.Clone(n.Content)
	return &c
}

// remove takes path out of the tree, and the mappings that are empty then.
func remove(n *yaml.Node, path []string) {
	i := find(n, path[0])
	if i < 0 {
		return
	}
	if len(path) > 1 {
		remove(n.Content[i], path[1:])
		if n.Content[i].Kind != yaml.MappingNode || len(n.Content[i].Content) > 0 {
			return
		}
	}
	n.Content = slices.Delete(n.Content, i-1, i+1)
}

// ProjectPath returns the file that a new setting of the project at dir is
// written to: the one in force, else one in dir.
func (s *Settings) ProjectPath() string {
	if s.project != nil {
		return s.project.path
	}
	return filepath.Join(s.options.Dir, ProjectFile)
}
