package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/itchyny/gojq"
	"golang.org/x/term"

	"github.com/hooks-cli/hooks/internal/safetext"
)

// JSON writes v as the one JSON document that the command prints, shaped by
// --jq: indented for a person, on one line for a program.
func (e *Env) JSON(ctx context.Context, v any) error {
	if e.Global.JQ != "" {
		return e.JSONLine(ctx, v)
	}
	indent := ""
	if e.OutTerminal {
		indent = "  "
	}
	doc, err := marshal(v, indent)
	if err != nil {
		return err
	}
	return e.write(doc)
}

// JSONLine writes v as one object of a stream, shaped by --jq. It writes at
// once, so that a program that reads the stream waits for nothing.
func (e *Env) JSONLine(ctx context.Context, v any) error {
	doc, err := marshal(v, "")
	if err != nil {
		return err
	}
	if e.Global.JQ != "" {
		if doc, err = e.shape(ctx, doc); err != nil || len(doc) == 0 {
			return err
		}
	}
	return e.write(doc)
}

func (e *Env) write(b []byte) error {
	if _, err := e.Out.Write(b); err != nil {
		return Failed(fmt.Errorf("write the result: %w", err))
	}
	return nil
}

// CheckJQ compiles --jq, so that a mistake in it is told before any work is
// done.
func (e *Env) CheckJQ() error {
	if e.Global.JQ == "" || e.jq != nil {
		return nil
	}
	query, err := gojq.Parse(e.Global.JQ)
	if err != nil {
		return Usagef("--jq: %w", err)
	}
	if e.jq, err = gojq.Compile(query); err != nil {
		return Usagef("--jq: %w", err)
	}
	return nil
}

// shape runs --jq over a JSON document and returns what it emits: strings as
// they are, one result a line, as gh does.
func (e *Env) shape(ctx context.Context, doc []byte) ([]byte, error) {
	if err := e.CheckJQ(); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(strings.NewReader(string(doc)))
	dec.UseNumber() // keeps the digits of large numbers
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, fmt.Errorf("--jq: %w", err)
	}
	var out []byte
	for iter := e.jq.RunWithContext(ctx, v); ; {
		got, ok := iter.Next()
		if !ok {
			return out, nil
		}
		switch got := got.(type) {
		case error:
			if halt, ok := errors.AsType[*gojq.HaltError](got); ok && halt.Value() == nil {
				return out, nil
			}
			return nil, Usagef("--jq: %w", got)
		case string:
			out = append(out, safetext.Block(got)...)
		default:
			b, err := gojq.Marshal(got)
			if err != nil {
				return nil, fmt.Errorf("--jq: %w", err)
			}
			out = append(out, safetext.EscapeJSON(b)...)
		}
		out = append(out, '\n')
	}
}

// WriteFile writes data to the file name, relative to the working directory,
// as a whole or not at all: into a new file that only its owner can read,
// which then takes the place of name. "-" is standard output.
func (e *Env) WriteFile(name string, data []byte) error {
	if name == "-" {
		return e.Print(string(data))
	}
	out, err := e.create(name)
	if err != nil {
		return err
	}
	if _, err := out.Write(data); err != nil {
		out.discard()
		return Failed(fmt.Errorf("write file: %w", fileError(name, err)))
	}
	return out.commit()
}

// outFile is a file that appears under its name only when it is complete, or
// what is no file and written as it is.
type outFile struct {
	*os.File
	name   string // as it was typed
	target string
	direct bool
}

func (e *Env) create(name string) (*outFile, error) {
	target := e.Path(name)
	if info, err := os.Stat(target); err == nil && info.IsDir() {
		return nil, Usage(fmt.Errorf("%s is a directory", name), "name a file in it")
	} else if device(target) {
		f, err := os.OpenFile(target, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return nil, Failed(fmt.Errorf("write file: %w", fileError(name, err)))
		}
		return &outFile{File: f, name: name, target: target, direct: true}, nil
	}
	f, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*") // 0600, exclusive
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, Failed(fmt.Errorf("write file: %w", fileError(name, err)), "create the directory first: "+filepath.Dir(name))
		}
		return nil, Failed(fmt.Errorf("write file: %w", fileError(name, err)))
	}
	return &outFile{File: f, name: name, target: target}, nil
}

// device says whether target is a pipe, a terminal, /dev/null or the like: a
// file in its place would take it from everybody, where its user may do that.
// /dev/stdout and process substitutions are links to them, or to files. No other
// link is followed, nor a pipe written to where anybody could have put it.
func device(target string) bool {
	info, err := os.Lstat(target)
	switch {
	case err != nil || info.Mode().IsRegular():
		return false
	case strings.HasPrefix(target, "/dev/"), strings.HasPrefix(target, "/proc/"):
		return true
	case info.Mode()&fs.ModeNamedPipe != 0:
		dir, err := os.Stat(filepath.Dir(target))
		return err == nil && dir.Mode().Perm()&0o002 == 0
	}
	return info.Mode()&fs.ModeDevice != 0
}

func (f *outFile) discard() {
	_ = f.Close()
	if !f.direct {
		_ = os.Remove(f.File.Name())
	}
}

func (f *outFile) written() bool {
	info, err := f.Stat()
	return err == nil && info.Size() > 0
}

func (f *outFile) commit() error {
	if f.direct {
		return f.ended(f.Close())
	}
	err := f.Sync()
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(f.File.Name(), f.target)
	}
	if err != nil {
		_ = os.Remove(f.File.Name())
	}
	return f.ended(err)
}

// ended is what is said of err.
func (f *outFile) ended(err error) error {
	if err != nil {
		return Failed(fmt.Errorf("write file: %w", fileError(f.name, err)))
	}
	return nil
}

// OpenOutput puts the file of --output in the place of Out and returns the
// function that ends it, told what the command ended with: after a success, or
// an answer that was written although it is no good one, the file takes its
// name; otherwise nothing is left behind and what had the name before stays.
// A stream's file takes its name at once and is always kept. Only cli/root
// calls it.
func (e *Env) OpenOutput(stream bool) (end func(error) error, err error) {
	name := e.Global.Output
	if name == "" || name == "-" {
		return func(error) error { return nil }, nil
	}
	f, err := e.create(name)
	if err != nil {
		return nil, err
	}
	e.OutTerminal = f.direct && term.IsTerminal(int(f.Fd()))
	if stream && !f.direct {
		return e.openStream(f)
	}
	e.Out = f
	return func(err error) error {
		if err == nil || (StatusOf(err) == StatusNo || answered(err)) && f.written() {
			return f.commit()
		}
		f.discard()
		return nil
	}, nil
}

// openStream renames first and opens again, since an open file cannot be
// renamed on every system.
func (e *Env) openStream(f *outFile) (func(error) error, error) {
	if err := f.commit(); err != nil {
		return nil, err
	}
	out, err := os.OpenFile(f.target, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, f.ended(err)
	}
	e.Out = out
	return func(error) error { return f.ended(out.Close()) }, nil
}
