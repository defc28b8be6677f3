package junit_test

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/hooks-cli/hooks/internal/junit"
)

func TestWrite(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	err := junit.Suite{
		Name: "hooks send", At: time.Unix(1_700_000_000, 0),
		Cases: []junit.Case{
			{Class: "canvelete", Name: "render.completed", Duration: 3100 * time.Microsecond},
			{Class: "canvelete", Name: "render.failed", Duration: time.Second, Failure: "401 Unauthorized", Output: "two\nlines"},
			{Class: "a<b", Name: "\x1b[2J\x00\"]]>", Error: "connection refused"},
			{Class: "generic", Name: "c", Skipped: "not sent"},
		},
	}.Write(&b)
	want := `<?xml version="1.0" encoding="UTF-8"?>
<testsuites tests="4" failures="1" errors="1">
  <testsuite name="hooks send" timestamp="2023-11-14T22:13:20" tests="4" failures="1" errors="1" skipped="1" time="1.003">
    <testcase classname="canvelete" name="render.completed" time="0.003"></testcase>
    <testcase classname="canvelete" name="render.failed" time="1.000">
      <failure message="401 Unauthorized"></failure>
      <system-out>two&#xA;lines</system-out>
    </testcase>
    <testcase classname="a&lt;b" name="\x1b[2J\x00&#34;]]&gt;" time="0.000">
      <error message="connection refused"></error>
    </testcase>
    <testcase classname="generic" name="c" time="0.000">
      <skipped message="not sent"></skipped>
    </testcase>
  </testsuite>
</testsuites>
`
	if err != nil || b.String() != want {
		t.Errorf("Write: %v\n%s\nwant\n%s", err, b.String(), want)
	}
}

func FuzzWriteIsXML(f *testing.F) {
	f.Add("\x00\x1b<&\"'>\ufffe\U000e0001")
	f.Fuzz(func(t *testing.T, s string) {
		var b strings.Builder
		if err := (junit.Suite{Name: s, Cases: []junit.Case{{Class: s, Name: s, Failure: s, Output: s}}}).Write(&b); err != nil {
			t.Fatal(err)
		}
		var doc struct {
			Suites []struct {
				Cases []struct {
					Name string `xml:"name,attr"`
				} `xml:"testcase"`
			} `xml:"testsuite"`
		}
		if err := xml.Unmarshal([]byte(b.String()), &doc); err != nil || len(doc.Suites) != 1 || len(doc.Suites[0].Cases) != 1 {
			t.Errorf("%q makes XML that does not read back: %v, %+v", s, err, doc)
		}
	})
}
