// Package verify is `hooks verify`: is this request what the provider signed?
package verify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/diagnose"
	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Options is the command line, parsed.
type Options struct {
	Subject   string // a file, an id, "-", or "" for standard input or the last capture
	Request   string // a whole request: a file or "-"
	Provider  string
	Secrets   []string
	Signature string // of a bare body; HasSignature tells "" from none
	Timestamp string
	Tolerance string
	At        string
	URL       string
	Headers   []string
	Explain   bool

	ShowExpected bool // on a terminal

	HasSignature bool
}

const long = `Checks a signature over the bytes as they are, in constant time, and says the verdict.

What is checked is a body with its --signature, or a whole request: raw HTTP, a curl command, a HAR entry, the JSON of a delivery, or a capture by its id. Without an argument it is what standard input holds, on a terminal the last capture. A capture is judged as of its arrival, everything else as of now.

--explain repeats the mistakes that are usually made, up to three at a time, and tells under which the signature is right: nothing is guessed. All secrets that are known here are tried. Neither a secret nor the signature that was expected is shown; --show-expected shows the latter to a person at a terminal.

The secret is --secret, or found as hooks help secrets tells. For providers that sign with a key pair it is their public key or certificate.`

const example = `  $ hooks verify body.json --provider canvelete --secret env:CANVELETE_SECRET --signature 'sha256=…'
  $ hooks verify --request request.http --secret @secret.txt
  $ hooks verify last --explain`

// searchTime bounds the search for causes, for bodies of many megabytes.
const searchTime = 20 * time.Second

// NewCmd returns the command.
func NewCmd(env *cli.Env, run func(context.Context, *cli.Env, Options) error) *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use:     "verify [FILE|ID|-]",
		Short:   "Check a signature by hand",
		Long:    long,
		Example: example,
		Args:    cli.Args(0, 1, "one file or id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Subject = args[0]
			}
			o.HasSignature = cmd.Flags().Changed("signature")
			return run(cmd.Context(), env, o)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&o.Request, "request", "", "check the whole request in `FILE`, or - for standard input")
	fs.StringVar(&o.Provider, "provider", "", "it is from provider `NAME`")
	cli.SecretFlag(cmd, &o.Secrets)
	fs.StringVar(&o.Signature, "signature", "", "the value of the signature header that came with the body")
	fs.StringVar(&o.Timestamp, "timestamp", "", "the timestamp that came with it, as it was spelled")
	fs.StringVar(&o.Tolerance, "tolerance", "", "how old a signed timestamp may be: `DURATION`, or off (default the provider's)")
	fs.StringVar(&o.At, "at", "", "judge the age as of `TIME`")
	fs.StringVar(&o.URL, "url", "", "the address that the provider called, for schemes that sign it")
	fs.StringArrayVarP(&o.Headers, "header", "H", nil, "the request also had header `\"NAME: VALUE\"` (repeatable)")
	fs.BoolVar(&o.Explain, "explain", false, "find out why it is not valid, and prove it")
	fs.BoolVar(&o.ShowExpected, "show-expected", false, "print the signature that would be right, on a terminal only")
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the signature is valid"},
		cli.Exit{Status: cli.StatusNo, When: "it is not, or cannot be judged; or there is no such capture"},
		cli.Exit{Status: cli.StatusError, When: "a file, a secret or the store could not be read"})
	return cmd
}

// verdict is the JSON form of the answer.
type verdict struct {
	Valid      bool            `json:"valid"`
	Reason     *webhook.Reason `json:"reason"`
	Status     webhook.Status  `json:"status"`
	Provider   *string         `json:"provider"`
	EventID    *string         `json:"event_id"`
	EventType  *string         `json:"event_type"`
	Scheme     string          `json:"scheme"`
	SecretName string          `json:"secret_name"`

	Diagnosis []diagnose.Finding `json:"diagnosis,omitempty"`
}

// Run judges and prints the verdict.
func Run(ctx context.Context, env *cli.Env, o Options) error {
	if o.ShowExpected && (!env.OutTerminal || env.Global.WantsJSON()) {
		return cli.Usage(errors.New("--show-expected is for a person at a terminal: what it prints lets anybody send this request as the provider's"),
			"run it in a terminal, without --json and without a pipe; --explain needs no expected signature")
	}
	j, err := env.Judge(o.Provider, o.Tolerance, o.Secrets)
	if err != nil {
		return err
	}
	d, now, err := subject(ctx, env, o, j)
	if err != nil {
		return err
	}
	if len(d.Redacted) > 0 {
		return cli.Usage(fmt.Errorf("parts of this request were masked for sharing (%s): what was signed is not all here", safetext.Line(strings.Join(d.Redacted, ", "))),
			"verify the capture where it was made, or export it with --show-credentials")
	}
	outcome := j.Judge(ctx, d, now)
	if outcome.Problem != nil {
		env.Warn(outcome.Problem.Error())
	}
	if d.Verification.Status == webhook.Verified || !o.Explain {
		if err := print(ctx, env, d, nil); err != nil || d.Verification.Status == webhook.Verified {
			return err
		}
		if err := expected(ctx, env, o, j, d, now); err != nil {
			return err
		}
		return cli.No(append(hints(d, outcome), explainHint(d)...)...)
	}
	if err := explain(ctx, env, j, d, now); err != nil {
		return err
	}
	if err := expected(ctx, env, o, j, d, now); err != nil {
		return err
	}
	return cli.No()
}

