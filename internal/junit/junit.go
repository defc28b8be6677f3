// Package junit writes the XML report that CI systems read. It formats what it
// is given and judges nothing.
package junit

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/hooks-cli/hooks/internal/safetext"
)

// A Suite is the outcome of one run.
type Suite struct {
	Name  string
	At    time.Time
	Cases []Case
}

// A Case is one thing that was tried. With neither Failure, Error nor Skipped
// it has passed.
type Case struct {
	Class    string // what it belongs to: a provider
	Name     string
	Duration time.Duration
	Failure  string // the answer was no, and why
	Error    string // it could not be tried, and why
	Skipped  string // it was not tried, and why
	Output   string // what was seen
}

// Write writes the suite as one document. Text that came from the network is
// made visible in it, as on a terminal, so that no character is one that XML
// does not have.
//
// The document is put together by hand: package encoding/xml would cost every
// start of the program more than this one use is worth.
func (s Suite) Write(w io.Writer) error {
	var failures, errs, skipped int
	var total time.Duration
	var cases strings.Builder
	for _, c := range s.Cases {
		total += c.Duration
		fmt.Fprintf(&cases, "    <testcase classname=%s name=%s time=%s>", attr(c.Class), attr(c.Name), attr(seconds(c.Duration)))
		inside := ""
		switch {
		case c.Error != "":
			inside, errs = outcome("error", c.Error), errs+1
		case c.Failure != "":
			inside, failures = outcome("failure", c.Failure), failures+1
		case c.Skipped != "":
			inside, skipped = outcome("skipped", c.Skipped), skipped+1
		}
		if c.Output != "" {
			inside += "\n      <system-out>" + escape(safetext.Block(c.Output)) + "</system-out>"
		}
		if inside != "" {
			inside += "\n    "
		}
		cases.WriteString(inside + "</testcase>\n")
	}
	counts := fmt.Sprintf(`tests="%d" failures="%d" errors="%d"`, len(s.Cases), failures, errs)
	_, err := fmt.Fprintf(w, `<?xml version="1.0" encoding="UTF-8"?>
<testsuites %s>
  <testsuite name=%s timestamp=%s %s skipped="%d" time=%s>
%s  </testsuite>
</testsuites>
`, counts, attr(s.Name), attr(s.At.UTC().Format("2006-01-02T15:04:05")), counts, skipped, attr(seconds(total)), cases.String())
	return err
}

func outcome(name, message string) string {
	return "\n      <" + name + " message=" + attr(message) + "></" + name + ">"
}

// attr is text as the value of an attribute, on one line, with its quotes.
func attr(text string) string { return `"` + escape(safetext.Line(text)) + `"` }

// escape writes text so that XML reads it back as it is. Safe text has no
// characters but these that mean something there.
func escape(text string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&#34;", "'", "&#39;", "\t", "&#x9;", "\n", "&#xA;").Replace(text)
}

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }
