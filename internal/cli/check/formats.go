package check

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/hooks-cli/hooks/internal/build"
	"github.com/hooks-cli/hooks/internal/check"
	"github.com/hooks-cli/hooks/internal/safetext"
)

// tap writes the report in the Test Anything Protocol, version 14. What is only
// advice is marked so that it does not fail.
func tap(r *check.Report) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "TAP version 14\n1..%d\n", len(r.Cases))
	for i := range r.Cases {
		c := &r.Cases[i]
		word, directive := "ok", ""
		switch {
		case c.Status == check.Skipped:
			directive = " # SKIP " + tapText(c.Actual)
		case c.Status == check.Failed:
			word = "not ok"
			if c.Level == check.Advice {
				directive = " # TODO advice"
			}
		}
		fmt.Fprintf(&b, "%s %d - %s%s\n", word, i+1, tapText(c.ID), directive)
		if c.Status != check.Failed {
			continue
		}
		b.WriteString("  ---\n")
		for _, f := range [][2]string{
			{"level", string(c.Level)},
			{"sent", c.Sends},
			{"expected", c.Expected},
			{"actual", c.Actual},
			{"why", c.Why},
			{"fix", c.Fix},
			{"reproduce", c.Reproduce},
		} {
			text, _ := json.Marshal(safetext.Line(f[1])) // a string always can be
			fmt.Fprintf(&b, "  %s: %s\n", f[0], text)
		}
		b.WriteString("  ...\n")
	}
	return []byte(b.String())
}

// tapText keeps text from ending its line or beginning a directive.
func tapText(s string) string {
	return strings.NewReplacer(`\`, `\\`, "#", `\#`).Replace(safetext.Line(s))
}

// github writes workflow commands that GitHub Actions shows as annotations.
func github(r *check.Report) string {
	var b strings.Builder
	for i := range r.Cases {
		c := &r.Cases[i]
		if c.Status != check.Failed {
			continue
		}
		kind := "error"
		if c.Level == check.Advice {
			kind = "warning"
		}
		text := fmt.Sprintf("sent: %s\nexpected: %s\ncame: %s\nwhy: %s\nfix: %s", c.Sends, c.Expected, c.Actual, c.Why, c.Fix)
		fmt.Fprintf(&b, "::%s title=%s::%s\n", kind, property("hooks check: "+c.ID), message(text))
	}
	return b.String()
}

// message escapes the text of a workflow command, which has to be one line.
func message(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(safetext.Block(s))
}

// property escapes the value of a property of a workflow command.
func property(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(message(s))
}

// The parts of a SARIF log that are used.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool    sarifTool     `json:"tool"`
		Results []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID      string      `json:"id"`
		Short   sarifText   `json:"shortDescription"`
		Full    sarifText   `json:"fullDescription"`
		Default sarifConfig `json:"defaultConfiguration"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID    string          `json:"ruleId"`
		RuleIndex int             `json:"ruleIndex"`
		Level     string          `json:"level"`
		Message   sarifText       `json:"message"`
		Locations []sarifLocation `json:"locations"`
	}
	sarifLocation struct {
		Physical sarifPhysical `json:"physicalLocation"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
)

const sarifSchema = "https://json.schemastore.org/sarif-2.1.0.json"

// sarif writes the cases that failed as a SARIF 2.1.0 log. Its rules are the
// cases that were looked at.
func sarif(r *check.Report) ([]byte, error) {
	run := sarifRun{Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "hooks check", Version: build.Read().Version, Rules: []sarifRule{}}
	for i := range r.Cases {
		c := &r.Cases[i]
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: c.ID, Short: sarifText{c.Sends + ": " + c.Expected}, Full: sarifText{c.Why}, Default: sarifConfig{sarifLevel(c.Level)},
		})
		if c.Status != check.Failed {
			continue
		}
		run.Results = append(run.Results, sarifResult{
			RuleID: c.ID, RuleIndex: i, Level: sarifLevel(c.Level),
			Message:   sarifText{safetext.Line(fmt.Sprintf("expected %s, and %s came. %s. Fix: %s", c.Expected, c.Actual, c.Why, c.Fix))},
			Locations: []sarifLocation{{sarifPhysical{sarifArtifact{r.URL}}}},
		})
	}
	out, err := json.MarshalIndent(sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}}, "", "  ")
	if err != nil {
		return nil, err
	}
	return append(out, '\n'), nil
}

func sarifLevel(l check.Level) string {
	if l == check.Advice {
		return "warning"
	}
	return "error"
}
