// Package vectortest reads test vectors: requests whose verdict is known, one
// a file, from a folder per provider or scheme in testdata/vectors.
//
// A file begins with lines "key: value", ends them with an empty line, and has
// the exact bytes of the body after that:
//
//	comment      what the case is, why it is there
//	source       where it was published
//	secret       the signing secret; secret-file names a file beside it instead
//	method, url  of the request; POST and http://127.0.0.1/ if left out
//	at           the Unix second as of which it is judged, and signed again
//	header       NAME: VALUE, any number of times
//	expect       verified, or the reason why not
//	reproduces   "yes": signing the request again gives the same headers
//
// Cases of things that go wrong, in testdata/explain, have further keys:
//
//	stack        what has made the body
//	secret-json  the signing secret as a JSON string
//	other        NAME=SECRET, another secret that is known; any number of times
//	causes       what went wrong, or "none", or "unknown"
//	lost         what cannot be known from the request any more
//
// A folder that is not named by a provider's id has a file definition.yaml.
package vectortest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/scheme"
)

// Definition is the file in which a folder defines its own provider.
const Definition = "definition.yaml"

// A Vector is one case.
type Vector struct {
	Name       string // of the file
	Folder     string // the provider's id
	Secret     safetext.Secret
	Message    scheme.Message
	At         time.Time
	Expect     string
	Reproduces bool

	Others map[string]safetext.Secret // by name
	Causes []string
	Lost   string

	raw   []byte
	lines [][2]string
}

// A Folder is the vectors of one provider.
type Folder struct {
	Name       string
	Definition []byte // nil if the provider is built in
	Vectors    []*Vector
}

// Load reads all folders in dir.
func Load(tb testing.TB, dir string) []Folder {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*", "*.vec"))
	if err != nil || len(names) == 0 {
		tb.Fatalf("no vectors in %s: %v", dir, err)
	}
	var out []Folder
	for _, name := range names {
		folder := filepath.Dir(name)
		if n := len(out); n == 0 || out[n-1].Name != filepath.Base(folder) {
			out = append(out, Folder{Name: filepath.Base(folder)})
			if def, err := os.ReadFile(filepath.Join(folder, Definition)); err == nil {
				out[len(out)-1].Definition = def
			}
		}
		v, err := read(name)
		if err != nil {
			tb.Fatalf("%s: %v", name, err)
		}
		f := &out[len(out)-1]
		f.Vectors = append(f.Vectors, v)
	}
	return out
}

func read(name string) (*Vector, error) {
	raw, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	head, body, ok := bytes.Cut(raw, []byte("\n\n"))
	if !ok {
		return nil, fmt.Errorf("no empty line before the body")
	}
	v := &Vector{Name: filepath.Base(name), Folder: filepath.Base(filepath.Dir(name)), raw: raw}
	v.Message = scheme.Message{Method: "POST", URL: "http://127.0.0.1/", Header: http.Header{}, Body: body}
	for line := range strings.SplitSeq(string(head), "\n") {
		key, value, ok := strings.Cut(line, ": ")
		if !ok {
			return nil, fmt.Errorf("%q is not key: value", line)
		}
		v.lines = append(v.lines, [2]string{key, value})
		if err := v.set(filepath.Dir(name), key, value); err != nil {
			return nil, err
		}
	}
	return v, nil
}

func (v *Vector) set(dir, key, value string) error {
	switch key {
	case "comment", "source", "stack":
	case "secret":
		v.Secret = safetext.NewSecret(value)
	case "secret-file":
		text, err := os.ReadFile(filepath.Join(dir, filepath.Base(value)))
		v.Secret = safetext.NewSecret(string(text))
		return err
	case "secret-json":
		var text string
		err := json.Unmarshal([]byte(value), &text)
		v.Secret = safetext.NewSecret(text)
		return err
	case "other":
		name, text, _ := strings.Cut(value, "=")
		if v.Others == nil {
			v.Others = map[string]safetext.Secret{}
		}
		v.Others[name] = safetext.NewSecret(text)
	case "causes":
		v.Causes = strings.Split(value, ", ")
	case "lost":
		v.Lost = value
	case "method":
		v.Message.Method = value
	case "url":
		v.Message.URL = value
	case "at":
		n, err := strconv.ParseInt(value, 10, 64)
		v.At = time.Unix(n, 0)
		return err
	case "header":
		name, text, ok := strings.Cut(value, ": ")
		if !ok {
			return fmt.Errorf("header %q has no value", value)
		}
		v.Message.Header.Add(name, text)
	case "expect":
		v.Expect = value
	case "reproduces":
		v.Reproduces = value == "yes"
	default:
		return fmt.Errorf("unknown key %q", key)
	}
	return nil
}

// Bytes writes the vector as its file has it.
func (v *Vector) Bytes() []byte {
	var b bytes.Buffer
	for _, line := range v.lines {
		fmt.Fprintf(&b, "%s: %s\n", line[0], line[1])
	}
	b.WriteByte('\n')
	b.Write(v.Message.Body)
	return b.Bytes()
}

// Raw returns the bytes of the file.
func (v *Vector) Raw() []byte { return v.raw }

// Clone returns a copy of the request that can be changed.
func (v *Vector) Clone() *scheme.Message {
	m := v.Message
	m.Header = v.Message.Header.Clone()
	m.Body = bytes.Clone(v.Message.Body)
	return &m
}
