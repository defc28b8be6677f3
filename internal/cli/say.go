package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/safetext"
)

// Say tells the person something that is not the result: what was chosen, what
// is being waited for. --quiet silences it. With JSON it is an object with the
// field "note", so that every line of standard error can be parsed.
func (e *Env) Say(format string, args ...any) {
	if !e.Global.Quiet {
		e.tell("note", "", fmt.Sprintf(format, args...))
	}
}

// Verbose tells what only --verbose asks for.
func (e *Env) Verbose(format string, args ...any) {
	if e.Global.Verbose {
		e.tell("note", "", fmt.Sprintf(format, args...))
	}
}

// Warn tells of something that is probably not meant, and what to do about it.
// --quiet does not silence it.
func (e *Env) Warn(message string, hints ...string) {
	e.tell("warning", "hooks: warning: ", message)
	for _, h := range hints {
		e.tell("hint", "hooks: hint: ", h)
	}
}

// WarnOnce is Warn for what can come up several times in a run.
func (e *Env) WarnOnce(message string, hints ...string) {
	if e.warned[message] {
		return
	}
	if e.warned == nil {
		e.warned = map[string]bool{}
	}
	e.warned[message] = true
	e.Warn(message, hints...)
}

func (e *Env) tell(field, prefix, text string) {
	if e.Global.WantsJSON() {
		line, err := marshal(map[string]string{field: text}, "")
		if err == nil {
			_, _ = e.Err.Write(line)
		}
		return
	}
	_, _ = io.WriteString(e.Err, prefix+safetext.Line(text)+"\n")
}

// PrintError tells the person how the run failed: one "error" line and one
// line for each hint, or one object with JSON. Only cli/root calls it.
func (e *Env) PrintError(err error) {
	status, hints := StatusOf(err), HintsOf(err)
	text := message(err)
	if e.Global.WantsJSON() {
		if text == "" && len(hints) == 0 {
			return
		}
		line, merr := marshal(errorObject{Error: text, Hints: hints, ExitCode: int(status)}, "")
		if merr == nil {
			_, _ = e.Err.Write(line)
		}
		return
	}
	out := ""
	var several Errors
	switch {
	case errors.As(err, &several):
		for _, one := range several {
			out += "hooks: error: " + safetext.Line(one.Error()) + "\n"
		}
	case text != "":
		out = "hooks: error: " + safetext.Line(text) + "\n"
	}
	for _, h := range hints {
		out += "hooks: hint: " + safetext.Line(h) + "\n"
	}
	_, _ = io.WriteString(e.Err, out)
}

type errorObject struct {
	Error    string   `json:"error,omitempty"`
	Hints    []string `json:"hints,omitempty"`
	ExitCode int      `json:"exit_code"`
}

// message is the text of err that has not been printed yet: none where the
// answer said it all.
func message(err error) string {
	if StatusOf(err) == Interrupt {
		return "interrupted"
	}
	if answered(err) {
		return ""
	}
	return err.Error()
}

// marshal encodes v on one line, or indented, without escaping what only HTML
// needs escaped, and ends with a newline. What a terminal must not get is
// written as \uXXXX.
func marshal(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode JSON: %w", err)
	}
	return safetext.EscapeJSON(b.Bytes()), nil
}

// Streams declares that cmd prints one JSON object a line while it runs, so
// that --output FILE grows from the start instead of appearing at the end.
func Streams(cmd *cobra.Command) { annotate(cmd, streamsKey, "true") }

// IsStream says whether cmd was declared with Streams.
func IsStream(cmd *cobra.Command) bool { return cmd.Annotations[streamsKey] != "" }
