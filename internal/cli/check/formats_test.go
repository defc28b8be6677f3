package check

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hooks-cli/hooks/internal/check"
)

// hostile is a report of an app whose answers try to get out of their place.
func hostile() *check.Report {
	return &check.Report{URL: "http://127.0.0.1:3000/in", Provider: "canvelete", Cases: []check.Result{
		{ID: "accepts-valid", Level: check.Required, Status: check.Passed, Actual: "200 OK"},
		{ID: "rejects-unsigned", Level: check.Required, Status: check.Failed, Actual: "500 “\n::error::x\nok 3 # SKIP\x1b[2J%0A”", Why: "a, b: c", Fix: "f", Reproduce: "hooks send"},
		{ID: "accepts-large-body", Level: check.Advice, Status: check.Failed, Actual: "500", Why: "w", Fix: "f"},
		{ID: "rejects-stale-timestamp", Level: check.Required, Status: check.Skipped, Actual: "no # timestamp"},
	}}
}

func TestSARIF(t *testing.T) {
	t.Parallel()
	data, err := sarif(hostile())
	if err != nil {
		t.Fatal(err)
	}
	var log struct {
		Schema  string `json:"$schema"`
		Version string
		Runs    []struct {
			Tool struct {
				Driver struct {
					Name  string
					Rules []struct {
						ID    string
						Short struct{ Text string } `json:"shortDescription"`
					}
				}
			}
			Results []struct {
				RuleID    string
				RuleIndex int
				Level     string
				Message   struct{ Text string }
				Locations []struct {
					Physical struct {
						Artifact struct{ URI string } `json:"artifactLocation"`
					} `json:"physicalLocation"`
				}
			}
		}
	}
	if err := json.Unmarshal(data, &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || !strings.Contains(log.Schema, "sarif-2.1.0") || len(log.Runs) != 1 {
		t.Fatalf("%s", data)
	}
	run := log.Runs[0]
	if run.Tool.Driver.Name == "" || len(run.Tool.Driver.Rules) != 4 || len(run.Results) != 2 {
		t.Fatalf("%+v", run)
	}
	for i, r := range run.Results {
		want := []string{"error", "warning"}[i]
		if run.Tool.Driver.Rules[r.RuleIndex].ID != r.RuleID || r.Level != want || r.Message.Text == "" || r.Locations[0].Physical.Artifact.URI == "" {
			t.Errorf("%+v, want level %s", r, want)
		}
		if strings.ContainsAny(r.Message.Text, "\n\x1b") {
			t.Errorf("the message %q has control characters", r.Message.Text)
		}
	}
}

func TestTAP(t *testing.T) {
	t.Parallel()
	lines := strings.Split(string(tap(hostile())), "\n")
	var points []string
	for _, line := range lines {
		if strings.HasPrefix(line, "ok ") || strings.HasPrefix(line, "not ok ") {
			points = append(points, line)
		}
		if strings.Contains(line, "\x1b") {
			t.Errorf("%q has a control character", line)
		}
	}
	want := []string{
		"ok 1 - accepts-valid", "not ok 2 - rejects-unsigned", "not ok 3 - accepts-large-body # TODO advice",
		`ok 4 - rejects-stale-timestamp # SKIP no \# timestamp`,
	}
	if strings.Join(points, "\n") != strings.Join(want, "\n") || lines[1] != "1..4" {
		t.Errorf("%s", strings.Join(lines, "\n"))
	}
}

func TestGitHub(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSuffix(github(hostile()), "\n"), "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "::error title=hooks check%3A rejects-unsigned::") || !strings.HasPrefix(lines[1], "::warning title=") {
		t.Fatalf("%q", lines)
	}
	if !strings.Contains(lines[0], `%0A\x3a:error::x%0A`) || !strings.Contains(lines[0], "%250A") || strings.Contains(lines[0], "\x1b") {
		t.Errorf("%q", lines[0])
	}
}

func TestSelected(t *testing.T) {
	t.Parallel()
	o := Options{Only: []string{"rejects-*"}, Skip: []string{"rejects-unsigned"}}
	for id, want := range map[string]bool{"rejects-unsigned": false, "rejects-wrong-secret": true, "accepts-valid": false} {
		if o.selected(id) != want {
			t.Errorf("%s selected: %v", id, !want)
		}
	}
}
