package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/httptext"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// RequestFormats declares the forms that PrintRequests knows.
func RequestFormats(cmd *cobra.Command) {
	Formats(cmd, string(httptext.HTTP), string(httptext.Curl), string(httptext.PowerShell))
}

// CheckRequestFormat refuses a form for requests where they are sent and not
// printed.
func (e *Env) CheckRequestFormat(dryRun bool) error {
	if f := e.Global.Format; f != "" && f != "text" && f != "json" && !dryRun {
		return Usage(fmt.Errorf("--format %s prints the request, and that is not printed when it is sent", f), "add --dry-run to see it")
	}
	return nil
}

// PrintRequests prints the requests that deliveries are, in the form of
// --format: raw HTTP if nothing is said, byte for byte unless a terminal shows
// it. Whatever must not be shown has been taken out of them.
func (e *Env) PrintRequests(ctx context.Context, ds ...*webhook.Delivery) error {
	if e.Global.WantsJSON() {
		for _, d := range ds {
			print := e.JSON
			if len(ds) > 1 {
				print = e.JSONLine
			}
			if err := print(ctx, d); err != nil {
				return err
			}
		}
		return nil
	}
	format := httptext.Format(e.Global.Format)
	if format == "" || format == "text" {
		format = httptext.HTTP
	}
	var b strings.Builder
	if err := httptext.Write(&b, format, httptext.Options{Credentials: true}, ds...); err != nil {
		return Usage(err)
	}
	text := b.String()
	if e.OutTerminal {
		text = strings.TrimRight(safetext.Block(strings.ReplaceAll(text, "\r\n", "\n")), "\n") + "\n"
	}
	return e.Print(text)
}

// Print writes a result.
func (e *Env) Print(text string) error { return e.write([]byte(text)) }
