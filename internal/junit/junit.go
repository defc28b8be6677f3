// Package junit writes the XML report that CI systems read. It formats what it
// is given and judges nothing.
package junit

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
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

type suitesXML struct {
	XMLName  xml.Name `xml:"testsuites"`
	Tests    int      `xml:"tests,attr"`
	Failures int      `xml:"failures,attr"`
	Errors   int      `xml:"errors,attr"`
	Suites   []suiteXML
}

type suiteXML struct {
	XMLName   xml.Name `xml:"testsuite"`
	Name      string   `xml:"name,attr"`
	Timestamp string   `xml:"timestamp,attr"`
	Tests     int      `xml:"tests,attr"`
	Failures  int      `xml:"failures,attr"`
	Errors    int      `xml:"errors,attr"`
	Skipped   int      `xml:"skipped,attr"`
	Time      string   `xml:"time,attr"`
	Cases     []caseXML
}

type caseXML struct {
	XMLName xml.Name  `xml:"testcase"`
	Class   string    `xml:"classname,attr"`
	Name    string    `xml:"name,attr"`
	Time    string    `xml:"time,attr"`
	Failure *textXML  `xml:"failure"`
	Error   *textXML  `xml:"error"`
	Skipped *textXML  `xml:"skipped"`
	Output  *blockXML `xml:"system-out"`
}

type textXML struct {
	Message string `xml:"message,attr"`
}

type blockXML struct {
	Text string `xml:",chardata"`
}

// Write writes the suite as one document. Text that came from the network is
// made visible in it, as on a terminal, so that no character is one that XML
// does not have.
func (s Suite) Write(w io.Writer) error {
	suite := suiteXML{Name: line(s.Name), Timestamp: s.At.UTC().Format("2006-01-02T15:04:05"), Tests: len(s.Cases)}
	var total time.Duration
	for _, c := range s.Cases {
		total += c.Duration
		x := caseXML{Class: line(c.Class), Name: line(c.Name), Time: seconds(c.Duration)}
		switch {
		case c.Error != "":
			x.Error, suite.Errors = &textXML{line(c.Error)}, suite.Errors+1
		case c.Failure != "":
			x.Failure, suite.Failures = &textXML{line(c.Failure)}, suite.Failures+1
		case c.Skipped != "":
			x.Skipped, suite.Skipped = &textXML{line(c.Skipped)}, suite.Skipped+1
		}
		if c.Output != "" {
			x.Output = &blockXML{safetext.Block(c.Output)}
		}
		suite.Cases = append(suite.Cases, x)
	}
	suite.Time = seconds(total)
	doc, err := xml.MarshalIndent(suitesXML{
		Tests: suite.Tests, Failures: suite.Failures, Errors: suite.Errors, Suites: []suiteXML{suite},
	}, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the JUnit report: %w", err)
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, doc)
	return err
}

func line(s string) string { return safetext.Line(s) }

func seconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'f', 3, 64) }
