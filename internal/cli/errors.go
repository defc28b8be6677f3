package cli

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A Status is what the program exits with.
type Status int

// The statuses. Scripts rely on them: they never change.
const (
	OK          Status = 0   // yes, done
	StatusNo    Status = 1   // the answer is no
	StatusUsage Status = 2   // used wrongly, or malformed input
	StatusError Status = 3   // the surroundings failed
	Interrupt   Status = 130 // interrupted before the work was done
)

// An Error is an error as a person should meet it. Packages below cli return
// plain errors; the command that knows what they mean to a person wraps them.
type Error struct {
	Status Status
	Err    error    // nil if the answer has been printed and says it all
	Hints  []string // what to try next, each a sentence that stands alone
}

// Error returns the text of the wrapped error, or of the status where the
// answer has been printed already.
func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit status %d", e.Status)
	}
	return e.Err.Error()
}

// Unwrap returns the wrapped error.
func (e *Error) Unwrap() error { return e.Err }

// Usage says that the command was used wrongly, or that its input is
// malformed.
func Usage(err error, hints ...string) error {
	return &Error{Status: StatusUsage, Err: err, Hints: hints}
}

// Usagef is Usage with a message made as fmt.Errorf makes it.
func Usagef(format string, args ...any) error {
	return &Error{Status: StatusUsage, Err: fmt.Errorf(format, args...)}
}

// No says that the answer is no, which the command has printed already.
func No(hints ...string) error { return &Error{Status: StatusNo, Hints: hints} }

// NoBecause says that the answer is no, and why, where the command has not
// printed it.
func NoBecause(err error, hints ...string) error {
	return &Error{Status: StatusNo, Err: err, Hints: hints}
}

// Failed says that the surroundings failed: a port, a file, a connection.
func Failed(err error, hints ...string) error {
	return &Error{Status: StatusError, Err: err, Hints: hints}
}

// Interrupted says that the person ended the command before it was done.
func Interrupted() error { return &Error{Status: Interrupt} }

// answered says whether err only tells what the answer that was printed means.
func answered(err error) bool {
	var own *Error
	return errors.As(err, &own) && own.Err == nil
}

// Errors are several mistakes of the same input, each of which a person is told
// on a line of its own.
type Errors []error

// Error writes all of them on one line.
func (e Errors) Error() string {
	texts := make([]string, len(e))
	for i, err := range e {
		texts[i] = err.Error()
	}
	return strings.Join(texts, "; ")
}

// WithHints adds hints to err and leaves its status as it is. A nil err stays
// nil.
func WithHints(err error, hints ...string) error {
	if err == nil {
		return nil
	}
	hints = append(HintsOf(err), hints...)
	if own, ok := errors.AsType[*Error](err); ok && own.Err == nil {
		return &Error{Status: own.Status, Hints: hints}
	}
	return &Error{Status: StatusOf(err), Err: err, Hints: hints}
}

// StatusOf returns the status that err ends the program with. Errors of the
// packages below have their meaning; a plain error means that the surroundings
// failed; a cancelled context, that the person interrupted.
func StatusOf(err error) Status {
	var e *Error
	switch {
	case err == nil:
		return OK
	case errors.As(err, &e):
		return e.Status
	}
	status, _ := meaning(err)
	return status
}

// HintsOf returns the hints of err, none if it has none.
func HintsOf(err error) []string {
	if e, ok := errors.AsType[*Error](err); ok {
		return slices.Clone(e.Hints)
	}
	_, hints := meaning(err)
	return hints
}
