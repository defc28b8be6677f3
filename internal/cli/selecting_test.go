package cli_test

import (
	"testing"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/cli/clitest"
	"github.com/hooks-cli/hooks/internal/webhook"
)

func TestQuery(t *testing.T) {
	t.Parallel()
	w := clitest.New(t)
	q, err := w.Query(&cli.Selection{
		Providers: []string{"canvelete"}, Events: []string{"render.*", "loopcanvas"}, Invalid: true, Failed: true, Direction: "received",
		Since: "1h", Filter: ".n > 1", Where: []string{"a=b"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if q.Provider != "canvelete" || len(q.Statuses) != 2 || !q.Failed || q.Direction != webhook.Received || q.Since.IsZero() || !q.Until.IsZero() {
		t.Errorf("Query = %+v", q)
	}
	if !q.Pattern("canvelete", "render.failed") || !q.Pattern("loopcanvas", "x") || q.Pattern("canvelete", "design.created") {
		t.Error("the pattern does not say what --event says")
	}
	for body, want := range map[string]bool{`{"n":2,"a":"b"}`: true, `{"n":1,"a":"b"}`: false, `{"n":2}`: false, `not JSON`: false} {
		if got := q.Filter(&webhook.Delivery{Body: []byte(body)}); got != want {
			t.Errorf("the filter says %v of %s", got, body)
		}
	}
	if q, err = w.Query(&cli.Selection{Providers: []string{"canvelete", "generic"}}); err != nil || q.Provider != "" || !q.Pattern("generic", "x") || q.Pattern("sketchpen", "x") {
		t.Errorf("two providers: %v %+v", err, q)
	}
	if q, err = w.Query(&cli.Selection{}); err != nil || q.Pattern != nil || q.Filter != nil {
		t.Errorf("no selection: %v %+v", err, q)
	}
	for name, s := range map[string]cli.Selection{
		"provider": {Providers: []string{"canvelette"}}, "filter": {Filter: ".["}, "where": {Where: []string{"a"}}, "since": {Since: "soon"},
	} {
		if _, err := w.Query(&s); cli.StatusOf(err) != cli.StatusUsage {
			t.Errorf("%s: %v, want a usage error", name, err)
		}
	}
}
