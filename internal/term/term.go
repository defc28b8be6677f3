// Package term decides what an output can show: colour and movement. It is the
// only package that knows the library for inline colour; the layout of blocks
// and tables is the business of package render.
//
// It never asks the terminal a question: an answer may not come, and waiting
// for it would hold up every command.
package term

import "fmt"

// A Mode is what --color says.
type Mode string

// The modes.
const (
	Auto   Mode = "auto" // the environment and a terminal check decide
	Always Mode = "always"
	Never  Mode = "never"
)

// ParseMode reads the value of --color. The empty text is Auto.
func ParseMode(s string) (Mode, error) {
	switch m := Mode(s); m {
	case "":
		return Auto, nil
	case Auto, Always, Never:
		return m, nil
	}
	return "", fmt.Errorf("colour is auto, always or never, not %q", s)
}

// Color says whether an output gets colour. In Auto, NO_COLOR (not empty)
// forbids it, CLICOLOR_FORCE (not 0) demands it, CLICOLOR=0 and TERM=dumb
// forbid it, and then a terminal has it and everything else has not.
func Color(mode Mode, terminal bool, getenv func(string) string) bool {
	switch mode {
	case Always:
		return true
	case Never:
		return false
	}
	force := getenv("CLICOLOR_FORCE")
	switch {
	case getenv("NO_COLOR") != "":
		return false
	case force != "" && force != "0":
		return true
	case getenv("CLICOLOR") == "0", getenv("TERM") == "dumb":
		return false
	}
	return terminal
}

// Animate says whether a line of an output may be drawn again and again, as a
// progress bar does: only for a person at a terminal that can do it.
func Animate(terminal bool, getenv func(string) string) bool {
	return terminal && getenv("TERM") != "dumb" && getenv("CI") == ""
}
