package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/address"
	"github.com/hooks-cli/hooks/internal/spelling"
	"github.com/hooks-cli/hooks/internal/units"
)

// A Key is one setting there is.
type Key struct {
	Name    string // as in the files and for `hooks config`
	Env     string // the variable, "" for none
	Usage   string
	Example string
	Default string // "" where what happens without a value is told in Usage
	List    bool   // it takes several values

	check func(text string) error
	allow func(f *file, v Value) bool // in a project's file that is not trusted
}

const secretsPrefix = "secrets."

// Keys returns every key there is: the table that files are checked against
// and that the help shows. "secrets.NAME" stands for one key for each provider.
func Keys() []Key {
	return []Key{
		{
			Name: "provider", Env: "HOOKS_PROVIDER", Example: "canvelete",
			Usage: "the provider that is meant where none is named", check: notEmpty, allow: always,
		},
		{
			Name: "to", Env: "HOOKS_TO", Example: "http://127.0.0.1:3000/webhooks/canvelete",
			Usage: "where send and replay deliver; without it http://127.0.0.1:3000 and the provider's usual path", check: checkURL, allow: loopbackURL,
		},
		{
			Name: "listen", Env: "HOOKS_LISTEN", Example: ":3000", Default: ":3000",
			Usage: "where listen takes deliveries", check: checkListen, allow: loopbackListen,
		},
		{
			Name: "forward", Env: "HOOKS_FORWARD", Example: "[render.*=http://127.0.0.1:8080/renders]", List: true,
			Usage: "where listen forwards deliveries, each URL or PATTERN=URL", check: checkForward, allow: loopbackForward,
		},
		{
			Name: "events", Env: "HOOKS_EVENTS", Example: "render.*,video.*",
			Usage: "the pattern of events that listen shows and forwards", check: notEmpty, allow: always,
		},
		{
			Name: "filter", Env: "HOOKS_FILTER", Example: ".data.status == \"done\"",
			Usage: "the jq expression for payloads that listen shows and forwards", check: notEmpty, allow: always,
		},
		{
			Name: "secrets.NAME", Env: "HOOKS_SECRET_NAME", Example: "env:CANVELETE_SECRET",
			Usage: "where the signing secret of provider NAME is: env:VARIABLE or @FILE, in files never the secret itself", check: checkSecret, allow: secretInside,
		},
		{
			Name: "providers", Example: "[./acme.yaml]", List: true,
			Usage: "definitions of your own providers: files, or the definitions themselves; project's and user's add up", check: notEmpty,
		},
		{
			Name: "tolerance", Env: "HOOKS_TOLERANCE", Example: "10m",
			Usage: "how old a signed timestamp may be; without it as the provider says", check: checkTolerance,
		},
		{
			Name: "max_body", Env: "HOOKS_MAX_BODY", Example: "50MiB", Default: "25MiB",
			Usage: "the largest body that listen takes", check: checkSize,
		},
		{
			Name: "store", Env: "HOOKS_STORE", Example: "~/captures.db",
			Usage: "the file that captures are kept in; without it one in the user's data directory", check: notEmpty,
		},
		{
			Name: "keep", Env: "HOOKS_KEEP", Example: "[7d, 100MiB]", Default: "30d 1GiB", List: true,
			Usage: "what the store keeps: an age, a number of captures or a size, whichever comes first", check: checkKeep,
		},
		{
			Name: "relay", Env: "HOOKS_RELAY", Example: "https://relay.example.com",
			Usage: "the relay that tunnels go through", check: checkURL,
		},
		{
			Name: "color", Env: "HOOKS_COLOR", Example: "never", Default: "auto",
			Usage: "colour the output: auto, always or never", check: checkColor, allow: always,
		},
	}
}

// lookupKey returns the key called name.
func lookupKey(name string) (Key, error) {
	provider, isSecret := strings.CutPrefix(name, secretsPrefix)
	for _, key := range Keys() {
		switch {
		case isSecret && provider != "" && key.Name == "secrets.NAME":
			key.Name, key.Env = name, "" // the variable holds a secret, not the place of one
			return key, nil
		case key.Name == name && !isSecret:
			return key, nil
		}
	}
	return Key{}, &UnknownKeyError{Name: name, Nearest: spelling.Nearest(name, keyNames())}
}

func keyNames() []string {
	var names []string
	for _, key := range Keys() {
		names = append(names, strings.TrimSuffix(key.Name, ".NAME"))
	}
	return names
}

// split reads the text of a variable or of the command line as values: a list
// is separated by white space.
func (k Key) split(text string) []string {
	if k.List {
		return strings.Fields(text)
	}
	return []string{text}
}

// An UnknownKeyError says that there is no such key.
type UnknownKeyError struct {
	Name    string
	Nearest string // "" if none is near
}

// Error names the key.
func (e *UnknownKeyError) Error() string { return fmt.Sprintf("there is no setting %q", e.Name) }

// An Error says what is wrong with a value, and where it stands.
type Error struct {
	File         string // or the variable
	Line, Column int    // 0 where it is a variable
	Err          error
}

// Error begins with the place, as compilers do.
func (e *Error) Error() string {
	if e.Line == 0 {
		return e.File + ": " + e.Err.Error()
	}
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Err)
}

