// Package sign is `hooks sign`: it prints the headers that sign a body, and
// sends nothing.
package sign

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hooks-cli/hooks/internal/cli"
	"github.com/hooks-cli/hooks/internal/ids"
	"github.com/hooks-cli/hooks/internal/judge"
	"github.com/hooks-cli/hooks/internal/outgoing"
	"github.com/hooks-cli/hooks/internal/provider"
	"github.com/hooks-cli/hooks/internal/safetext"
	"github.com/hooks-cli/hooks/internal/secret"
	"github.com/hooks-cli/hooks/internal/units"
	"github.com/hooks-cli/hooks/internal/webhook"
)

// Options is the command line, parsed.
type Options struct {
	Body      string // a file, "-" or ""
	Provider  string
	Secrets   []string
	Event     string
	URL       string
	ID        string
	Timestamp string
	Headers   []string
}

const long = `The body is signed byte for byte as it is in FILE, or on standard input. What is printed is the headers that sign it, as curl's -H @FILE takes them; --format http, curl or json prints the whole request, with the provider's other headers.

Without --provider it is that of the settings, else the one whose event the body is. The secret is found as hooks send finds it.`

const example = `  $ hooks sign body.json --provider canvelete --secret env:CANVELETE_SECRET
  $ hooks sign - --provider sketchpen --timestamp 2026-01-15T10:30:00Z < body.json
  $ hooks sign body.json --format curl --url http://127.0.0.1:3000/webhooks`

// NewCmd returns the command.
func NewCmd(env *cli.Env, run func(context.Context, *cli.Env, Options) error) *cobra.Command {
	var o Options
	cmd := &cobra.Command{
		Use:     "sign [FILE|-]",
		Short:   "Print the signed headers for a body",
		Long:    long,
		Example: example,
		Args:    cli.Args(0, 1, "one file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Body = args[0]
			}
			return run(cmd.Context(), env, o)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&o.Provider, "provider", "", "sign as provider `NAME` does")
	cli.SecretFlag(cmd, &o.Secrets)
	fs.StringVarP(&o.Event, "event", "e", "", "the body is an event of `TYPE`, where it does not show that itself")
	fs.StringVar(&o.URL, "url", "", "the address that the request calls, for schemes that sign it")
	fs.StringVar(&o.ID, "id", "", "sign with the id `ID`, where one is signed")
	fs.StringVar(&o.Timestamp, "timestamp", "", "sign as of `TIME`: RFC 3339, Unix seconds, 1h ago as 1h")
	fs.StringArrayVarP(&o.Headers, "header", "H", nil, "the request also has `HEADER` \"Name: value\" (repeatable)")
	env.CompleteProviders(cmd, "provider")
	env.CompleteEvents(cmd, "event")
	cli.RequestFormats(cmd)
	cli.Quick(cmd)
	cli.Exits(cmd,
		cli.Exit{Status: cli.OK, When: "the headers were printed"},
		cli.Exit{Status: cli.StatusError, When: "the body or a secret could not be read"},
	)
	return cmd
}

// Run signs and prints.
func Run(ctx context.Context, env *cli.Env, o Options) error {
	body, err := read(env, o.Body)
	if err != nil {
		return err
	}
	if err := env.GiveSecrets(o.Secrets); err != nil {
		return err
	}
	p, others, err := choose(ctx, env, o, body)
	if err != nil {
		return err
	}
	if len(p.Schemes()) == 0 {
		return cli.NoBecause(fmt.Errorf("%s signs nothing", p.ID))
	}
	draft, signer, named, err := prepare(ctx, env, o, p, body)
	if err != nil {
		return err
	}
	now := env.Now()
	signed, err := signer.Sign(draft, now)
	if err != nil {
		return cli.Usage(err)
	}
	signed.Verification = signer.Judge(signed, now)
	env.TellChoice(p, others)
	var gen ids.Generator
	signed.ID, signed.ReceivedAt = gen.New(now), now
	if named[0].Name == secret.DevelopmentName {
		env.Say("signed with the development secret: hooks secrets get %s prints it", p.ID)
	} else {
		env.Verbose("signed with %s (%s)", secret.Words(named[0].Name), named[0].Source)
	}
	if env.Global.Format != "" && env.Global.Format != "text" || env.Global.WantsJSON() {
		return env.PrintRequests(ctx, signer.Conceal(signed))
	}
	return printHeaders(env, p, draft, signer.Conceal(signed))
}

// read reads the body. Nothing that is typed at a terminal is waited for: a
// signature covers bytes, and a forgotten file name would wait for ever.
func read(env *cli.Env, name string) ([]byte, error) {
	if name == "" || name == "-" {
		if env.InTerminal {
			return nil, cli.Usage(errors.New("no body to sign"), "name a file, or give it on standard input: hooks sign - < body.json")
		}
		return env.Stdin()
	}
	return env.File(strings.TrimPrefix(name, "@"))
}

func choose(ctx context.Context, env *cli.Env, o Options, body []byte) (p *provider.Provider, others []string, err error) {
	var types []string
	if o.Event != "" {
		types = []string{o.Event}
	}
	return env.ChooseProvider(ctx, o.Provider, types, body)
}

func prepare(ctx context.Context, env *cli.Env, o Options, p *provider.Provider, body []byte) (*webhook.Delivery, *outgoing.Signer, []secret.Named, error) {
	target, err := env.Target(o.URL, p)
	if err != nil {
		return nil, nil, nil, err
	}
	header, err := cli.Headers(o.Headers)
	if err != nil {
		return nil, nil, nil, err
	}
	if body == nil {
		body = []byte{}
	}
	draft, err := outgoing.Compose(outgoing.Order{Provider: p, URL: target.String(), Type: o.Event, Data: body, Header: header})
	if err != nil {
		return nil, nil, nil, cli.Usage(err)
	}
	signer, named, err := env.Signer(ctx, p, target, false)
	if err != nil {
		return nil, nil, nil, err
	}
	signer.ID, signer.Keep = o.ID, o.Timestamp == ""
	if o.Timestamp != "" {
		if signer.At, err = units.ParseTime(o.Timestamp, env.Now()); err != nil {
			return nil, nil, nil, cli.Usagef("--timestamp: %w", err)
		}
	}
	return draft, signer, named, nil
}

// printHeaders prints what signing has added to the request, and the headers
// that are signed with the body: without them nobody can verify it.
func printHeaders(env *cli.Env, p *provider.Provider, draft, signed *webhook.Delivery) error {
	var covers []func(name string) bool
	m := judge.Message(signed)
	for _, s := range p.Schemes() {
		if s.Applies(m) {
			covers = append(covers, judge.CoveredBy(s, m))
		}
	}
	var names []string
	for name, values := range signed.Header {
		covered := slices.ContainsFunc(covers, func(covers func(string) bool) bool { return covers(name) })
		if covered || !slices.Equal(values, draft.Header[name]) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		for _, v := range signed.Header[name] {
			b.WriteString(name + ": " + safetext.Block(v) + "\n")
		}
	}
	if len(signed.Redacted) > 0 {
		env.Say("%s signs by sending the secret itself, which is not shown: hooks secrets get %[1]s", draft.Provider)
	}
	switch {
	case string(signed.Body) != string(draft.Body):
		env.Say("the signature stands in the body: --format http prints all of it")
	case signed.URL != draft.URL:
		env.Say("the signature stands in the address: --format http prints it")
	}
	return env.Print(b.String())
}
