package cli

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/units"
)

// MaxInput is how much is read from a file or from standard input for one
// value: more than any body that is captured.
const MaxInput = 32 << 20

// Bytes reads a value as the command line gives it: "-" is standard input,
// "@FILE" and "file:FILE" the bytes of a file, "env:NAME" a variable, and
// anything else is meant literally. The bytes are returned as they are, at most
// MaxInput of them.
func (e *Env) Bytes(s string) ([]byte, error) {
	switch kind, name := cutKind(s); kind {
	case "-":
		return e.Stdin()
	case "@":
		return e.File(name)
	case "env:":
		v, err := e.Lookup(name)
		return []byte(v), err
	}
	return []byte(s), nil
}

// Value is Bytes for a text of one line: a final newline is dropped from what
// came from a file or from standard input.
func (e *Env) Value(s string) (string, error) {
	b, err := e.Bytes(s)
	if err != nil {
		return "", err
	}
	if IsLiteral(s) {
		return s, nil
	}
	return dropNewline(string(b)), nil
}

// Secret is Value for a secret: it may not be empty, and an error never
// contains it.
func (e *Env) Secret(s string) (safetext.Secret, error) {
	v, err := e.Value(s)
	if err != nil {
		return safetext.Secret{}, err
	}
	if v == "" {
		return safetext.Secret{}, Usagef("the secret %sis empty", origin(s))
	}
	return safetext.NewSecret(v), nil
}

func origin(s string) string {
	switch kind, name := cutKind(s); kind {
	case "-":
		return "on standard input "
	case "@":
		return "in " + name + " "
	case "env:":
		return "in the variable " + name + " "
	}
	return ""
}

// IsLiteral says whether Bytes would take s as it stands.
func IsLiteral(s string) bool {
	kind, _ := cutKind(s)
	return kind == ""
}

func cutKind(s string) (kind, name string) {
	switch {
	case s == "-":
		return "-", ""
	case strings.HasPrefix(s, "@"):
		return "@", s[1:]
	case strings.HasPrefix(s, "file:"):
		return "@", s[len("file:"):]
	case strings.HasPrefix(s, "env:"):
		return "env:", s[len("env:"):]
	}
	return "", s
}

func dropNewline(s string) string {
	s = strings.TrimSuffix(s, "\n")
	return strings.TrimSuffix(s, "\r")
}

// Stdin reads standard input to its end. It can be read once in a run; the
// second value that asks for it gets an error.
func (e *Env) Stdin() ([]byte, error) {
	if e.stdinRead {
		return nil, Usage(errors.New("standard input is asked for twice"), "give one of the values as @FILE")
	}
	e.stdinRead = true
	b, err := readLimited(e.In)
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	return b, nil
}

// Input reads the file name, or standard input for "-".
func (e *Env) Input(name string) ([]byte, error) {
	if name == "-" {
		return e.Stdin()
	}
	return e.File(name)
}

// InputName is what Input reads, for a person.
func InputName(name string) string {
	if name == "-" {
		return "standard input"
	}
	return safetext.Line(name)
}

// File reads the file name, relative to the working directory.
func (e *Env) File(name string) ([]byte, error) {
	if name == "" {
		return nil, Usagef("the name of the file is empty")
	}
	f, err := os.Open(e.Path(name))
	if err != nil {
		return nil, Failed(fmt.Errorf("read file: %w", fileError(name, err)))
	}
	defer f.Close()
	b, err := readLimited(f)
	if err != nil {
		return nil, Failed(fmt.Errorf("read file: %w", fileError(name, err)))
	}
	return b, nil
}

func readLimited(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, MaxInput+1))
	if err != nil {
		return nil, err
	}
	if len(b) > MaxInput {
		return nil, Usagef("more than %s", units.FormatSize(MaxInput))
	}
	return b, nil
}

// Lookup returns the variable name of the environment, else of --env-file. It
// is an error if neither has it.
func (e *Env) Lookup(name string) (string, error) {
	if name == "" {
		return "", Usagef("env: names no variable: write for example env:WEBHOOK_SECRET")
	}
	if v := e.Getenv(name); v != "" {
		return v, nil
	}
	file, err := e.readEnvFile()
	if err != nil {
		return "", err
	}
	if v, ok := file[name]; ok {
		return v, nil
	}
	err = fmt.Errorf("the environment has no variable %s", name)
	if e.Global.EnvFile != "" {
		return "", Usage(fmt.Errorf("%w, and neither has %s", err, e.Global.EnvFile))
	}
	return "", Usage(err, "set it, or name a file that has it with --env-file")
}

func (e *Env) readEnvFile() (map[string]string, error) {
	if e.Global.EnvFile == "" || e.envFile != nil {
		return e.envFile, nil
	}
	b, err := e.File(e.Global.EnvFile)
	if err != nil {
		return nil, err
	}
	vars, line := parseEnvFile(b)
	if line != 0 {
		return nil, Usagef("%s:%d: not of the form NAME=value", e.Global.EnvFile, line)
	}
	e.envFile = vars
	return vars, nil
}

// parseEnvFile reads NAME=value lines: "#" begins a comment, "export" before a
// name is allowed, quotes around a value are dropped and double quotes know
// \n, \r, \t, \" and \\. A value in quotes may go over several lines, as a key
// in PEM does. Variables in values are not expanded. It returns the number of
// the first line that is none of this, else 0.
func parseEnvFile(b []byte) (vars map[string]string, badLine int) {
	vars = map[string]string{}
	sc := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(httptext.FromUTF16(b), []byte("\ufeff"))))
	sc.Buffer(nil, MaxInput)
	n := 0
	for sc.Scan() {
		n++
		line := strings.TrimSpace(sc.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || strings.ContainsAny(name, " \t\"'") {
			return nil, n
		}
		if value == "" || value[0] != '"' && value[0] != '\'' {
			value, _, _ = strings.Cut(value, " #")
			vars[name] = strings.TrimSpace(value)
			continue
		}
		start, quote := n, value[0]
		for closing(value, quote) < 0 {
			if !sc.Scan() {
				return nil, start
			}
			n++
			value += "\n" + sc.Text()
		}
		value = value[1:closing(value, quote)]
		if quote == '"' {
			value = strings.NewReplacer(`\n`, "\n", `\r`, "\r", `\t`, "\t", `\"`, `"`, `\\`, `\`).Replace(value)
		}
		vars[name] = value
	}
	if sc.Err() != nil {
		return nil, n + 1
	}
	return vars, 0
}

// closing finds the quote that ends a value which begins with one.
func closing(s string, quote byte) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote == '"':
			i++
		case s[i] == quote:
			return i
		}
	}
	return -1
}