// Unwrap returns what is wrong.
func (e *Error) Unwrap() error { return e.Err }

func notEmpty(text string) error {
	if strings.TrimSpace(text) == "" {
		return errors.New("the value is empty")
	}
	return nil
}

func checkURL(text string) error {
	_, err := address.ParseURL(text)
	return err
}

func checkListen(text string) error {
	_, err := address.ParseListen(text)
	return err
}

// SplitForward divides "PATTERN=URL" into its parts; without a pattern the
// whole is the URL. A "=" in the URL's query is not the one that divides.
func SplitForward(text string) (pattern, url string) {
	before, after, ok := strings.Cut(text, "=")
	if !ok || strings.ContainsAny(before, "/?") {
		return "", text
	}
	return before, after
}

func checkForward(text string) error {
	_, url := SplitForward(text)
	return checkURL(url)
}

func checkSecret(text string) error {
	switch kind, name := splitSecret(text); {
	case kind == "":
		return errors.New("a secret does not stand in a file: write env:VARIABLE or @FILE, or keep it with hooks secrets set")
	case name == "":
		return errors.New("the name after env: or @ is missing")
	}
	return nil
}

// splitSecret divides "env:NAME", "@FILE" and "file:FILE"; kind is "env", "file"
// or "".
func splitSecret(text string) (kind, name string) {
	for prefix, kind := range map[string]string{"env:": "env", "@": "file", "file:": "file"} {
		if name, ok := strings.CutPrefix(text, prefix); ok {
			return kind, name
		}
	}
	return "", ""
}

func checkTolerance(text string) error {
	d, err := units.ParseDuration(text)
	if err == nil && d == 0 {
		return errors.New("the tolerance cannot be off in a setting: give --tolerance off with the command that needs it")
	}
	return err
}

func checkSize(text string) error {
	n, err := units.ParseSize(text)
	if err == nil && n == 0 {
		return errors.New("the size is 0")
	}
	return err
}

func checkKeep(text string) error {
	_, err := ParseKeep(text)
	return err
}

// A Keep is one bound of what the store keeps; the others are zero.
type Keep struct {
	Age   time.Duration
	Count int64 // captures
	Bytes int64
}

// ParseKeep reads an age ("30d"), a number of captures ("10000") or a size
// ("1GiB"). "100m" could be minutes or MiB and is refused: it decides what is
// deleted.
func ParseKeep(text string) (Keep, error) {
	age, notAge := units.ParseDuration(text)
	n, notSize := units.ParseSize(text)
	digits := strings.Trim(text, "0123456789") == ""
	switch {
	case notAge != nil && notSize != nil:
		return Keep{}, fmt.Errorf("%q is no age (30d), number of captures (10000) or size (1GiB)", text)
	case notAge == nil && notSize == nil && !digits:
		return Keep{}, fmt.Errorf("%q could be minutes or MiB: write %sMiB or an age in hours or days", text, strings.TrimRight(text, "mM"))
	case age == 0 && n == 0:
		return Keep{}, fmt.Errorf("%q would keep nothing", text)
	case digits:
		return Keep{Count: n}, nil
	case notAge == nil:
		return Keep{Age: age}, nil
	}
	return Keep{Bytes: n}, nil
}

func checkColor(text string) error {
	if words := []string{"auto", "always", "never"}; !slices.Contains(words, text) {
		return fmt.Errorf("%q is not one of %s", text, strings.Join(words, ", "))
	}
	return nil
}

// harmless says whether a project's file that nobody has looked at may set the
// value: it can then choose what is shown and use this machine, but not reach
// another one, read outside of the project, or delete.
func (f *file) harmless(key Key, v Value) bool { return key.allow != nil && key.allow(f, v) }

func always(*file, Value) bool { return true }

func loopbackURL(_ *file, v Value) bool {
	u, err := address.ParseURL(v.Text())
	return err == nil && address.LoopbackURL(u)
}

func loopbackListen(_ *file, v Value) bool {
	l, err := address.ParseListen(v.Text())
	return err == nil && l.Loopback()
}

func loopbackForward(_ *file, v Value) bool {
	return !slices.ContainsFunc(v.Texts, func(text string) bool {
		_, target := SplitForward(text)
		u, err := address.ParseURL(target)
		return err != nil || !address.LoopbackURL(u)
	})
}

func secretInside(f *file, v Value) bool {
	kind, name := splitSecret(v.Text())
	if v.Key == secretsPrefix+"relay" {
		return false // it goes to another machine as it is
	}
	return kind == "env" || kind == "file" && f.inside(name)
}

// inside says whether name, as the file has it, is a path inside of the project
// after all links have been followed. What does not exist is not inside.
func (f *file) inside(name string) bool {
	if strings.HasPrefix(name, "~") {
		return false
	}
	if !filepath.IsAbs(name) {
		name = filepath.Join(filepath.Dir(f.path), name)
	}
	real, err := filepath.EvalSymlinks(name)
	if err != nil {
		return false
	}
	root, err := filepath.EvalSymlinks(f.root)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(root, real)
	return err == nil && filepath.IsLocal(rel)
}
