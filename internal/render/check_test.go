package render_test

import (
	"strings"

	"github.com/hooks-cli/hooks/internal/check"
	"github.com/hooks-cli/hooks/internal/render"
)

// checkReport is what a run against a hostile app could say.
func checkReport() check.Report {
	return check.Report{
		Opening:   "the first valid sample was not accepted: 401 Unauthorized “\x1b[31mno\u202e”. Does the app have the same secret?",
		Framework: "Express",
		Cases: []check.Result{
			{
				ID: "accepts-valid", Level: check.Required, Status: check.Failed, Sends: "a valid signed sample", Expected: "accept (2xx)", Actual: "401 Unauthorized “\x1b[31mno\u202e”",
				Why: "the app refuses genuine deliveries; after its last retry the provider gives up and the event is lost", Fix: "verify the raw bytes; Express: raw()", Code: "raw()", Reproduce: "hooks send :3000",
			},
			{ID: "accepts-duplicate", Level: check.Required, Status: check.Failed, Actual: "401 Unauthorized", Follows: true},
			{ID: "accepts-large-body", Level: check.Advice, Status: check.Failed, Sends: "1 MiB", Expected: "accept", Actual: "500", Why: "it is lost", Fix: "raise the limit", Reproduce: "hooks send"},
			{ID: "rejects-unsigned", Level: check.Required, Status: check.Passed, Actual: "401 Unauthorized"},
			{ID: "rejects-stale-timestamp", Level: check.Required, Status: check.Skipped, Actual: "canvelete signs no timestamp"},
		},
	}
}

// checkPage is what hooks check prints: a line a case, and then the report.
func checkPage(v render.View) string {
	r := checkReport()
	var b strings.Builder
	for i := range r.Cases {
		b.WriteString(v.CheckLine(&r.Cases[i]) + "\n")
	}
	good := check.Report{Passed: true, Cases: r.Cases[3:]}
	return b.String() + v.CheckReport(&r) + v.CheckReport(&good)
}