// explain finds out why d is not valid and prints it with the verdict.
func explain(ctx context.Context, env *cli.Env, j *judge.Judge, d *webhook.Delivery, now time.Time) error {
	var captured []*webhook.Delivery
	var examples [][]byte
	if p, err := j.Catalogue.Get(d.Provider); err == nil {
		captured, examples = captures(ctx, env, p, d)
	}
	report, err := env.Diagnose(ctx, j, d, now, searchTime, true, func(r *diagnose.Request) {
		r.Captures, r.Examples = bodiesOf(captured), examples
	})
	if err != nil {
		return err
	}
	if err := print(ctx, env, d, report.Findings); err != nil || env.Global.WantsJSON() {
		return err
	}
	if err := env.Print(explanation(env.View(), report)); err != nil || len(captured) == 0 {
		return err
	}
	if f := report.Findings; len(f) > 0 && (f[0].Capture != "" || slices.Equal(f[0].Causes, []diagnose.Cause{diagnose.TimestampExpired})) {
		return nil // it is shown already, or the body is not what is wrong
	}
	return env.Print(compared(env.View(), d, captured[0]))
}

// expected prints the signature that d should have, for a person who asked.
func expected(ctx context.Context, env *cli.Env, o Options, j *judge.Judge, d *webhook.Delivery, now time.Time) error {
	if !o.ShowExpected {
		return nil
	}
	name, value, ok, err := env.Expected(ctx, j, d, now)
	switch {
	case err != nil:
		return err
	case !ok:
		return env.Print("\nexpected  cannot be known: that takes the secret with which the provider signs, in a header\n")
	}
	return env.Print("\nexpected  " + name + ": " + value + "\n") // never folded: it is there to be copied
}

// explainHint points to --explain where it could find something.
func explainHint(d *webhook.Delivery) []string {
	switch d.Verification.Reason {
	case webhook.SignatureMismatch, webhook.SignatureMalformed, webhook.SignatureMissing, webhook.TimestampMissing, webhook.TimestampMalformed:
		return []string{"--explain finds what differs"}
	}
	return nil
}

func print(ctx context.Context, env *cli.Env, d *webhook.Delivery, diagnosis []diagnose.Finding) error {
	v := d.Verification
	valid := v.Status == webhook.Verified
	if env.Global.WantsJSON() {
		out := verdict{Valid: valid, Status: v.Status, Scheme: v.Scheme, SecretName: v.SecretName, Diagnosis: diagnosis}
		for text, to := range map[string]**string{d.Provider: &out.Provider, d.EventID: &out.EventID, d.EventType: &out.EventType} {
			if text != "" {
				*to = &text
			}
		}
		if v.Reason != "" {
			out.Reason = &v.Reason
		}
		return env.JSON(ctx, out)
	}
	glyph := env.View().Glyph(v.Status)
	if !valid {
		glyph = env.View().Glyph(webhook.Invalid)
		return env.Print(glyph + " invalid: " + string(v.Reason) + "\n")
	}
	env.Say("%s %s %s: %s with %s", orDash(d.Provider), orDash(d.EventType), orDash(d.EventID), v.Scheme, secret.Words(v.SecretName))
	return env.Print(glyph + " valid\n")
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return safetext.Line(s)
}

// moment returns the time as of which d is judged.
func moment(env *cli.Env, o Options, d *webhook.Delivery) (time.Time, error) {
	switch {
	case o.At != "":
		t, err := units.ParseTime(o.At, env.Now())
		if err != nil {
			return t, cli.Usagef("--at: %w", err)
		}
		return t, nil
	case !d.ReceivedAt.IsZero():
		return d.ReceivedAt, nil
	}
	return env.Now(), nil
}

// hints says what to do about a verdict that is not good.
func hints(d *webhook.Delivery, outcome judge.Outcome) []string {
	provider := d.Provider
	if provider == "" {
		provider = "PROVIDER"
	}
	switch d.Verification.Reason {
	case webhook.SignatureMismatch:
		if d.Verification.SecretName == secret.DevelopmentName || outcome.Development {
			return []string{"only the development secret of this machine is known: give the provider's with --secret, or keep it with hooks secrets set " + provider}
		}
		return []string{"verify the raw bytes, before any JSON parser touches them, with the secret of this very endpoint"}
	case webhook.SignatureMissing, webhook.SignatureMalformed:
		return []string{"hooks providers show " + provider + " shows what its signature looks like"}
	case webhook.TimestampMissing, webhook.TimestampMalformed:
		return []string{"the timestamp is signed too: give it with --timestamp, or the whole request with --request"}
	case webhook.TimestampExpired, webhook.TimestampFuture:
		return []string{"--at TIME judges as of then, --tolerance off judges the signature alone"}
	case webhook.SecretUnknown:
		return []string{"give --secret env:NAME, or keep it: hooks secrets set " + provider}
	case webhook.ProviderUnknown:
		if len(outcome.Candidates) > 0 {
			return []string{fmt.Sprintf("--provider says whose it is: it fits %s", safetext.Line(fmt.Sprint(outcome.Candidates)))}
		}
		return []string{"--provider says whose it is; hooks providers list shows them"}
	}
	return nil
}
